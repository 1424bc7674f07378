import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.stats import multivariate_normal, ortho_group
from sklearn.covariance import ledoit_wolf
from sklearn.linear_model import RidgeClassifier

from tlbench.transfer.distances import proxy_a_distance
from tlbench.transfer.domain_probe import stratified_folds
from tlbench.transfer.transferability import (
    domain_accuracy_per_class,
    h_score,
    joint_error,
    label_shift,
    leep,
    log_me,
)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def blobs(n: int, seed: int, n_classes: int = 3, width: int = 6, apart: float = 6.0) -> tuple[np.ndarray, np.ndarray]:
    """Classes at the axes' ends, equally often."""
    y = np.arange(n) % n_classes
    return rng(seed).normal(size=(n, width)) + apart * np.eye(width)[y], y


# ---- label shift


def test_label_shift_by_hand():
    assert label_shift([0, 0, 1, 2], [0, 1, 1, 1, 1, 1, 1, 1], 4) == pytest.approx((3 / 8 + 5 / 8 + 2 / 8) / 2)
    assert label_shift([0, 1], [1, 0, 0, 1], 2) == 0
    assert label_shift([0, 0], [3], 4) == 1


def test_label_shift_needs_labels_in_range_in_both_domains():
    for ys, yt in (([], [0]), ([0], []), ([0], [2])):
        with pytest.raises(ValueError):
            label_shift(np.array(ys, dtype=int), np.array(yt, dtype=int), 2)


# ---- domains told apart inside classes


def test_domains_are_told_apart_class_by_class():
    xs, ys = blobs(120, 0)
    xt, yt = blobs(90, 1)
    xt[yt == 1, 4] += 8
    found = domain_accuracy_per_class(xs, ys, xt, yt, n_classes=3, rng=rng())
    assert found == [pytest.approx(0.5, abs=0.17), 1.0, pytest.approx(0.5, abs=0.17)]


def test_label_shift_alone_does_not_tell_domains_apart_inside_a_class():
    xs, ys = blobs(400, 0, n_classes=2)
    keep = (ys == 0) | (np.arange(400) % 8 == 1)
    xt, yt = blobs(400, 1, n_classes=2)
    found = domain_accuracy_per_class(xs[keep], ys[keep], xt, yt, n_classes=2, rng=rng())
    assert found == [pytest.approx(0.5, abs=0.1), pytest.approx(0.5, abs=0.12)]
    assert proxy_a_distance(xs[keep], xt, rng=rng()) > 0.4


def test_a_class_needs_five_examples_in_both_domains():
    ys, yt = np.repeat([0, 1, 2, 3], [5, 4, 9, 9]), np.repeat([0, 1, 2], [5, 9, 4])
    found = domain_accuracy_per_class(
        rng().normal(size=(27, 2)), ys, rng(1).normal(size=(18, 2)) + 90, yt, n_classes=5, rng=rng()
    )
    assert found == [1.0, None, None, None, None]


# ---- joint error


def test_labels_that_agree_cost_nothing():
    found = joint_error(*blobs(120, 0), *blobs(60, 1), rng=rng())
    assert found.error < 0.05
    assert abs(found.excess) < 0.03


def test_labels_that_contradict_each_other_cost_much_where_the_features_do_not_differ():
    (xs, ys), (xt, yt) = blobs(150, 0), blobs(150, 1)
    found = joint_error(xs, ys, xt, (yt + 1) % 3, rng=rng())
    assert found.error == pytest.approx(1, abs=0.1)
    assert found.excess == pytest.approx(1, abs=0.1)
    assert proxy_a_distance(xs, xt, rng=rng()) < 0.25


def test_domains_weigh_the_same_whatever_their_sizes():
    # at x = -1 half of the source says 0 and three quarters of the target say 1: class 1 is cheaper. By numbers 0 would be.
    xs, ys = np.repeat([-1.0, 1.0], 200)[:, None], np.repeat([0, 1], 200)
    xt, yt = np.repeat([-1.0, 1.0], [15, 5])[:, None], np.ones(20, dtype=int)
    found = joint_error(xs, ys, xt, yt, rng=rng())
    assert (found.joint_s, found.joint_t) == (0.5, 0)
    assert (found.own_s, found.own_t) == (0, 0)
    assert (found.error, found.excess) == (0.5, 0.5)


