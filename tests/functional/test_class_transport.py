import numpy as np
import ot
import pytest
from scipy.optimize import minimize_scalar
from scipy.special import xlogy

from tlbench.functional.class_transport import GAP, group_lasso_plan, members, purity
from tlbench.functional.transport import entropic_plan, misplaced, scaled_cost

N, M = 30, 24
Y = np.arange(N) % 3
_RNG = np.random.default_rng(0)
XS = _RNG.normal(size=(N, 4)) + 2 * np.eye(3, 4)[Y]
XT = _RNG.normal(size=(M, 4)) + 2 * np.eye(3, 4)[np.arange(M) % 3] + 0.5
COST = scaled_cost(XS, XT, np.max)


def lasso(plan, labels):
    """The penalty and its slope, entry by entry."""
    value, slope = 0.0, np.zeros_like(plan)
    for c in np.unique(labels):
        for j in range(plan.shape[1]):
            part = plan[labels == c, j]
            value += np.linalg.norm(part)
            slope[labels == c, j] = part / np.linalg.norm(part)
    return value, slope


def objective(plan, reg, eta, labels=Y):
    return (plan * COST).sum() + reg * (plan * np.log(plan)).sum() + eta * lasso(plan, labels)[0]


def additive_part_removed(a):
    return a - a.mean(axis=0) - a.mean(axis=1, keepdims=True) + a.mean()


@pytest.mark.parametrize(("reg", "eta"), [(0.1, 0.1), (0.03, 0.1), (0.03, 0.5), (1.0, 1.0)])
def test_the_lasso_plan_is_stationary(reg, eta):
    # Lagrange: cost + eta slope + reg log g = u_i + v_j, at the one minimum of a convex problem
    plan, _ = group_lasso_plan(COST, Y, reg=reg, eta=eta, rounds=300)
    residual = additive_part_removed(COST + eta * lasso(plan, Y)[1] + reg * np.log(plan))
    assert np.abs(plan * residual).sum() < 1e-3 * eta
    assert misplaced(plan) < 1e-6


def test_two_rows_of_one_class_agree_with_a_search_along_a_line():
    # g = [[s, 1-s], [1-s, s]] / 2 by symmetry, and each column's norm is sqrt(s^2 + (1-s)^2) / 2
    cost, reg, eta = np.array([[0.0, 1], [1, 0]]), 0.4, 0.7

    def along(s):
        return (1 - s) + reg * (xlogy(s, s / 2) + xlogy(1 - s, (1 - s) / 2)) + eta * np.hypot(s, 1 - s)

    want = minimize_scalar(along, bounds=(0, 1), method="bounded", options={"xatol": 1e-10})
    plan, history = group_lasso_plan(cost, np.array([4, 4]), reg=reg, eta=eta, rounds=100)
    assert 2 * plan[0, 0] == pytest.approx(want.x, abs=1e-3)
    assert history[-1]["objective"] == pytest.approx(want.fun, abs=1e-6)
    assert want.x < 2 * entropic_plan(cost, reg)[0, 0] - 0.01  # eta has a part in it


def test_without_penalty_it_is_the_entropic_plan():
    plan, history = group_lasso_plan(COST, Y, reg=0.1, eta=0.0, rounds=50)
    np.testing.assert_array_equal(plan, entropic_plan(COST, 0.1))
    assert len(history) == 1


def test_classes_of_one_row_each_leave_the_lasso_nothing_to_say():
    # a norm of one entry is the entry, and all entries sum to 1: the penalty is constant
    plan, _ = group_lasso_plan(COST, np.arange(N), reg=0.1, eta=0.5, rounds=50)
    np.testing.assert_allclose(plan, entropic_plan(COST, 0.1), atol=1e-7)


def test_where_the_penalty_is_small_pots_solver_agrees_and_where_it_is_not_it_stops_short():
    n, m = np.full(N, 1 / N), np.full(M, 1 / M)
    small = ot.da.sinkhorn_l1l2_gl(n, Y, m, COST, 1.0, 0.01, numInnerItermax=5000)
    np.testing.assert_allclose(group_lasso_plan(COST, Y, reg=1.0, eta=0.01, rounds=50)[0], small, rtol=2e-4)
    short = ot.da.sinkhorn_l1l2_gl(n, Y, m, COST, 0.03, 0.1, numItermax=500, numInnerItermax=5000)
    plan, history = group_lasso_plan(COST, Y, reg=0.03, eta=0.1, rounds=300)
    assert history[-1]["objective"] == pytest.approx(objective(plan, 0.03, 0.1))
    assert objective(plan, 0.03, 0.1) < objective(short, 0.03, 0.1) + GAP


def test_the_objective_falls_from_round_to_round_and_the_gap_bounds_what_is_left():
    _, history = group_lasso_plan(COST, Y, reg=0.03, eta=0.3, rounds=400)
    values = [round_["objective"] for round_ in history]
    assert (np.diff(values) < 1e-12).all()
    assert 5 < len(history) < 400
    assert history[-1]["gap"] <= GAP < history[-2]["gap"]
    assert all(round_["objective"] - round_["gap"] <= values[-1] + 1e-9 for round_ in history)
    assert len(group_lasso_plan(COST, Y, reg=0.03, eta=0.3, rounds=3)[1]) == 3


def test_the_order_of_rows_and_the_names_of_classes_change_nothing_and_the_classes_do():
    how = {"reg": 0.05, "eta": 0.2, "rounds": 60}
    plan, _ = group_lasso_plan(COST, Y, **how)
    order, other = np.random.default_rng(1).permutation(N), np.random.default_rng(2).permutation(M)
    moved, _ = group_lasso_plan(COST[order][:, other], np.array([7, 2, 5])[Y][order], **how)
    np.testing.assert_allclose(moved, plan[order][:, other], atol=1e-7)
    assert np.abs(group_lasso_plan(COST, np.sort(Y), **how)[0] - plan).sum() > 0.05


def test_purity_is_the_mass_of_the_leading_class():
    plan = np.array([[0.3, 0.0], [0.1, 0.2], [0.1, 0.3]])
    # columns by class (rows 0, 1 against row 2): .4 | .1 and .2 | .3
    assert purity(plan, members(np.array([0, 0, 1]))) == pytest.approx(0.4 + 0.3)
    mixed, apart = (group_lasso_plan(COST, Y, reg=0.03, eta=eta, rounds=99)[1][-1]["purity"] for eta in (0.0, 0.5))
    assert apart > mixed + 0.05
