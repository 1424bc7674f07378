"""Shares and weights by hand, against solvers of another kind, and where no system tells them."""

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.stats import norm

from tlbench.functional.class_shares import (
    bounded_weights,
    confusion,
    corrected,
    inverse_condition,
    mixture_shares,
    rlls_radius,
    solved_weights,
)

P, Q = np.array([0.5, 0.3, 0.2]), np.array([0.1, 0.2, 0.7])
GUESS_GIVEN_LABEL = np.array([[0.8, 0.1, 0.2], [0.1, 0.7, 0.1], [0.1, 0.2, 0.7]])
C, MU = GUESS_GIVEN_LABEL * P, GUESS_GIVEN_LABEL @ Q


def test_confusion_by_hand():
    # guess 0 for labels 0 and 1, guess 1 for label 1 twice, nothing for class 2
    found = confusion(np.array([0, 0, 1, 1]), np.array([0, 1, 1, 1]), 3)
    assert found.tolist() == [[0.25, 0.25, 0], [0, 0.5, 0], [0, 0, 0]]


def test_a_known_confusion_gives_the_ratio_of_shares():
    assert solved_weights(C, MU) == pytest.approx(Q / P, abs=1e-12)
    assert bounded_weights(C, MU, 0.0)[0] == pytest.approx(Q / P, abs=1e-5)


def test_without_a_shift_the_weights_are_one():
    assert solved_weights(C, C.sum(axis=1)) == pytest.approx(np.ones(3), abs=1e-12)
    for rho in (0.0, 0.1):
        assert bounded_weights(C, C.sum(axis=1), rho)[0] == pytest.approx(np.ones(3), abs=1e-9)


def test_permuted_classes_have_permuted_weights():
    order = np.array([2, 0, 1])
    turned = C[np.ix_(order, order)]
    assert solved_weights(turned, MU[order]) == pytest.approx((Q / P)[order], abs=1e-12)
    one, other = bounded_weights(C, MU, 0.05)[0], bounded_weights(turned, MU[order], 0.05)[0]
    assert other == pytest.approx(one[order], abs=1e-6)


def test_negative_weights_are_cut_and_the_shares_of_the_target_sum_to_one():
    # C = diag(1/2) with an error: w = C^-1 mu = (-1/2, 5/2) for these guesses; cut: (0, 5/2), times 1 / (5/2 * 1/2)
    c = np.array([[0.4, 0.1], [0.1, 0.4]])
    mu = c @ np.array([-0.5, 2.5])
    assert solved_weights(c, mu) == pytest.approx([0, 2])
    assert c.sum(axis=0) @ bounded_weights(c, mu, 0.01)[0] == pytest.approx(1)


def test_a_class_that_is_never_guessed_keeps_what_the_others_do_not_tell():
    # guesses tell class 0 from the two others only: their share falls from 1/2 to 1/4, each alike
    c = np.array([[0.5, 0, 0], [0, 0.25, 0.25], [0, 0, 0]])
    assert inverse_condition(c) == 0
    assert solved_weights(c, np.array([0.75, 0.25, 0])) == pytest.approx([1.5, 0.5, 0.5])
    assert inverse_condition(np.diag([0.5, 0.25])) == pytest.approx(0.5)


def test_where_nothing_is_left_the_weights_are_one():
    c = np.array([[0.5, 0.5], [0.0, 0.0]])  # the target has nothing but the guess that the source never had
    assert solved_weights(c, np.array([0.0, 1.0])) == pytest.approx([1, 1])
    assert bounded_weights(c, np.array([0.0, 1.0]), 0.0)[0] == pytest.approx([1, 1])


@pytest.mark.parametrize("rho", [0.01, 0.05, 0.1, 0.2])
@pytest.mark.parametrize("seed", range(3))
def test_the_bounded_problem_is_solved_as_another_solver_solves_it(rho, seed):
    rng = np.random.default_rng(seed)
    p, q = rng.dirichlet(np.full(4, 2.0)), rng.dirichlet(np.full(4, 0.3))
    given = rng.dirichlet(np.ones(4), size=4).T + 2 * np.eye(4)
    c = given / given.sum(axis=0) * p
    mu = given / given.sum(axis=0) @ q

    def objective(theta):
        return np.linalg.norm(c @ theta - (mu - c.sum(axis=1))) + rho * np.linalg.norm(theta)

    starts = [np.zeros(4) + 0.01, q / p - 1, rng.normal(size=4)]
    found = [minimize(objective, np.maximum(s, -1), method="SLSQP", bounds=[(-1, None)] * 4, tol=1e-12) for s in starts]
    _, theta = bounded_weights(c, mu, rho)
    assert (theta >= -1).all()
    assert objective(theta) <= min(objective(np.zeros(4)), *(one.fun for one in found)) + 1e-7
    weights, _ = bounded_weights(c, mu, rho, trust=0.5)
    assert weights == pytest.approx((1 + theta / 2) / (p @ (1 + theta / 2)))


