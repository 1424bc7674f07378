import numpy as np
import pytest
import scipy.sparse as sp
from scipy.optimize import linear_sum_assignment, linprog
from scipy.special import logsumexp

from tlbench.errors import Refused, TlbenchError
from tlbench.functional import transport
from tlbench.functional.transport import barycentres, entropic_plan, exact_plan, misplaced, reach, scaled_cost


def draw(n: int, width: int = 3, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, width)) + seed


def sinkhorn(cost, reg, sweeps=500):
    """Potentials in logs, one side after the other."""
    n, m = cost.shape
    u, v = np.zeros(n), np.zeros(m)
    for _ in range(sweeps):
        v = -np.log(m) - logsumexp(u[:, None] - cost / reg, axis=0)
        u = -np.log(n) - logsumexp(v[None] - cost / reg, axis=1)
    return np.exp(u[:, None] + v[None] - cost / reg)


def linear_programme(cost):
    n, m = cost.shape
    sums = np.concatenate([np.kron(np.eye(n), np.ones(m)), np.kron(np.ones(n), np.eye(m))])
    masses = np.concatenate([np.full(n, 1 / n), np.full(m, 1 / m)])
    return linprog(cost.ravel(), A_eq=sums, b_eq=masses).fun


def test_the_entropic_plan_of_two_rows_each_is_a_logistic_function():
    # g = [[s, 1-s], [1-s, s]] / 2 with log(s / (1-s)) = 1 / reg; reg = 1 / ln 3 gives s = 3/4
    plan = entropic_plan(np.array([[0.0, 1], [1, 0]]), 1 / np.log(3))
    assert plan == pytest.approx(np.array([[3, 1], [1, 3]]) / 8)


@pytest.mark.parametrize("safe", [400, 0], ids=["plain", "logarithms"])
@pytest.mark.parametrize(("n", "m"), [(7, 7), (5, 9), (1, 4), (6, 2)])
def test_the_entropic_plan_agrees_with_sinkhorns_sweeps_and_has_its_sums(n, m, safe, monkeypatch):
    monkeypatch.setattr(transport, "SAFE_RANGE", safe)
    cost = scaled_cost(draw(n), draw(m, seed=1), np.max)
    plan = entropic_plan(cost, 0.1)
    np.testing.assert_allclose(plan, sinkhorn(cost, 0.1), atol=1e-8)
    np.testing.assert_allclose(plan.sum(axis=1), 1 / n)
    np.testing.assert_allclose(plan.sum(axis=0), 1 / m, atol=1e-8)
    assert (plan > 0).all()
    np.testing.assert_allclose(entropic_plan(cost + 5, 0.1), plan, atol=1e-9)  # a cost that all pay


def test_costs_far_beyond_the_range_of_exp_give_a_plan_too():
    cost = 100 * scaled_cost(draw(8), draw(8, seed=1), np.max)
    np.testing.assert_allclose(entropic_plan(1e6 + cost, 10.0), sinkhorn(cost, 10.0), atol=1e-8)  # exp(-1e5) is 0
    np.testing.assert_allclose(entropic_plan(1000 * (1 - np.eye(3)), 1.0), np.eye(3) / 3, atol=1e-12)


def test_sweeps_that_do_not_suffice_are_refused(monkeypatch):
    cost = scaled_cost(draw(9), draw(9, seed=1), np.max)
    entropic_plan(cost, 0.05)
    monkeypatch.setattr(transport, "MOST_SWEEPS", 1)
    with pytest.raises(Refused, match=r"of its mass out of place.*Set method\.reg="):
        entropic_plan(cost, 0.05)


def test_the_exact_plan_finds_a_permutation():
    xs, order = draw(12), np.random.default_rng(3).permutation(12)
    plan = exact_plan(scaled_cost(xs, xs[order] + 0.3, np.max))
    np.testing.assert_array_equal(plan.argmax(axis=1), np.argsort(order))
    np.testing.assert_array_equal(np.sort(plan.ravel())[:-12], 0)
    np.testing.assert_allclose(barycentres(plan, xs[order] + 0.3), xs + 0.3)


@pytest.mark.parametrize(("n", "m"), [(6, 6), (5, 8), (9, 4)])
def test_the_exact_plan_costs_what_a_linear_programme_finds(n, m):
    cost = scaled_cost(draw(n), draw(m, seed=1), np.mean)
    plan = exact_plan(cost)
    assert (plan * cost).sum() == pytest.approx(linear_programme(cost))
    assert misplaced(plan) < 1e-12
    assert (plan > 0).sum() <= n + m - 1
    if n == m:
        np.testing.assert_array_equal(plan.argmax(axis=1), linear_sum_assignment(cost)[1])


def test_pivots_that_do_not_suffice_are_refused(monkeypatch):
    cost = scaled_cost(draw(30), draw(30, seed=1), np.max)
    exact_plan(cost)
    monkeypatch.setattr(transport, "MOST_PIVOTS", 1)
    with pytest.raises(Refused, match="not found within 1 pivots"):
        exact_plan(cost)


def test_costs_are_squared_distances_over_their_largest_or_mean():
    xs, xt = draw(5), draw(4, seed=1)
    want = ((xs[:, None] - xt[None]) ** 2).sum(-1)
    np.testing.assert_allclose(scaled_cost(xs, xt, np.max), want / want.max())
    np.testing.assert_allclose(scaled_cost(sp.csr_matrix(xs), sp.csr_matrix(xt), np.mean), want / want.mean())
    assert not scaled_cost(np.ones((2, 3)), np.ones((4, 3)), np.max).any()


def test_a_plan_larger_than_a_gibibyte_is_refused(monkeypatch):
    monkeypatch.setattr(transport, "MOST_ENTRIES", 20)
    assert scaled_cost(draw(5), draw(4), np.max).shape == (5, 4)
    with pytest.raises(Refused, match=r"plan of 7 source and 3 target .*protocol\.n_source"):
        scaled_cost(draw(7), draw(3), np.max)


def test_mass_out_of_place():
    # rows have 1/2 each, columns .7 and .3 instead of .5 and .5
    assert misplaced(np.array([[0.4, 0.1], [0.3, 0.2]])) == pytest.approx(0.4)
    assert misplaced(np.array([[0.4, 0.3], [0.1, 0.2]])) == pytest.approx(0.4)
    assert np.isnan(misplaced(np.array([[np.nan, 0.5]])))


def test_barycentres_and_reach():
    plan = np.array([[0.3, 0.1, 0.0], [0.2, 0.2, 0.2]])
    # (3/4, 1/4): exp of 3/4 ln 4/3 + 1/4 ln 4; thirds: 3
    assert reach(plan) == pytest.approx(((4 / 3) ** 0.75 * 4**0.25 + 3) / 2)
    np.testing.assert_allclose(barycentres(plan, np.array([[0.0], [4], [8]])), [[1.0], [4]])


def test_pot_is_asked_for_where_it_is_missing(monkeypatch):
    transport.need_pot("jdot")
    monkeypatch.setattr(transport, "find_spec", lambda name: None)
    with pytest.raises(TlbenchError, match=r"method=jdot needs the library 'ot'.*pip install 'tlbench\[ot\]'"):
        transport.need_pot("jdot")
