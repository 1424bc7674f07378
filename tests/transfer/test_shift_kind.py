"""What kind of shift lies between two domains: the rules of the name, the tests behind it, and shifts that are known."""

import numpy as np
import pytest
from scipy import stats

from tlbench.data.gaussian_shifts import REVISION, drawn
from tlbench.seeds import stream
from tlbench.transfer.distances import gaussian_kernel
from tlbench.transfer.pair import ORACLE_NAMES, measure_pair
from tlbench.transfer.shift_kind import LEVEL, SHIFT_NAMES, TURNED, kind_of_shift
from tlbench.transfer.shift_tests import (
    PERMUTATIONS,
    association_p,
    direction_similarity,
    inside_p,
    outputs_p,
    permuted_within,
)

SMALL, LARGE = LEVEL / 2, LEVEL


def found(inputs, labels, inside, outputs, directions=1.0):
    return dict(zip(("mmd_p", *SHIFT_NAMES), (inputs, labels, inside, outputs, directions), strict=True))


@pytest.mark.parametrize(
    ("tests", "kind"),
    [
        (found(LARGE, LARGE, LARGE, LARGE), "none"),
        (found(LARGE, LARGE, SMALL, SMALL), "concept"),
        (found(LARGE, LARGE, SMALL, SMALL, 0.0), "concept"),
        (found(SMALL, SMALL, LARGE, SMALL), "label"),
        (found(LARGE, SMALL, LARGE, SMALL), "label"),
        (found(SMALL, LARGE, SMALL, LARGE), "covariate"),
        (found(SMALL, SMALL, SMALL, LARGE), "covariate"),
        (found(SMALL, LARGE, SMALL, LARGE, TURNED - 0.01), "subspace"),
        (found(SMALL, LARGE, SMALL, SMALL, TURNED - 0.01), "subspace"),
        (found(SMALL, LARGE, SMALL, SMALL), "mixed"),
        (found(LARGE, SMALL, SMALL, LARGE), "mixed"),
        (found(SMALL, LARGE, SMALL, np.nan), None),
        (found(SMALL, LARGE, SMALL, LARGE, None), None),
        ({"mmd_p": 0.5}, None),
    ],
)
def test_the_name_of_a_shift(tests, kind):
    assert kind_of_shift(tests) == kind


@pytest.mark.parametrize("kind", ["same", "covariate", "label", "concept", "subspace"])
def test_known_shifts_are_named_in_nine_of_ten_draws(kind):
    right = 0
    for draw in range(10):
        (xs, ys), (xt, yt) = (
            drawn(name, 1.0, 300, stream(REVISION, "gaussian_shifts", name, str(draw))) for name in ("source", kind)
        )
        named = kind_of_shift(measure_pair(xs, ys, xt, yt, n_classes=4, seed=draw, shift=True))
        right += named == {"same": "none"}.get(kind, kind)
    assert right >= 9


def test_domains_are_exchanged_inside_strata_alone():
    stratum, domain = np.array([1, 0, 1, 0, 1, 2, 2]), np.array([0, 1, 1, 0, 1, 1, 1])
    rows = permuted_within(stratum, domain, np.random.default_rng(0))
    assert rows.shape == (1 + PERMUTATIONS, 7)
    assert rows[0].tolist() == domain.tolist()
    for s in range(3):
        assert (rows[:, stratum == s].sum(axis=1) == domain[stratum == s].sum()).all()
    assert len(np.unique(rows, axis=0)) == 6  # 3 places for the one 0 of stratum 1, 2 for that of stratum 0