def test_strong_regularisation_leaves_one_and_the_bound_holds():
    # at theta = 0 the slope of |C theta - b| is |C' b| / |b| <= |C|, the largest singular value: any larger rho wins
    weights, theta = bounded_weights(C, MU, np.linalg.norm(C, 2) * 1.01)
    assert theta.tolist() == [0, 0, 0]
    assert weights == pytest.approx(np.ones(3))
    gone = np.array([0.0, 0.3, 0.7])
    assert bounded_weights(C, GUESS_GIVEN_LABEL @ gone - np.array([0.03, 0, -0.03]), 0.001)[1].min() >= -1


def test_the_radius_by_hand():
    # 2k / delta = 2 * 5 / 0.1 = 100, ln = 4.60517; 3 (2 * 4.60517 / 300 + sqrt(2 * 4.60517 / 100)) = 0.092103 + 0.910456
    assert rlls_radius(100, 5, delta=0.1) == pytest.approx(1.002559, abs=1e-6)


def test_em_by_hand_where_every_row_is_sure():
    # one round from any start: the shares of the rows
    says = np.eye(3)[[0, 0, 1, 2, 2, 2, 2, 2]]
    shares, rounds = mixture_shares(says, np.full(3, 1 / 3))
    assert shares == pytest.approx([2 / 8, 1 / 8, 5 / 8])
    assert rounds == 2


def test_em_is_where_the_likelihood_is_largest():
    rng = np.random.default_rng(0)
    says, prior = rng.dirichlet(np.ones(2), size=50), np.array([0.3, 0.7])
    grid = np.linspace(0, 1, 10001)[1:-1]
    ratio = says / prior
    best = grid[np.argmax([np.log(ratio @ np.array([q, 1 - q])).sum() for q in grid])]
    assert mixture_shares(says, prior)[0][0] == pytest.approx(best, abs=2e-4)


def test_em_with_exact_posteriors_finds_the_shares_of_two_gaussians():
    # the deviation of the estimate at 20000 rows is about 0.005
    rng = np.random.default_rng(1)
    labels = rng.random(20000) < 0.2
    z = rng.normal(size=20000) + 2.0 * labels
    density = np.stack([norm.pdf(z), norm.pdf(z, 2)], axis=1)
    for prior in (np.array([0.5, 0.5]), np.array([0.9, 0.1])):
        says = density * prior / (density @ prior)[:, None]
        assert mixture_shares(says, prior)[0] == pytest.approx([0.8, 0.2], abs=0.015)


def test_em_on_the_rows_that_the_prior_is_the_mean_of_ends_where_it_starts():
    says = np.random.default_rng(2).dirichlet(np.ones(4), size=30)
    shares, rounds = mixture_shares(says, says.mean(axis=0))
    assert shares == pytest.approx(says.mean(axis=0), abs=1e-12)
    assert rounds == 1
    with pytest.raises(ValueError, match=r"priors above 0, got 0\.0"):
        mixture_shares(says, np.array([0.0, 0.5, 0.25, 0.25]))


def test_em_ends_after_the_rounds_that_it_is_given():
    says = np.array([[0.6, 0.4], [0.5, 0.5], [0.7, 0.3]])
    assert mixture_shares(says, np.array([0.5, 0.5]), rounds=3)[1] == 3


def test_corrected_by_hand():
    # (0.6 * 1, 0.4 * 3) = (0.6, 1.2) over 1.8; a row without mass on what is left stays
    found = corrected(np.array([[0.6, 0.4], [1.0, 0.0]]), np.array([1.0, 3.0]))
    assert found == pytest.approx(np.array([[1 / 3, 2 / 3], [1, 0]]))
    assert corrected(np.array([[1.0, 0.0], [0.5, 0.5]]), np.array([0.0, 1.0])) == pytest.approx(
        np.array([[1, 0], [0, 1]])
    )
