import numpy as np
import pytest
from scipy.optimize import LinearConstraint, minimize
from sklearn.svm import SVC

from tlbench.functional import quadratic
from tlbench.functional.quadratic import _lowest, _projected, box_qp


def problem(n, seed=0, rank=None):
    rng = np.random.default_rng(seed)
    root = rng.normal(size=(n, rank or n))
    return root @ root.T / n, rng.normal(size=n)


def value(matrix, linear, x):
    return 0.5 * x @ matrix @ x - linear @ x


def slsqp(matrix, linear, upper, signs, low, high):
    n = len(linear)
    sums = [] if signs is None else [LinearConstraint(signs, low, high)]
    start = np.full(n, 0.1) if signs is None or low <= 0.1 * signs.sum() <= high else np.where(signs > 0, 0.9, 0.1)
    options = {"maxiter": 1000, "ftol": 1e-14}
    found = minimize(
        lambda x: value(matrix, linear, x), start, jac=lambda x: matrix @ x - linear, method="SLSQP",
        bounds=[(0, u) for u in np.broadcast_to(upper, n)], constraints=sums, options=options,
    )  # fmt: skip
    assert found.success
    return found.x


def test_by_hand():
    # x'x / 2 - (2, 1)'x: free (2, 1); in the box of 1.5 (1.5, 1); with a sum of 1 (1, 0); of 2 (1.5, 0.5)
    one = np.array([2.0, 1.0])
    for bounds, want in (
        ({"upper": 9.0}, [2, 1]),
        ({"upper": 1.5}, [1.5, 1]),
        ({"upper": 1.5, "high": 1.0}, [1, 0]),
        ({"upper": 1.5, "low": 2.0, "high": 2.0}, [1.5, 0.5]),
        ({"upper": np.array([9.0, 0.25])}, [2, 0.25]),
        ({"upper": 9.0, "low": 4.0}, [2.5, 1.5]),
        ({"upper": 9.0, "signs": np.array([1.0, -1.0]), "low": 0.0, "high": 0.0}, [1.5, 1.5]),
        ({"upper": 9.0, "signs": np.array([1.0, -1.0]), "low": 2.0}, [2.5, 0.5]),
        ({"upper": 9.0, "signs": np.array([-1.0, 1.0]), "low": -0.5, "high": 0.5}, [1.75, 1.25]),
    ):
        x, gap = box_qp(np.eye(2), one, tol=1e-12, **bounds)
        assert x == pytest.approx(want, abs=1e-6)
        assert 0 <= gap < 1e-10


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(
    ("signs", "low", "high"),
    [(None, None, None), (1, 9.0, 10.0), (1, 0.0, 0.5), (-1, 0.0, 0.0), (-1, 1.5, 2.0), (-1, -3.0, -2.5)],
)
def test_agrees_with_slsqp(seed, signs, low, high):
    matrix, linear = problem(12, seed, rank=7)
    signs = None if signs is None else np.where(np.arange(12) % 2, signs, 1.0)
    upper = np.linspace(0.5, 1.5, 12)
    bounds = {} if signs is None else {"signs": signs, "low": low, "high": high}
    x, gap = box_qp(matrix, linear, upper=upper, tol=1e-10, **bounds)
    want = value(matrix, linear, slsqp(matrix, linear, upper, signs, low, high))
    assert value(matrix, linear, x) == pytest.approx(want, abs=1e-7)
    assert ((x >= 0) & (x <= upper)).all()
    assert signs is None or low - 1e-9 <= signs @ x <= high + 1e-9
    assert -1e-9 <= value(matrix, linear, x) - want <= gap + 1e-7


def test_the_gap_bounds_what_is_missing_wherever_the_steps_end(monkeypatch):
    matrix, linear = problem(40, rank=30)
    bounds = {"upper": 1.0, "low": 10.0, "high": 12.0}
    best = value(matrix, linear, box_qp(matrix, linear, tol=1e-13, **bounds)[0])
    for steps in (1, 3, 10, 30):
        monkeypatch.setattr(quadratic, "STEPS", steps)
        x, gap = box_qp(matrix, linear, tol=0.0, **bounds)
        assert 0 <= value(matrix, linear, x) - best <= gap
        assert gap > 1e-6


