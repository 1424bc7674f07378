import numpy as np
import pytest
from sklearn.linear_model import Ridge

from tlbench.transfer.unit_ridge import unit_ridge


def test_by_hand():
    # x = -1, 1 and y = 1, 5: centred y = -2, 2, so w = 4 / (2 + 1) and b = 3
    weights, intercept = unit_ridge(np.array([[-1.0], [1.0]]), np.array([[1.0], [5.0]]))
    assert (weights.item(), intercept.item()) == (pytest.approx(4 / 3), pytest.approx(3))


@pytest.mark.parametrize("shape", [(30, 4), (8, 40), (5, 5)])
def test_it_is_scikit_learns(shape):
    rng = np.random.default_rng(0)
    x, y = rng.normal(1, 1, size=shape), rng.normal(size=(shape[0], 3))
    want = Ridge(alpha=1.0).fit(x, y)
    weights, intercept = unit_ridge(x, y)
    np.testing.assert_allclose(weights.T, want.coef_, rtol=1e-10, atol=1e-14)
    np.testing.assert_allclose(intercept, want.intercept_, rtol=1e-10, atol=1e-14)
