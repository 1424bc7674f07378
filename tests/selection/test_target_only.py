from math import exp, log, sqrt

import numpy as np
import pytest
from sklearn.metrics import silhouette_score

from tests.selection.views import seen
from tlbench.selection import target_only
from tlbench.selection.target_only import bnm, class_cluster, diversity, entropy, im, mixval, snd
from tlbench.selection.view import Mixed

OF_PREDICTIONS = [entropy, diversity, im, bnm, snd]
UNIFORM, SURE, COLLAPSED = np.full((6, 3), 1 / 3), np.eye(3)[[0, 1, 2, 0, 1, 2]], np.eye(3)[[1] * 6]


def draw(n=23, classes=4, seed=0):
    return np.random.default_rng(seed).dirichlet(np.full(classes, 0.5), n)


def h(p):
    return -sum(q * log(q) for q in p if q > 0)


def test_entropy_diversity_and_information_at_the_limits():
    assert [entropy(p) for p in (UNIFORM, SURE, COLLAPSED)] == pytest.approx([-log(3), 0, 0])
    assert [diversity(p) for p in (UNIFORM, SURE, COLLAPSED)] == pytest.approx([log(3), log(3), 0])
    assert [im(p) for p in (UNIFORM, SURE, COLLAPSED)] == pytest.approx([0, log(3), 0], abs=1e-12)


def test_entropy_diversity_and_information_agree_with_loops():
    p = draw()
    mean = [sum(row[c] for row in p) / len(p) for c in range(4)]
    assert entropy(p) == pytest.approx(-sum(h(row) for row in p) / len(p))
    assert diversity(p) == pytest.approx(h(mean))
    kl = sum(q * log(q / m) for row in p for q, m in zip(row, mean, strict=True)) / len(p)
    assert im(p) == pytest.approx(kl)  # mutual information


def test_nuclear_norm_at_the_limits():
    # sure and even: singular values sqrt(2) three times; uniform or collapsed: rank one, so |P|_F
    assert [bnm(p) for p in (SURE, UNIFORM, COLLAPSED)] == pytest.approx([1, 1 / 3, 1 / sqrt(3)])


@pytest.mark.parametrize(("n", "classes"), [(23, 4), (3, 7)])
def test_nuclear_norm_agrees_with_eigenvalues(n, classes):
    p = draw(n, classes)
    values = np.linalg.eigvalsh(p.T @ p)
    want = sum(sqrt(max(v, 0)) for v in values) / sqrt(n * min(n, classes))
    assert bnm(p) == pytest.approx(want, rel=1e-6)


@pytest.mark.parametrize("validator", [entropy, diversity, im, bnm])
def test_twice_the_same_examples_score_alike(validator):
    assert validator(np.vstack([draw()] * 2)) == pytest.approx(validator(draw()))


def test_neighbourhood_density_by_hand():
    # four sure rows, two a class: similarities 1, 0, 0 to the others, over a temperature of 1
    q = [exp(1), 1, 1]
    q = [v / sum(q) for v in q]
    assert snd(np.eye(2)[[0, 0, 1, 1]], temperature=1.0) == pytest.approx(h(q), rel=1e-12)


def test_neighbourhood_density_agrees_with_loops_at_the_papers_temperature():
    p, total = draw(9), 0.0
    for i in range(9):
        logits = []
        for j in range(9):
            if j != i:
                dot = sum(a * b for a, b in zip(p[i], p[j], strict=True))
                logits.append(dot / sqrt(sum(a * a for a in p[i]) * sum(b * b for b in p[j])) / 0.05)
        weights = [exp(v - max(logits)) for v in logits]
        total += h([w / sum(weights) for w in weights])
    assert snd(p) == pytest.approx(total / 9)


def test_neighbourhood_density_at_the_limits():
    assert [snd(p) for p in (UNIFORM, COLLAPSED)] == pytest.approx([log(5)] * 2)
    assert [snd(p[:n]) for p in (UNIFORM, SURE) for n in (1, 2)] == [0] * 4
    assert snd(SURE) == pytest.approx(0, abs=1e-6)  # each has one neighbour
    assert snd(np.vstack([SURE] * 4)) == pytest.approx(log(7), abs=1e-6)


def test_silhouette_agrees_with_scikit_learn_on_unit_rows():
    s, _ = seen(40, width=4)
    x, p = s.features_ND * np.geomspace(0.1, 10, 40)[:, None], s.probabilities_NC
    unit = np.array([row / sqrt(sum(v * v for v in row)) for row in x])
    assert class_cluster(x, p) == pytest.approx(silhouette_score(unit, p.argmax(axis=1)))
    assert abs(class_cluster(x, p) - silhouette_score(x, p.argmax(axis=1))) > 0.01


