import numpy as np
import pytest

from tlbench.functional.source_weights import darn_weights, softmin_weights, squared_mean_distance


def test_darn_by_hand():
    # losses 0 and 0.6 at tau 1: nu^2 + (nu - 0.6)^2 = 1 gives nu = (0.6 + sqrt(1.64)) / 2
    nu = (0.6 + np.sqrt(2 - 0.36)) / 2
    want = np.array([nu, nu - 0.6])
    assert darn_weights(np.array([0.0, 0.6]), 1.0) == pytest.approx(want / want.sum())
    assert darn_weights(np.array([0.0, 1.5]), 1.0).tolist() == [1.0, 0.0]  # nu = 1 alone


@pytest.mark.parametrize("rule", [darn_weights, softmin_weights])
def test_limits_shifts_and_order(rule):
    losses = np.array([0.4, 0.1, 0.9])
    assert rule(losses, 1e6) == pytest.approx(np.full(3, 1 / 3), abs=1e-5)
    assert rule(losses, 1e-4) == pytest.approx([0, 1, 0])
    assert rule(losses + 7, 0.5) == pytest.approx(rule(losses, 0.5))
    assert rule(losses[::-1], 0.5) == pytest.approx(rule(losses, 0.5)[::-1])
    assert rule(losses, 0.5).sum() == pytest.approx(1)
    assert rule(np.zeros(4), 0.5) == pytest.approx(np.full(4, 0.25))
    with pytest.raises(ValueError, match="tau must be above 0"):
        rule(losses, 0.0)


def test_softmin_by_hand():
    assert softmin_weights(np.array([0.0, np.log(3)]), 1.0) == pytest.approx([0.75, 0.25])


def test_the_distance_is_the_share_of_the_spread_between_the_samples():
    # at -1, 1 and 3, 5: means 0 and 4 about 2; between 4, within 1, so 4 / 5
    assert squared_mean_distance(np.array([[-1.0], [1]]), np.array([[3.0], [5]])) == pytest.approx(0.8)
    x = np.random.default_rng(0).normal(size=(9, 3))
    assert squared_mean_distance(x, x) == pytest.approx(0)
    assert squared_mean_distance(5 * x + 2, 5 * x[:4] + 2) == pytest.approx(squared_mean_distance(x, x[:4]))
    assert squared_mean_distance(np.zeros((2, 1)), np.zeros((3, 1))) == 0
    assert squared_mean_distance(np.zeros((2, 1)), np.ones((3, 1))) == pytest.approx(1)