def test_momentum_saves_steps(monkeypatch):
    draw = np.random.default_rng(0)
    rows, goals = draw.normal(size=(60, 4)), draw.normal(size=(40, 4)) + 0.7
    matrix, across = (np.exp(-np.square(rows[:, None] - x).sum(-1) / 8) for x in (rows, goals))
    monkeypatch.setattr(quadratic, "STEPS", 200)
    linear = 60 * across.mean(axis=1) + 0.01
    _, gap = box_qp(matrix + 0.01 * np.eye(60), linear, upper=10.0, low=6.0, high=114.0, tol=0.0)
    assert gap < 0.5  # plain steps along the gradient leave ten times that


def test_a_start_at_the_optimum_is_the_answer_to_the_bit():
    matrix, _ = problem(30)
    x, gap = box_qp(matrix, matrix @ np.ones(30), upper=10.0, low=29.0, high=31.0, start=np.ones(30))
    assert (x == 1).all()
    assert gap < 1e-10


@pytest.mark.parametrize("n", [60, 150])
def test_it_solves_the_dual_of_an_svm(n):
    rng = np.random.default_rng(1)
    y = np.where(np.arange(n) % 2, 1.0, -1.0)
    rows = rng.normal(size=(n, 3)) + 0.7 * y[:, None]
    model = SVC(kernel="linear", C=0.5, tol=1e-8).fit(rows, y)
    dual = np.zeros(n)
    dual[model.support_] = np.abs(model.dual_coef_[0])
    matrix = (rows @ rows.T) * np.outer(y, y)
    x, _ = box_qp(matrix, np.ones(n), upper=0.5, signs=y, low=0.0, high=0.0, tol=1e-9)
    assert value(matrix, np.ones(n), x) == pytest.approx(value(matrix, np.ones(n), dual), rel=1e-6)
    assert (x * y) @ rows == pytest.approx(model.coef_[0], abs=1e-3)
    assert y @ x == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("bounds", [(2.0, 2.5), (-3.0, -2.0), (-0.1, 0.1)])
def test_projection_and_lowest_point_are_those_of_their_conditions(seed, bounds):
    rng = np.random.default_rng(seed)
    x, upper, signs = 2 * rng.normal(size=9), rng.uniform(0.5, 1.5, 9), rng.permutation([1.0] * 4 + [-1.0] * 5)
    near = _projected(x, upper, signs, bounds)
    low = _lowest(x, upper, signs, bounds)
    others = rng.uniform(size=(20_000, 9)) * upper
    others = others[(others @ signs >= bounds[0]) & (others @ signs <= bounds[1])]
    for point in (near, low):
        assert ((point >= 0) & (point <= upper + 1e-12)).all()
        assert bounds[0] - 1e-9 <= signs @ point <= bounds[1] + 1e-9
    # the projection has no feasible point on the far side of it: (x - p)'(z - p) <= 0; the lowest point none below it
    assert ((others - near) @ (x - near) <= 1e-9).all()
    assert (others @ x >= low @ x - 1e-9).all()


@pytest.mark.parametrize(
    ("matrix", "bounds", "told"),
    [
        (np.eye(3), {"upper": 1.0}, "got 2 linear terms, a matrix of shape"),
        (np.eye(2), {"upper": 1.0, "signs": np.ones(3)}, "signs of shape"),
        (np.eye(2), {"upper": 1.0, "signs": np.array([1.0, 0.5])}, "signs of 1 and -1"),
        (np.eye(2), {"upper": 0.0}, "upper bounds above 0"),
        (np.eye(2), {"upper": 1.0, "low": 2.1}, "no x in the box"),
        (np.eye(2), {"upper": 1.0, "high": -0.1}, "no x in the box"),
        (np.eye(2), {"upper": 1.0, "low": 1.0, "high": 0.5}, "no x in the box"),
    ],
)
def test_refusals(matrix, bounds, told):
    box_qp(np.eye(2), np.ones(2), upper=1.0, low=2.0)  # allowed: the only feasible point
    with pytest.raises(ValueError, match=told):
        box_qp(matrix, np.ones(2), **bounds)
