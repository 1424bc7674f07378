"""Five estimates of one ratio: a case by hand for all of them, and each against its paper's formula, written again."""

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import expit

from tlbench.functional import ratio_mixtures
from tlbench.functional.gaussian import drawn_folds, median_distance, shuffled_order
from tlbench.functional.ratio import kmm_ratio, logistic_ratio, nearest_ratio
from tlbench.functional.ratio_mixtures import kliep_ratio, mixture_of_centres, rulsif_ratio

WIDTHS, RIDGES = [0.5, 1.0, 2.0], [0.01, 0.1, 1.0]
A, B = np.eye(2)
FEW_S, FEW_T = np.array([A, A, A, B]), np.array([A, B, B, B])


def rng(seed=0):
    return np.random.default_rng(seed)


def pair(n=60, m=45, width=3, shift=1.0):
    draw = rng(7)
    return draw.normal(size=(n, width)), draw.normal(size=(m, width)) + shift * np.eye(width)[0]


NARROW = {
    "kmm": lambda s, t: kmm_ratio(s, t, width=0.1, upper=10.0, tol=1e-10)[0],
    "kliep": lambda s, t: kliep_ratio(s, t, rng(), widths=[0.1], centres=100, tol=1e-9)[0],
    "ulsif": lambda s, t: rulsif_ratio(s, t, rng(), alpha=0.0, widths=[0.1], ridges=[1e-10], centres=100)[0],
    "logistic": lambda s, t: logistic_ratio(s, t, rng(), C=1e8, folds=1)[0],
    "nearest": lambda s, t: nearest_ratio(s, t, added=0.0),
}
USUAL = {
    "kmm": lambda s, t: kmm_ratio(s, t, width=1.0, upper=10.0, ridge=0.1, tol=1e-10)[0],
    "kliep": lambda s, t: kliep_ratio(s, t, rng(), widths=WIDTHS, centres=20)[0],
    "rulsif": lambda s, t: rulsif_ratio(s, t, rng(), alpha=0.1, widths=WIDTHS, ridges=RIDGES, centres=20)[0],
    "logistic": lambda s, t: logistic_ratio(s, t, rng(), C=0.1, folds=5)[0],
    "nearest": lambda s, t: nearest_ratio(s, t),
}


@pytest.mark.parametrize("name", NARROW)
def test_by_hand(name):
    # 3 a and 1 b against 1 a and 3 b: p_t / p_s = (1/4) / (3/4) = 1/3 at a, (3/4) / (1/4) = 3 at b
    assert NARROW[name](FEW_S, FEW_T) == pytest.approx([1 / 3, 1 / 3, 1 / 3, 3], rel=1e-4)


@pytest.mark.parametrize("name", NARROW)
def test_domains_of_other_sizes_have_the_same_ratio(name):
    scale = 2 if name == "nearest" else 1  # counts, that is m / n times the ratio
    assert NARROW[name](FEW_S, np.concatenate([FEW_T, FEW_T])) == pytest.approx(
        scale * np.array([1, 1, 1, 9]) / 3, rel=1e-4
    )


def test_the_relative_ratio_by_hand():
    # alpha = 1/2: a (1/4) / (1/8 + 3/8) = 1/2, b (3/4) / (3/8 + 1/8) = 3/2; alpha = 1/4: 1/4 / (1/16 + 9/16), 3/4 / (3/16 + 3/16)
    for alpha, want in ((0.5, [0.5, 1.5]), (0.25, [0.4, 2.0])):
        got, _ = rulsif_ratio(FEW_S, FEW_T, rng(), alpha=alpha, widths=[0.1], ridges=[1e-10], centres=100)
        assert got[[0, 3]] == pytest.approx(want)


