import numpy as np
import pytest
from scipy.linalg import fractional_matrix_power

from tlbench.functional.powers import scatter, times_power, tridiagonal


def draw(n: int, width: int, seed: int = 0, spread: float = 1.0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, width)) * spread ** np.linspace(0, 1, width) + 3


def by_definition(x, of, ridge, power):
    values, vectors = np.linalg.eigh(np.cov(of.T) + ridge * np.eye(of.shape[1]))
    return ((x @ vectors) * values**power) @ vectors.T


@pytest.mark.parametrize("power", [0.5, -0.5, 1.0, -1.0, 0.3])
@pytest.mark.parametrize(("n", "m"), [(3, 40), (30, 40), (3, 6), (6, 6), (4, 12), (4, 13)])
@pytest.mark.parametrize("ridge", [1.0, 1e-3, 100.0])
def test_agrees_with_the_power_of_the_covariance(n, m, power, ridge):
    x, of = draw(n, 12, 1), draw(m, 12, 2, spread=5.0)
    want = x @ fractional_matrix_power(np.cov(of.T) + ridge * np.eye(12), power)
    np.testing.assert_allclose(times_power(x, of, ridge, power), want, rtol=1e-8, atol=1e-9 * np.abs(want).max())


@pytest.mark.parametrize(
    ("ridge", "spread"), [(1.0, 1.0), (1.0, 1e4), (1e-2, 1e2), (1e-5, 10.0), (1e-5, 1.0), (1e-9, 1.0)]
)
@pytest.mark.parametrize("power", [0.5, -0.5])
def test_few_rows_and_many_give_the_same_rows(ridge, spread, power):
    x, of = draw(60, 60, 1), draw(90, 60, 2, spread)  # 60 rows of 60 go by eigenvectors, 20 by the tridiagonal form
    many = times_power(x, of, ridge, power)
    condition = np.cov(of.T).trace() / ridge  # rounding of the covariance, seen beside the ridge
    tolerance = {"rtol": 1e-9, "atol": max(1e-12, 1e-15 * condition) * np.abs(many).max()}
    np.testing.assert_allclose(times_power(x[:20], of, ridge, power), many[:20], **tolerance)
    np.testing.assert_allclose(many, by_definition(x, of, ridge, power), **tolerance)


def test_columns_without_variance_are_only_scaled():
    of = draw(90, 60)
    of[:, 5:] = 7.0
    for n in (5, 60):
        x = draw(n, 60, 1)
        np.testing.assert_allclose(times_power(x, of, 4.0, 0.5)[:, 5:], 2 * x[:, 5:])
        np.testing.assert_allclose(times_power(x, of, 4.0, -0.5)[:, 5:], x[:, 5:] / 2)


def test_whole_numbers_are_taken_as_numbers():
    of, x = np.arange(36).reshape(12, 3) % 7, np.array([[1, 2, 3]])
    np.testing.assert_allclose(times_power(x, of, 1.0, 0.5), times_power(x * 1.0, of * 1.0, 1.0, 0.5))


def test_two_powers_undo_each_other_and_the_factorisation_is_kept():
    x, of = draw(10, 60), draw(90, 60, 1)
    np.testing.assert_allclose(times_power(times_power(x, of, 0.1, 0.5), of, 0.1, -0.5), x, rtol=1e-10)
    assert tridiagonal(of)[0] is tridiagonal(of.copy())[0]
    assert scatter(of)[1] is scatter(of.copy())[1]
