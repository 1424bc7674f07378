import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import expit

from tests.selection.views import view
from tlbench.selection.importance import importance_weights, scaled


def parts(n=(40, 25, 15), width=3, shift=0.7, seed=0):
    rng = np.random.default_rng(seed)
    source, target, val = (rng.normal(size=(k, width)) * [1, 5, 0.1][:width] for k in n)
    return source, target + shift, val


def by_hand(source, target, val):
    """Penalised logistic regression by a general minimiser, its loss summed over the examples one by one."""
    rows = [*source, *target]
    width = len(rows[0])
    mean = [sum(r[j] for r in rows) / len(rows) for j in range(width)]
    sd = [(sum((r[j] - mean[j]) ** 2 for r in rows) / len(rows)) ** 0.5 for j in range(width)]

    def z(r):
        return np.array([(r[j] - mean[j]) / sd[j] / width**0.5 for j in range(width)])

    domains = [-1] * len(source) + [1] * len(target)

    def loss(v):
        fit = sum(np.logaddexp(0, -d * (z(r) @ v[1:] + v[0])) for r, d in zip(rows, domains, strict=True))
        return fit + v[1:] @ v[1:] / 2

    best = minimize(loss, np.zeros(width + 1), method="BFGS", options={"gtol": 1e-6}).x
    p = [expit(z(r) @ best[1:] + best[0]) for r in val]
    return [q / (1 - q) * len(source) / len(target) for q in p]


def test_weights_agree_with_a_general_minimiser():
    assert importance_weights(*parts()) == pytest.approx(by_hand(*parts()), rel=1e-4)


def test_columns_are_scaled_by_the_first_parts_alone():
    a, b, c = np.array([[0.0, 3], [4, 3]]), np.array([[2.0, 3], [2, 3]]), np.array([[6.0, 4]])
    # column one: mean 2, variance 2; column two is constant; sqrt(D) = sqrt(2)
    got = scaled(a, b, c, like=2)
    assert np.concatenate(got)[:, 0] == pytest.approx(np.array([-2, 2, 0, 0, 4]) / 2)
    assert np.concatenate(got)[:, 1] == pytest.approx(np.array([0, 0, 0, 0, 1]) / 2**0.5)


def test_rows_have_a_mean_square_of_one_at_any_width():
    x = np.random.default_rng(0).normal(3, 7, size=(50, 400)).astype(np.float32)
    (z,) = scaled(x, like=1)
    assert z == pytest.approx(scaled(x.astype(np.float64), like=1)[0], rel=1e-12)
    assert (z**2).sum(axis=1).mean() == pytest.approx(1)


@pytest.mark.parametrize("sizes", [(200, 200), (300, 60)])
def test_without_a_shift_weights_are_about_one_whatever_the_sizes(sizes):
    rng = np.random.default_rng(1)
    source, target, val = (rng.normal(size=(n, 2)) for n in (*sizes, 500))
    assert importance_weights(source, target, val).mean() == pytest.approx(1, abs=0.1)


def test_the_ratio_of_two_gaussians_by_hand():
    # N(0, 1) and N(1, 1): log ratio x - 1/2
    rng = np.random.default_rng(2)
    got = importance_weights(rng.normal(size=(20000, 1)), rng.normal(1, 1, (10000, 1)), np.array([[-1.0], [0.5], [2]]))
    assert np.log(got) == pytest.approx([-1.5, 0, 1.5], abs=0.1)


def test_weights_do_not_hang_on_order_or_units():
    source, target, val = parts()
    want, rng = importance_weights(source, target, val), np.random.default_rng(3)
    other = importance_weights(rng.permutation(source), rng.permutation(target), val[::-1])
    assert other[::-1] == pytest.approx(want, rel=1e-8)
    moved = importance_weights(*(p * [3, 0.01, 40] + [1, -2, 5] for p in (source, target, val)))
    assert moved == pytest.approx(want, rel=1e-6)


def test_weights_stay_finite_and_positive_far_from_all_that_was_fitted():
    source, target, _ = parts()
    got = importance_weights(source, target, np.array([[1e9, 0, 0], [-1e9, 0, 0]]))
    assert sorted(np.log(got * len(target) / len(source))) == pytest.approx([-30, 30])


def test_constant_features_tell_nothing():
    assert importance_weights(np.ones((7, 2)), np.ones((3, 2)), np.ones((4, 2))) == pytest.approx(1, abs=1e-5)


def test_wide_features_overfit_the_domains_little():
    # more columns than examples: without a penalty that knows the width the weights would run away
    rng = np.random.default_rng(4)
    got = importance_weights(*(rng.normal(size=(60, 5000)) for _ in range(3)))
    assert np.abs(np.log(got)).max() < 0.5


@pytest.mark.parametrize(
    "shapes", [((4, 2), (4, 2), (4, 3)), ((4, 2), (0, 2), (4, 2)), ((4,), (4, 2), (4, 2)), ((4, 2), (4, 3), (4, 2))]
)
def test_arrays_that_do_not_fit_are_refused(shapes):
    with pytest.raises(ValueError, match="one width"):
        importance_weights(*(np.ones(shape) for shape in shapes))
    assert view().weights_V.shape == (20,)


def test_what_is_kept_is_that_of_the_same_features_and_no_caller_changes_it():
    source, target, val = parts()
    first = importance_weights(source, target, val)
    want = first.copy()
    first[:] = 0
    assert (importance_weights(source.copy(), target, val) == want).all()
    assert (importance_weights(source, target + np.eye(*target.shape), val) != want).any()
    assert (importance_weights(target, source, val) != want).any()