def test_inside_classes_as_by_hand():
    """Two classes, loops over pairs; one permutation after the other."""
    rng = np.random.default_rng(1)
    x, y, domain = rng.normal(size=(14, 2)), np.arange(14) % 2, np.repeat([0, 1], 7)
    x[domain == 1] += 0.8
    kernel = gaussian_kernel(x)

    def discrepancy(d):
        whole = 0.0
        for c in (0, 1):
            s, t = (np.flatnonzero((y == c) & (d == k)) for k in (0, 1))
            within = [np.mean([kernel[i, j] for i in g for j in g if i != j]) for g in (s, t)]
            across = np.mean([kernel[i, j] for i in s for j in t])
            whole += min(len(s), len(t)) * (sum(within) - 2 * across)
        return whole

    draws = permuted_within(y, domain, np.random.default_rng(3))
    want = np.mean([discrepancy(d) >= discrepancy(domain) - 1e-12 for d in draws])
    assert 1 / (1 + PERMUTATIONS) < want < 1
    assert inside_p(kernel, y, domain, np.random.default_rng(3)) == want


def test_a_class_that_one_domain_has_once_has_no_say():
    rng = np.random.default_rng(1)
    x, y, domain = rng.normal(size=(21, 2)), np.arange(21) % 2, np.repeat([0, 1, 1], 7)
    y[-1] = 2
    far = x.copy()
    far[-1] = 100.0
    kernels = [np.exp(-((a[:, None] - a) ** 2).sum(axis=-1) / 2) for a in (x, far)]
    assert len({inside_p(kernel, y, domain, np.random.default_rng(0)) for kernel in kernels}) == 1


def line(n, seed, *, threshold=0.0, centre=0.0):
    x = np.random.default_rng(seed).normal(size=(n, 1)) + centre
    return x, (x[:, 0] > threshold).astype(int)


def outputs(one, other, seed=0):
    x, y = np.concatenate([one[0], other[0]]), np.concatenate([one[1], other[1]])
    domain = np.repeat([0, 1], [len(one[1]), len(other[1])])
    return outputs_p(gaussian_kernel(x), y, domain, np.random.default_rng(seed))


def test_labels_given_the_features():
    """One rule on two stretches of the line, and two rules; p(y) moves in both."""
    assert outputs(line(200, 0), line(200, 1, centre=0.7)) > LEVEL
    assert outputs(line(200, 0), line(200, 1, threshold=0.7)) == 1 / (1 + PERMUTATIONS)


def test_labels_given_the_features_hold_their_level():
    """A covariate shift in 60 draws: at level 0.05 a binomial has more than 8 false alarms once in 200 times."""
    alarms = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        x = [rng.normal(size=(60, 2)) + shift for shift in (0.0, 0.5)]
        y = [(rng.random(60) < 1 / (1 + np.exp(-2 * a[:, 0]))).astype(int) for a in x]
        alarms += outputs((x[0], y[0]), (x[1], y[1]), seed) <= 0.05
    assert alarms <= stats.binom.ppf(0.995, 60, 0.05)


def turned_classes(angle, n=400):
    """Two classes 4 apart in the plane: along the first axis in the source, turned by an angle in the target."""
    rng = np.random.default_rng(0)
    y, domain = np.arange(2 * n) % 2, np.repeat([0, 1], n)
    way = np.where(domain[:, None] == 0, [1.0, 0.0], [np.cos(angle), np.sin(angle)])
    return rng.normal(size=(2 * n, 2)) + (4.0 * y - 2.0)[:, None] * way, y, domain


@pytest.mark.parametrize("angle", [0.0, np.pi / 6, np.pi / 3, np.pi / 2, np.pi])
def test_directions_of_classes(angle):
    """<a a', b b'> / (|a|^2 |b|^2) = cos^2 of their angle."""
    got = direction_similarity(*turned_classes(angle), np.random.default_rng(1))
    assert got == pytest.approx(np.cos(angle) ** 2, abs=0.05)


def test_directions_are_blind_to_rotations_of_both_to_the_centre_and_to_the_classes_names():
    x, y, domain = turned_classes(0.5)
    turn = np.linalg.qr(np.random.default_rng(2).normal(size=(2, 2)))[0]
    want = direction_similarity(x, y, domain, np.random.default_rng(1))
    assert direction_similarity(x @ turn + 7, y, domain, np.random.default_rng(1)) == pytest.approx(want)
    assert direction_similarity(x, 1 - y, domain, np.random.default_rng(1)) == pytest.approx(want, abs=0.02)