def test_joint_error_agrees_with_classifiers_fitted_fold_by_fold():
    (xs, ys), (xt, yt) = blobs(33, 0, apart=1.0), blobs(50, 1, apart=1.0)
    x, y, domain = np.concatenate([xs, xt]), np.concatenate([ys, yt]), np.repeat([0, 1], [33, 50])
    x = (x - x.mean(axis=0)) / x.std(axis=0)
    fold = stratified_folds(3 * domain + y, 5, rng(7))

    def error(train_domains, test_domain):
        wrong = []
        for k in range(5):
            train, test = np.isin(domain, train_domains) & (fold != k), (domain == test_domain) & (fold == k)
            weight = np.where(domain[train] == 0, 1 / 33, 1 / 50)
            weight = weight / weight.mean() if len(train_domains) > 1 else np.ones(train.sum())
            mean = np.average(x[train], axis=0, weights=weight)
            spread = np.average(((x[train] - mean) ** 2).sum(axis=1), weights=weight)
            model = RidgeClassifier(alpha=spread).fit(x[train], y[train], sample_weight=weight)
            wrong.extend(model.predict(x[test]) != y[test])
        return np.mean(wrong)

    found = joint_error(xs, ys, xt, yt, rng=rng(7))
    assert found.joint_s == pytest.approx(error([0, 1], 0)) != pytest.approx(error([0, 1], 1))
    assert found.joint_t == pytest.approx(error([0, 1], 1))
    assert (found.own_s, found.own_t) == (pytest.approx(error([0], 0)), pytest.approx(error([1], 1)))
    assert found.error == pytest.approx(found.joint_s + found.joint_t)
    assert found.excess == pytest.approx(found.error - found.own_s - found.own_t)


def test_exchanging_the_domains_exchanges_the_parts():
    (xs, ys), (xt, yt) = blobs(300, 0), blobs(240, 1)
    one, two = joint_error(xs, ys, xt, 2 - yt, rng=rng()), joint_error(xt, 2 - yt, xs, ys, rng=rng())
    assert one.error == pytest.approx(two.error, abs=0.1)
    assert one.joint_s == pytest.approx(two.joint_t, abs=0.1)


# ---- LogME


def loops_log_me(x: np.ndarray, y: np.ndarray) -> float:
    """The evidence as a density of the indicators, its maximum searched for."""

    def lost(log_precisions, target):
        alpha, beta = np.exp(log_precisions)
        covariance = np.eye(len(x)) / beta + x @ x.T / alpha
        return -multivariate_normal.logpdf(target, np.zeros(len(x)), covariance)

    best = []
    for label in set(y.tolist()):
        target = (y == label).astype(float)
        starts = ([0, 0], [2, 2], [4, 1], [-1, 3])
        best.append(-min(minimize(lost, s, args=(target,), method="Nelder-Mead", tol=1e-10).fun for s in starts))
    return float(np.mean(best)) / len(x)


@pytest.mark.parametrize(("n", "width"), [(14, 3), (9, 20)])
def test_log_me_is_the_largest_evidence(n, width):
    y = np.arange(n) % 3
    x = rng(width).normal(size=(n, width)) + 1.5 * (y[:, None] == np.arange(width))
    assert log_me(x, y, 3) == pytest.approx(loops_log_me(x, y), abs=1e-6)


def test_log_me_of_features_that_say_nothing_is_that_of_noise_alone():
    # x'y = 0 for both indicators: y ~ N(0, 1/4) with mean square 1/2, so -(log(2 pi / 2) + 1) / 2
    x, y = np.array([[1.0], [-1.0], [1.0], [-1.0]]), np.array([0, 0, 1, 1])
    assert log_me(x, y, 2) == pytest.approx(-(np.log(np.pi) + 1) / 2, abs=1e-6)
    assert log_me(np.zeros((4, 2)), y, 2) == pytest.approx(-(np.log(np.pi) + 1) / 2, abs=1e-6)


def test_log_me_prefers_features_that_carry_the_labels():
    x, y = blobs(60, 0)
    assert log_me(x, y, 3) > log_me(x, rng(1).permutation(y), 3) + 0.3


def test_log_me_does_not_depend_on_order_rotation_scale_or_names_of_classes():
    x, y = blobs(40, 0, apart=1.5)
    want, order, turn = log_me(x, y, 3), rng(1).permutation(40), ortho_group.rvs(6, random_state=0)
    for got in (
        log_me(x[order], y[order], 3), log_me(x @ turn, y, 3), log_me(1e4 * x, y, 3), log_me(x, 2 - y, 3),
        log_me(x, 2 * y, 9),
    ):  # fmt: skip
        assert got == pytest.approx(want, abs=1e-6)


@pytest.mark.parametrize("width", [1, 4, 30])
def test_log_me_of_a_perfect_fit_is_finite_and_high(width):
    y = np.arange(12) % 2
    x = np.zeros((12, width + 1))
    x[:, 0], x[:, 1] = y, 1 - y
    assert np.isfinite(log_me(x, y, 2))
    assert log_me(x, y, 2) > log_me(x + 0.1 * rng().normal(size=x.shape), y, 2)


# ---- LEEP


def test_leep_of_hard_predictions_by_hand():
    # z = 0 holds labels 0, 0, 1 and z = 1 holds 1: logs of 2/3, 2/3, 1/3, 1
    p = np.array([[1, 0], [1, 0], [1, 0], [0, 1]])
    assert leep(p, [0, 0, 1, 1]) == pytest.approx((2 * np.log(2 / 3) + np.log(1 / 3)) / 4)


