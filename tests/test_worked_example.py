"""The example by hand of docs/quantities.md."""

import numpy as np
import pytest

from tlbench.transfer.cells import corrected, crossed, half_width, p_above
from tlbench.transfer.gain import paired_gain

RUN = np.array([[1, 1, 1, 1, 0, 1], [1, 1, 1, 1, 1, 1], [1, 1, 0, 1, 0, 1]], bool)
REFERENCE = np.array([[1, 0, 0, 1, 0, 1], [1, 0, 1, 1, 0, 1], [1, 0, 0, 1, 0, 1]], bool)


def test_every_number_of_the_page():
    alone = paired_gain(RUN[0], REFERENCE[0], np.arange(6), alpha=0.05)
    assert (round(alone.gain, 2), alone.p) == (33.33, 0.5)
    cell = crossed(RUN.astype(float) - REFERENCE, np.ones((3, 6)))
    assert (cell.gain, cell.seed_var, cell.unit_var) == pytest.approx((27.78, 38.58, 185.19), abs=0.005)
    assert half_width([cell], 0.05)[0] == pytest.approx(42.92, abs=0.005)
    p = 2 * p_above([cell], np.array([cell.gain]))[0]
    assert p == pytest.approx(0.1407, abs=5e-5)
    assert corrected([p, 0.01, 0.02], "holm") == pytest.approx([0.1407, 0.03, 0.04], abs=5e-5)
