import numpy as np
import pytest
from sklearn.metrics import recall_score

from tlbench.data_commands import composed
from tlbench.errors import TlbenchError
from tlbench.metrics import METRICS, OPEN_METRICS, measure, metric_named
from tlbench.open_set_metrics import harmonic_score, harmonic_slopes

# classes 0 and 1 known, 2 known to the source and not in the target, 3 unknown
LABELS = np.array([0, 0, 0, 0, 1, 1, 3, 3, 3, 3])
SAID = np.array([0, 0, 0, 3, 1, 0, 3, 2, 3, 3])
# recalls 3/4, 1/2 and 3/4: OS* = 5/8 over the two that occur, UNK = 3/4, OS = (3/4 + 1/2 + 3/4) / 3 = 2/3
# HOS = 2 (5/8) (3/4) / (11/8) = 15/22; of the six examples of known classes four are right
BY_HAND = {"os": 2 / 3, "os_star": 5 / 8, "unk": 3 / 4, "hos": 15 / 22, "closed_accuracy": 4 / 6}


def drawn(seed=0, n=300, classes=5):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, classes, n)
    said = np.where(rng.random(n) < 0.6, labels, rng.integers(0, classes, n))
    return labels, said


def outputs(said, classes):
    return np.eye(classes)[said] * 0.5 + 0.1


@pytest.mark.parametrize("name", OPEN_METRICS)
def test_by_hand(name):
    assert metric_named(name, 3).score(LABELS, SAID) == pytest.approx(BY_HAND[name])
    assert measure(outputs(SAID, 4), LABELS, 3)[name] == pytest.approx(BY_HAND[name])


def test_they_are_no_numbers_of_a_run_without_an_unknown_class():
    assert not measure(outputs(SAID, 4), LABELS).keys() & OPEN_METRICS.keys()


def test_an_independent_count_says_the_same():
    labels, said = drawn()
    recall = recall_score(labels, said, average=None)
    a, b = recall[[0, 1, 3, 4]].mean(), recall[2]
    want = {"os": recall.mean(), "os_star": a, "unk": b, "hos": 2 / (1 / a + 1 / b),
            "closed_accuracy": recall_score(labels, said, labels=[0, 1, 3, 4], average="micro")}  # fmt: skip
    assert {name: metric_named(name, 2).score(labels, said) for name in want} == pytest.approx(want)


@pytest.mark.parametrize("name", OPEN_METRICS)
def test_what_examples_add_sums_to_the_score(name):
    labels, said = drawn()
    metric = metric_named(name, 4)
    parts = metric.influence(labels, said)
    assert parts.sum() == pytest.approx(metric.score(labels, said))
    assert (parts[said != labels] == 0).all()


@pytest.mark.parametrize("name", OPEN_METRICS)
def test_the_order_of_the_known_classes_does_not_matter(name):
    labels, said = drawn()
    turn = np.array([2, 0, 3, 1, 4])
    metric = metric_named(name, 4)
    assert metric.score(turn[labels], turn[said]) == pytest.approx(metric.score(labels, said))


def test_the_slopes_are_those_of_small_changes():
    right, count = np.array([30.0, 5, 0, 12]), np.array([50, 20, 0, 40])
    slopes, step = harmonic_slopes(right, count, 3), 1e-6
    for c in range(4):
        changed = right + step * count * (np.arange(4) == c)
        change = (harmonic_score(changed[None], count, 3) - harmonic_score(right[None], count, 3))[0] / step
        assert slopes[c] == pytest.approx(change, abs=1e-5)


@pytest.mark.parametrize(
    ("right", "want"), [([0, 0, 0], 0), ([4, 4, 0], 0), ([0, 0, 8], 0), ([4, 4, 8], 1), ([2, 2, 4], 0.5)]
)
def test_limits_of_hos(right, want):
    count = np.array([4, 4, 8])
    assert harmonic_score(np.array([right], float), count, 2)[0] == want
    assert (np.array(right) / count * harmonic_slopes(np.array(right, float), count, 2)).sum() == pytest.approx(want)


def test_with_one_known_class_hos_is_the_harmonic_mean_of_two_recalls():
    labels, said = np.array([0, 0, 0, 1, 1]), np.array([0, 1, 1, 1, 0])
    assert metric_named("hos", 1).score(labels, said) == pytest.approx(2 / (3 + 2))  # of 1/3 and 1/2


def test_without_a_kind_of_class_there_is_no_such_number():
    known, unknown = LABELS[LABELS < 3], LABELS[LABELS == 3]
    with pytest.raises(
        TlbenchError, match=r"dataset\.metric=hos needs test examples of unknown classes.* none of the 6"
    ):
        metric_named("hos", 3).score(known, known)
    with pytest.raises(TlbenchError, match="os_star needs test examples of known classes"):
        metric_named("os_star", 3).weights(unknown)
    assert measure(outputs(known, 4), known, 3).keys() & OPEN_METRICS.keys() == {"os_star", "closed_accuracy"}
    assert measure(outputs(unknown, 4), unknown, 3).keys() & OPEN_METRICS.keys() == {"unk"}
    assert np.isnan(harmonic_score(np.array([[1.0, 0]]), np.array([2, 0]), 1)[0])


def test_source_validation_is_looked_at_over_known_classes():
    assert metric_named("hos", 3).of_known is metric_named("os", 3).of_known is METRICS["mean_class_accuracy"]
    assert metric_named("unk", 3).of_known is METRICS["accuracy"]
    assert METRICS["accuracy"].of_known is METRICS["accuracy"]


def test_a_data_set_without_an_unknown_class_has_no_such_metric():
    with pytest.raises(TlbenchError, match=r"dataset\.metric=hos needs an unknown class, and office31 has none"):
        composed("office31", ["data_dir=nowhere", "dataset.metric=hos"], None)
    opened, *_ = composed("office31_open_set", ["data_dir=nowhere", "dataset.metric=hos"], None)
    assert (opened.metric.unknown, opened.unknown_class) == (20, 20)