def test_leep_of_predictions_that_say_nothing_is_minus_the_entropy_of_the_labels():
    y = np.array([0, 0, 0, 1])
    assert leep(np.full((4, 5), 0.2), y) == pytest.approx(0.75 * np.log(0.75) + 0.25 * np.log(0.25))


def test_leep_agrees_with_loops_and_not_with_names_of_classes():
    p, y = rng().dirichlet(np.ones(4), 15), rng(1).integers(0, 3, 15)
    total = 0.0
    for i in range(15):
        inside = 0.0
        for z in range(4):
            given = sum(p[j, z] for j in range(15) if y[j] == y[i]) / sum(p[j, z] for j in range(15))
            inside += given * p[i, z]
        total += np.log(inside)
    assert leep(p, y) == pytest.approx(total / 15)
    assert leep(p[:, [2, 0, 3, 1]], 5 - y) == pytest.approx(total / 15)
    assert leep(p[::-1], y[::-1]) == pytest.approx(total / 15)


def test_leep_of_a_source_class_that_is_never_predicted_or_a_perfect_one():
    p = np.array([[1.0, 0, 0], [0, 1.0, 0]])
    assert leep(p, [1, 0]) == pytest.approx(0)
    assert leep(p, [0, 0]) == pytest.approx(0)


@pytest.mark.parametrize("p", [[[0.5, 0.6]], [[1.5, -0.5]], [[np.nan, 1.0]]])
def test_rows_that_are_no_probabilities_are_refused(p):
    assert leep([[0.50001, 0.5]], [0]) == pytest.approx(0)  # rounding is forgiven
    with pytest.raises(ValueError):
        leep(p, [0])


# ---- H-score


def test_h_score_of_one_feature_is_the_share_of_variance_between_classes():
    # 0, 2 | 4, 6: variance of the means 1, 5 is 4, in all 5
    assert h_score([[0], [2], [4], [6]], [0, 0, 1, 1]) == pytest.approx(0.8)


@pytest.mark.parametrize("width", [3, 50])
def test_h_score_agrees_with_matrices_written_out(width):
    n = 30
    y = np.array([0] * 15 + [1] * 9 + [3] * 6)
    x = rng(width).normal(size=(n, width)) * np.linspace(0.5, 3, width) + 2 * (y[:, None] == np.arange(width)) + 7
    shrunk, shrinkage = ledoit_wolf(x)
    assert 0.05 < shrinkage < 0.95
    between = np.zeros((width, width))
    for label in (0, 1, 3):
        shift = x[y == label].mean(axis=0) - x.mean(axis=0)
        between += (y == label).mean() * np.outer(shift, shift)
    want = np.trace(np.linalg.inv(shrunk) @ ((1 - shrinkage) * between))
    assert h_score(x, y) == pytest.approx(want)


def test_h_score_ends_at_the_number_of_classes_less_one():
    x, y = blobs(300, 0, apart=1e4)
    assert h_score(x, y) == pytest.approx(2, abs=5e-3)
    wide = rng().normal(size=(40, 900))
    assert h_score(wide, np.arange(40) % 4) < 2  # a pseudo-inverse gives 3, whatever the labels


def test_h_score_does_not_depend_on_order_rotation_scale_offset_or_names_of_classes():
    x, y = blobs(40, 0, apart=1.5)
    want, order, turn = h_score(x, y), rng(1).permutation(40), ortho_group.rvs(6, random_state=0)
    for got in (h_score(x[order], y[order]), h_score(x @ turn, y), h_score(9 * x - 4, y), h_score(x, 7 - y)):
        assert got == pytest.approx(want)


def test_h_score_is_shrunk_away_where_features_are_alike_and_uncorrelated():
    corners = np.array([[1.0, 1], [1, -1], [-1, 1], [-1, -1]])
    x = np.repeat(corners, 25, axis=0) + 0.01 * rng().normal(size=(100, 2))
    assert ledoit_wolf(x)[1] == 1
    assert h_score(x, np.repeat([0, 1, 2, 3], 25)) == pytest.approx(0)


def test_h_score_of_constants_is_zero():
    assert h_score(np.full((6, 3), 0.1), [0, 0, 1, 1, 2, 2]) == pytest.approx(0)
    assert h_score(rng().normal(size=(6, 3)), [4] * 6) == pytest.approx(0)
    assert h_score([[1.0, 2.0]], [0]) == 0


@pytest.mark.parametrize("score", [lambda x, y: log_me(x, y, 2), h_score])
def test_shapes_that_do_not_fit_are_refused(score):
    assert np.isfinite(score(np.ones((2, 3)), [0, 1]))
    for x, y in ((np.ones((2, 3)), [0]), (np.ones((0, 3)), np.array([], dtype=int)), (np.ones(3), [0, 1, 1])):
        with pytest.raises(ValueError):
            score(x, y)