def test_silhouette_by_hand():
    # on the circle: east twice, north once. East: a = 0, b = sqrt 2, so 1 each; north is alone: 0
    x = np.array([[2.0, 0], [5, 0], [0, 1]])
    assert class_cluster(x, np.eye(3)[[2, 2, 0]]) == pytest.approx(2 / 3)
    # east and north in one class, north in the other: a = sqrt 2 twice; b = sqrt 2 and 0; the last is alone
    x = np.array([[1.0, 0], [0, 1], [0, 3]])
    assert class_cluster(x, np.eye(2)[[0, 0, 1]]) == pytest.approx((0 - 1 + 0) / 3)


def test_silhouette_of_equal_rows_in_two_classes_is_nought():
    # in one dimension every example is at +1 or -1
    x, p = np.array([[0.1], [0.3], [0.7], [2.0]]), np.eye(2)[[0, 1, 0, 1]]
    assert class_cluster(x, p) == 0
    x = np.random.default_rng(0).normal(size=37) * np.geomspace(0.01, 100, 8)[:, None]
    assert class_cluster(x, np.eye(2)[np.arange(8) % 2]) == 0


def test_silhouette_takes_rows_of_nothing_and_knows_one_class_as_the_worst():
    x = np.array([[0.0, 0], [0, 0], [1, 0], [2, 0]])
    assert class_cluster(x, np.eye(2)[[0, 0, 1, 1]]) == 1
    assert class_cluster(x, np.eye(2)[[0, 0, 0, 0]]) == -1


@pytest.mark.parametrize("at_once", [1, 5, 23])
def test_pieces_change_nothing(at_once, monkeypatch):
    p, x = draw(), np.random.default_rng(1).normal(size=(23, 3))
    want = snd(p), class_cluster(x, p)
    monkeypatch.setattr(target_only, "AT_ONCE", at_once)
    assert (snd(p), class_cluster(x, p)) == pytest.approx(want)


def test_mixval_by_hand():
    # target is told 0 0 1 1; pairs 01 10 23 within, 02 13 31 across; mixed are told 0 1 1, 0 0 1
    p = np.eye(2)[[0, 0, 1, 1]]
    mixed = Mixed(np.eye(2)[[0, 1, 1, 0, 0, 1]], np.array([0, 1, 2, 0, 1, 3]), np.array([1, 0, 3, 2, 3, 1]))
    assert mixval(p, mixed) == pytest.approx((2 / 3 + 1) / 2)


def test_mixval_weighs_both_kinds_alike_and_knows_a_lacking_kind_as_the_worst():
    p = np.eye(2)[[0, 0, 1]]
    first, second = np.array([0, 1, 0]), np.array([1, 0, 2])
    kept = np.eye(2)[[0, 0, 1]]
    assert mixval(p, Mixed(kept, first, second)) == 0.5  # 2 of 2 within, 0 of 1 across
    assert mixval(p, Mixed(kept[:2], first[:2], second[:2])) == 0.5
    assert mixval(p, Mixed(p[[0]], first[2:], second[2:])) == 0.5
    assert mixval(p, Mixed(kept[:0], first[:0], second[:0])) == 0


@pytest.mark.parametrize("validator", OF_PREDICTIONS)
def test_rounding_beyond_nought_and_one_does_not_show(validator):
    p = SURE.copy()
    p[0], p[1] = [1 + 1e-9, -1e-9, 0], [-1e-300, 1, 0]
    assert validator(p) == pytest.approx(validator(SURE), abs=1e-6)


@pytest.mark.parametrize("validator", OF_PREDICTIONS)
def test_predictions_are_a_matrix(validator):
    for bad in (np.ones(3), np.ones((0, 3)), np.ones((3, 0)), np.ones((2, 2, 2))):
        with pytest.raises(ValueError, match="probabilities"):
            validator(bad)


def test_silhouette_needs_a_prediction_for_each_row():
    with pytest.raises(ValueError, match=r"\(3, 2\)"):
        class_cluster(np.ones((3, 2)), SURE)


def test_a_perfect_classifier_scores_above_a_random_one():
    s, y = seen(90, width=16, seed=2)
    rng = np.random.default_rng(0)
    perfect = 0.9 * np.eye(3)[y] + 0.1 / 3
    random = rng.dirichlet(np.ones(3), 90)
    for validator in (entropy, im, bnm):
        assert validator(perfect) > validator(random)
    assert snd(perfect) > snd(random)
    assert class_cluster(s.features_ND, perfect) > 0.1 > class_cluster(s.features_ND, random)