@pytest.mark.parametrize("name", USUAL)
def test_rows_in_another_order_have_their_weights_in_that_order(name):
    xs, xt = pair()
    one, two = rng(1).permutation(60), rng(2).permutation(45)
    want = USUAL[name](xs, xt)
    assert np.ptp(want) > 0.1
    np.testing.assert_allclose(USUAL[name](xs[one], xt[two]), want[one], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", [name for name in USUAL if name not in ("kliep", "rulsif")])
def test_turned_and_scaled_features_change_nothing(name):
    """Those that draw centres and folds draw them by the rows' values; their formulas are below."""
    xs, xt = pair()
    turn = np.linalg.qr(rng(3).normal(size=(3, 3)))[0]
    got = logistic_ratio(3 * xs @ turn, 3 * xt @ turn, rng(), C=0.1, folds=1)[0] if name == "logistic" else None
    want = logistic_ratio(xs, xt, rng(), C=0.1, folds=1)[0] if name == "logistic" else USUAL[name](xs, xt)
    got = USUAL[name](3 * xs @ turn + 100, 3 * xt @ turn + 100) if got is None else got
    np.testing.assert_allclose(got, want, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("name", USUAL)
def test_weights_point_to_the_target(name):
    xs, xt = pair(200, 150)
    assert np.corrcoef(USUAL[name](xs, xt), xs[:, 0])[0, 1] > 0.3


@pytest.mark.parametrize("name", USUAL)
def test_without_a_shift_weights_are_nearly_equal(name):
    xs, _ = pair(200)
    w = USUAL[name](xs, xs[::-1].copy())
    assert w.sum() ** 2 / (200 * np.square(w).sum()) > 0.9
    if name in ("kmm", "nearest"):
        assert np.ptp(w) == 0


@pytest.mark.parametrize("name", USUAL)
@pytest.mark.parametrize(("n", "m", "width"), [(2, 2, 5), (1, 3, 2), (3, 1, 2), (6, 40, 30)])
def test_few_rows_and_many_features(name, n, m, width):
    draw = rng(4)
    w = USUAL[name](draw.normal(size=(n, width)), draw.normal(size=(m, width)))
    assert w.shape == (n,)
    assert np.isfinite(w).all()
    assert (w >= 0).all()
    assert w.sum() > 0


def gaussian(x, y, width):
    return np.array([[np.exp(-((a - b) @ (a - b)) / (2 * width**2)) for b in y] for a in x])


@pytest.mark.parametrize(
    ("upper", "slack", "ridge"), [(10.0, None, 0.0), (1.5, None, 0.0), (10.0, 0.0, 0.0), (10.0, None, 0.5)]
)
def test_kmm_is_the_papers_program(upper, slack, ridge):
    xs, xt = pair(12, 9)
    width = 0.7 * median_distance(np.concatenate([xs, xt]))
    k, kappa = gaussian(xs, xs, width), 12 / 9 * gaussian(xs, xt, width).sum(axis=1)
    eps = (np.sqrt(12) - 1) / np.sqrt(12) if slack is None else slack

    def objective(b):
        return 0.5 * b @ k @ b - kappa @ b + 0.5 * ridge * np.square(b - 1).sum()

    sums = {"type": "ineq", "fun": lambda b: 12 * eps - np.array([1, -1]) * (b.sum() - 12)}
    if eps == 0:
        sums = {"type": "eq", "fun": lambda b: b.sum() - 12}
    found = minimize(
        objective, np.ones(12), jac=lambda b: k @ b - kappa + ridge * (b - 1), method="SLSQP",
        bounds=[(0, upper)] * 12, constraints=[sums], options={"ftol": 1e-15, "maxiter": 1000},
    )  # fmt: skip
    got, gap = kmm_ratio(xs, xt, width=0.7, upper=upper, ridge=ridge, slack=slack, tol=1e-10)
    assert objective(got) == pytest.approx(found.fun, rel=1e-8)
    np.testing.assert_allclose(got, found.x, atol=2e-3)
    assert gap <= 1e-10
    assert (got.max() == pytest.approx(upper)) == (upper == 1.5)
    assert (abs(got.mean() - 1) < 1e-9) == (slack == 0)


def test_the_slack_of_kmm_is_the_papers():
    # a target that no source example is near: the least weights that are allowed, n (1 - slack) = sqrt(n) in all
    xs, xt = pair(16, 9, shift=100.0)
    assert kmm_ratio(xs, xt, width=0.05, upper=10.0)[0].sum() == pytest.approx(4)


def test_kliep_is_the_papers_problem():
    xs, xt = pair(40, 30)
    width = median_distance(np.concatenate([xs, xt]))
    got, kept = kliep_ratio(xs, xt, rng(), widths=[1.0], centres=100, tol=1e-8)
    phi_s, phi_t = gaussian(xs, xt, width), gaussian(xt, xt, width)
    b = phi_s.mean(axis=0)
    found = minimize(
        lambda a: -np.log(phi_t @ a).mean(), 1 / (30 * b), jac=lambda a: -(1 / (phi_t @ a)) @ phi_t / 30, method="SLSQP",
        bounds=[(0, None)] * 30, constraints=[{"type": "eq", "fun": lambda a: b @ a - 1, "jac": lambda a: b}],
        options={"ftol": 1e-14, "maxiter": 2000},
    )  # fmt: skip
    np.testing.assert_allclose(got, phi_s @ found.x, rtol=2e-2, atol=2e-3)
    assert got.mean() == pytest.approx(1)
    log_a, gap = mixture_of_centres(np.log(phi_s), np.log(phi_t), 1e-8)
    mine = np.log(phi_t @ np.exp(log_a)).mean()
    assert -found.fun - 1e-6 <= mine <= -found.fun + gap + 1e-9
    assert kept["gap"] <= 1e-8
    assert b @ np.exp(log_a) == pytest.approx(1)


def test_the_gap_of_kliep_bounds_what_is_missing():
    xs, xt = pair(40, 30)
    logs = [np.log(gaussian(x, xt, 0.8)) for x in (xs, xt)]
    best = mixture_of_centres(*logs, 1e-9)[0]
    for tol in (1.0, 0.1, 0.01):
        log_a, gap = mixture_of_centres(*logs, tol)
        missing = (np.log(np.exp(logs[1] + best).sum(1)) - np.log(np.exp(logs[1] + log_a).sum(1))).mean()
        assert 0 <= missing <= gap <= tol


def test_newton_needs_few_steps_and_em_is_what_is_left_without(monkeypatch):
    xs, xt = pair(40, 30)
    logs = [np.log(gaussian(x, xt, 0.8)) for x in (xs, xt)]
    monkeypatch.setattr(ratio_mixtures, "STEPS", 12)
    assert mixture_of_centres(*logs, 1e-8)[1] <= 1e-8

    def lost(*_):
        raise RuntimeError("Maximum number of iterations reached.")

    monkeypatch.setattr(ratio_mixtures, "nnls", lost)
    log_a, gap = mixture_of_centres(*logs, 1e-8)
    b, density = np.exp(logs[0]).mean(axis=0), np.exp(logs[1]) / np.exp(logs[0]).mean(axis=0)
    p = np.full(30, 1 / 30)
    for _ in range(12):
        p = p * (density / (density @ p)[:, None]).mean(axis=0)
    assert b * np.exp(log_a) == pytest.approx(p)
    assert gap > 1e-6


def held_out_widths(xs, xt, centres, fold):
    """KLIEP's choice, naively: the width of the best mean log ratio of target rows that are neither fitted nor centres."""
    scores = []
    for width in WIDTHS:
        size = width * median_distance(np.concatenate([xs, xt]))
        logs = np.empty(len(xt))
        for f in range(5):
            inside, kept = fold != f, [c for c in centres if fold[c] != f]
            logs_s, logs_t = (np.log(gaussian(x, xt[kept], size)) for x in (xs, xt[inside]))
            log_a, _ = mixture_of_centres(logs_s, logs_t, 1e-3)
            logs[fold == f] = np.log(gaussian(xt[fold == f], xt[kept], size) @ np.exp(log_a))
        scores.append(logs.mean())
    return WIDTHS[int(np.argmax(scores))]


@pytest.mark.parametrize(("features", "shift"), [(1, 0.3), (3, 0.3), (3, 3.0)])
def test_kliep_takes_the_width_of_the_best_held_out_likelihood(features, shift):
    """In one feature the narrowest would win if held-out rows were centres."""
    xs, xt = pair(40, 30, width=features, shift=shift)
    draw = rng()
    centres = sorted(shuffled_order(xt, draw)[:30])
    want = held_out_widths(xs, xt, centres, drawn_folds(xt, 5, draw))
    assert kliep_ratio(xs, xt, rng(), widths=WIDTHS, centres=30)[1]["width"] == want


def test_a_centre_far_from_the_source_is_left_out_and_none_is_told():
    xs, xt = np.array([[0.0], [1.0]]), np.array([[0.5], [1000.0]])
    logs = [-((x - xt.T) ** 2) / 2 for x in (xs, xt)]
    log_a, _ = mixture_of_centres(*logs, 1e-6)
    assert np.isneginf(log_a).tolist() == [False, True]
    with pytest.raises(ValueError, match="no centre of the kernels is near"):
        mixture_of_centres(logs[0][:, 1:], logs[1][:, 1:], 1e-6)


@pytest.mark.parametrize("alpha", [0.0, 0.3])
def test_rulsif_is_the_papers_closed_form(alpha):
    xs, xt = pair(40, 30)
    width = 0.5 * median_distance(np.concatenate([xs, xt]))
    h_hat = np.zeros((30, 30))
    for x, share in ((xs, (1 - alpha) / 40), (xt, alpha / 30)):
        for row in gaussian(x, xt, width):
            h_hat += share * np.outer(row, row)
    h = gaussian(xt, xt, width).mean(axis=0)
    theta = np.linalg.solve(h_hat + 0.01 * np.eye(30), h)
    assert (theta < 0).any()
    theta = np.maximum(theta, 0)
    got, kept = rulsif_ratio(xs, xt, rng(), alpha=alpha, widths=[0.5], ridges=[0.01], centres=100)
    want = gaussian(xs, xt, width) @ theta
    np.testing.assert_allclose(got, np.minimum(want, 1 / alpha) if alpha else want)
    assert kept["divergence"] == pytest.approx(h @ theta - theta @ h_hat @ theta / 2 - 0.5)


def test_rulsif_takes_width_and_ridge_of_the_least_held_out_loss():
    xs, xt = pair(40, 30)
    draw = rng()
    c = xt[shuffled_order(xt, draw)[:20]]
    fold_s, fold_t = drawn_folds(xs, 5, draw), drawn_folds(xt, 5, draw)
    losses = {}
    for width in WIDTHS:
        phi = [gaussian(x, c, width * median_distance(np.concatenate([xs, xt]))) for x in (xs, xt)]
        for ridge in RIDGES:
            losses[width, ridge] = 0.0
            for f in range(5):
                s, t = phi[0][fold_s != f], phi[1][fold_t != f]
                h_hat = 0.8 * s.T @ s / len(s) + 0.2 * t.T @ t / len(t)
                theta = np.maximum(np.linalg.solve(h_hat + ridge * np.eye(20), t.mean(axis=0)), 0)
                s, t = phi[0][fold_s == f] @ theta, phi[1][fold_t == f] @ theta
                losses[width, ridge] += (0.4 * (s @ s) / len(s) + 0.1 * (t @ t) / len(t) - t.mean()) / 5
    _, kept = rulsif_ratio(xs, xt, rng(), alpha=0.2, widths=WIDTHS, ridges=RIDGES, centres=20)
    assert (kept["width"], kept["ridge"]) == min(losses, key=losses.get)
    assert kept["divergence"] == pytest.approx(-min(losses.values()) - 0.5)


def test_no_relative_ratio_is_above_one_over_alpha():
    xs, xt = pair(60, 60, shift=4.0)
    plain, bounded = (
        rulsif_ratio(xs, xt, rng(), alpha=a, widths=[0.5], ridges=[0.001], centres=60)[0] for a in (0, 0.5)
    )
    assert plain.max() > 2
    assert bounded.max() <= 2


def logit_fit(x, y, c):
    def loss(v):
        margin = (2 * y - 1) * (x @ v[:-1] + v[-1])
        return c * np.logaddexp(0, -margin).sum() + v[:-1] @ v[:-1] / 2

    return minimize(loss, np.zeros(x.shape[1] + 1), method="BFGS", options={"gtol": 1e-8}).x


def test_the_logistic_ratio_is_bayes_rule_with_folds_left_out():
    xs, xt = pair(40, 25)
    draw = rng()
    fold = np.concatenate([drawn_folds(x, 5, draw) for x in (xs, xt)])
    x, y = np.concatenate([xs, xt]), np.repeat([0, 1], [40, 25])
    x = (x - x.mean(axis=0)) / np.sqrt(np.square(x - x.mean(axis=0)).mean())
    want = np.empty(65)
    for f in range(5):
        v = logit_fit(x[fold != f], y[fold != f], 0.1)
        p = expit(x[fold == f] @ v[:-1] + v[-1])
        want[fold == f] = p / (1 - p) * (y[fold != f] == 0).sum() / (y[fold != f] == 1).sum()
    got, told_apart = logistic_ratio(xs, xt, rng(), C=0.1, folds=5)
    np.testing.assert_allclose(got, want[:40], rtol=1e-3)
    assert told_apart == pytest.approx(((want[:40] <= 1).mean() + (want[40:] > 1).mean()) / 2)


def test_domains_of_one_mean_are_not_told_apart_the_wrong_way_round():
    xs, xt = (x - x.mean(axis=0) for x in pair(60, 60, width=40))
    got, told_apart = logistic_ratio(xs, xt, rng(), C=0.1, folds=5)
    assert told_apart < 0.4
    assert (got == 1).all()


def test_in_sample_wide_features_are_told_apart_by_heart():
    xs, xt = pair(30, 30, width=200, shift=0.0)
    assert logistic_ratio(xs, xt, rng(), C=10.0, folds=1)[1] == 1
    assert logistic_ratio(xs, xt, rng(), C=10.0, folds=5)[1] < 0.8


def test_an_example_far_on_the_targets_side_has_a_finite_ratio():
    # left out it is 10^5 times as far from the boundary as the others; fitted, it is told by its second feature
    draw = rng()
    xs, xt = (np.stack([draw.normal(mean, 0.1, 30), np.zeros(30)], axis=1) for mean in (0, 1))
    xs[0] = [1e5, -1e6]
    w, told_apart = logistic_ratio(xs, xt, rng(), C=1e12, folds=5)
    assert told_apart > 0.9
    assert w[0] == pytest.approx(np.exp(300))
    assert np.isfinite(np.square(w).sum())


def test_nearest_counts_the_target_and_not_the_source():
    # target 0.9, 1.2, 5.5 and source 0, 1, 6, 9: two are nearest to 1, one to 6
    xs, xt = np.array([[0.0], [1], [6], [9]]), np.array([[0.9], [1.2], [5.5]])
    assert nearest_ratio(xs, xt).tolist() == [1, 3, 2, 1]
    assert nearest_ratio(np.array([[1.0], [1], [6]]), xt, added=0.5).tolist() == [
        1.5,
        1.5,
        1.5,
    ]  # two equal rows share two