def test_directions_need_two_classes_with_two_examples_in_each_domain():
    x, y, domain = turned_classes(0.0, 4)
    assert direction_similarity(x, y, domain, np.random.default_rng(0)) is not None
    y[4:] = 0
    assert direction_similarity(x, y, domain, np.random.default_rng(0)) is None


def test_it_is_measured_where_it_is_asked_for_and_moves_nothing_else():
    rng = np.random.default_rng(0)
    data = [rng.normal(size=(30, 3)), np.arange(30) % 3, rng.normal(size=(20, 3)), np.arange(20) % 3]
    plain, more = (measure_pair(*data, n_classes=3, seed=2, shift=shift) for shift in (False, True))
    assert not set(SHIFT_NAMES) & set(plain)
    assert {name: value for name, value in more.items() if name not in SHIFT_NAMES} == plain
    assert set(more) - set(plain) == set(SHIFT_NAMES)
    assert not set(SHIFT_NAMES) & set(ORACLE_NAMES)  # a p-value is no distance: none is asked to predict gains
    few = measure_pair(data[0][:4], data[1][:4], *data[2:], n_classes=3, seed=2, shift=True)
    assert kind_of_shift(few) is None


def test_domains_that_share_no_class_have_no_name():
    x = np.random.default_rng(0).normal(size=(20, 2))
    found = measure_pair(x[:10], np.zeros(10, int), x[10:], np.ones(10, int), n_classes=2, seed=0, shift=True)
    assert found["oracle_inside_p"] is None
    assert found["oracle_labels_p"] == 1 / (1 + PERMUTATIONS)
    assert kind_of_shift(found) is None


@pytest.mark.parametrize("shares", [[0.5, 0.3, 0.2], [0.4, 0.4, 0.2]])
def test_labels_alone_as_a_chi_squared_test_has_it(shares):
    rng = np.random.default_rng(0)
    one, two = (rng.choice(3, 150, p=p) for p in ([0.5, 0.3, 0.2], shares))
    table = np.stack([np.bincount(labels) for labels in (one, two)])
    want = stats.chi2_contingency(table, correction=False).pvalue
    y, domain = np.concatenate([one, two]), np.repeat([0, 1], 150)
    found = [association_p(np.zeros_like(y), y, domain, np.random.default_rng(s)) for s in range(20)]
    assert np.mean(found) == pytest.approx(want, abs=0.03)


@pytest.mark.parametrize(("d", "classes"), [(50, 10), (800, 31)])
def test_directions_that_are_the_same_are_so_in_wide_features_with_few_examples_a_class(d, classes):
    """Means that are equal in both domains, ten examples a class, noise of length sqrt(d): means that are
    multiplied with themselves give 0.6 and less."""
    rng = np.random.default_rng(0)
    means = 1.5 * rng.normal(size=(classes, d)) * np.sqrt(10 / d)  # of length 4.7
    y, domain = np.tile(np.arange(classes), 20), np.repeat([0, 1], 10 * classes)
    x = means[y] + rng.normal(size=(len(y), d))
    assert direction_similarity(x, y, domain, rng) == pytest.approx(1.0, abs=0.3)
    turned = np.where(domain[:, None] == 0, means[y], np.roll(means, d // 2, axis=1)[y]) + rng.normal(size=(len(y), d))
    assert direction_similarity(turned, y, domain, rng) == pytest.approx(0.0, abs=0.3)


def test_many_classes_take_no_more_room_than_examples():
    """345 classes of one example each in ten bins and 345 guesses: a table of all cells would have a million columns."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, 345, 8)), np.arange(345)
    found = measure_pair(x[0], y, x[1] + 1, y, n_classes=345, seed=0, shift=True)
    assert found["oracle_labels_p"] == 1.0
    assert found["oracle_inside_p"] is None
    assert kind_of_shift(found) is None
