"""No test fails because the machine is busy."""

import time

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st


@settings(max_examples=2)
@given(st.integers())
def test_an_example_may_take_longer_than_hypothesis_would_wait(number):
    time.sleep(0.25)  # its own deadline is 0.2 s


def test_settings_of_a_tests_own_keep_that():
    own = settings(max_examples=3)
    assert own.deadline is None
    assert HealthCheck.too_slow in own.suppress_health_check
