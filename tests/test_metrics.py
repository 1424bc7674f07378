import numpy as np
import pytest
from sklearn.metrics import accuracy_score, balanced_accuracy_score, confusion_matrix, f1_score, recall_score

from tlbench.errors import TlbenchError
from tlbench.metrics import ACCURACY, METRICS, measure, metric_named, score


def draw(n: int = 200, classes: int = 4):
    rng = np.random.default_rng(0)
    labels = rng.integers(0, classes, n)
    scores = rng.random((n, classes)) + 0.7 * np.eye(classes)[labels]
    return scores / scores.sum(axis=1, keepdims=True), labels


def test_metrics_agree_with_scikit_learn():
    p, y = draw()
    got, said = measure(p, y), p.argmax(axis=1)
    assert got["accuracy"] == accuracy_score(y, said)
    assert got["macro_f1"] == pytest.approx(f1_score(y, said, average="macro"))
    assert got["per_class_accuracy"] == pytest.approx(recall_score(y, said, average=None).tolist())
    assert got["confusion"] == confusion_matrix(y, said).tolist()


def test_calibration_error_by_bins():
    p, y = draw()
    confidence, right = p.max(axis=1), p.argmax(axis=1) == y
    bins = np.clip((confidence * 15).astype(int), 0, 14)
    want = sum(
        (bins == b).mean() * abs(confidence[bins == b].mean() - right[bins == b].mean()) for b in np.unique(bins)
    )
    assert measure(p, y)["ece"] == pytest.approx(want, rel=1e-5)


def test_a_vote_that_rounding_left_above_one_is_no_logit():
    p, y = draw()
    p[0] = [1.0, 0, 0, 0]
    above = p.copy()
    above[0, 0] = 1 + 2**-52
    assert measure(above, y)["ece"] == pytest.approx(measure(p, y)["ece"], abs=1e-9)


def test_a_class_without_test_examples_has_no_accuracy():
    p, y = draw()
    got = measure(p[y != 2], y[y != 2])
    assert got["per_class_accuracy"][2] is None
    assert got["per_class_accuracy"][1] is not None


def test_the_mean_of_the_classes_is_balanced_accuracy_over_the_classes_present():
    p, y = draw()
    y[y == 2] = 3
    assert measure(p, y)["mean_class_accuracy"] == pytest.approx(balanced_accuracy_score(y, p.argmax(axis=1)))
    mean_of_classes = METRICS["mean_class_accuracy"]
    weights = mean_of_classes.weights(y)
    assert weights.sum() == pytest.approx(1)
    assert [weights[y == c].sum() for c in (0, 1, 3)] == pytest.approx([1 / 3] * 3)
    assert ACCURACY.weights(y) is None
    assert score(p, y, ACCURACY) == accuracy_score(y, p.argmax(axis=1))
    assert (ACCURACY.exact, mean_of_classes.exact) == (True, False)


@pytest.mark.parametrize("name", METRICS)
def test_what_examples_add_to_a_metric_sums_to_it(name):
    p, y = draw()
    metric, said = METRICS[name], p.argmax(axis=1)
    parts = metric.influence(y, said)
    assert parts.shape == y.shape
    assert parts.sum() == pytest.approx(metric.score(y, said))
    assert (parts[said != y] == 0).all()
    shuffled = np.random.default_rng(0).permutation(len(y))
    assert metric.score(y[shuffled], said[shuffled]) == pytest.approx(metric.score(y, said))


def test_an_unknown_metric_is_answered_with_the_nearest_one():
    assert metric_named("mean_class_accuracy").title == "mean class accuracy"
    with pytest.raises(TlbenchError, match=r"Unknown metric 'accurcay'\. Did you mean 'accuracy'"):
        metric_named("accurcay")


@pytest.mark.parametrize("sure", [0, 5, 200])
def test_all_of_it_is_what_torchmetrics_says(sure):
    import torch
    from torchmetrics.functional import classification as tm

    p, y = draw(classes=5)
    p, y = p[y != 3], y[y != 3]
    p[:sure] = np.eye(5)[p[:sure].argmax(axis=1)]  # votes that agree: torchmetrics gives certainty a bin of its own
    p[-1] = [2 / 3, 1 / 12, 1 / 12, 1 / 12, 1 / 12]  # on the edge of a bin
    got, (P, Y) = measure(p, y), (torch.from_numpy(p), torch.from_numpy(y))
    assert got["ece"] == pytest.approx(
        tm.multiclass_calibration_error(P, Y, num_classes=5, n_bins=15).item(), abs=1e-6
    )  # of float32
    assert got["macro_f1"] == pytest.approx(tm.multiclass_f1_score(P, Y, num_classes=5, average="macro").item())
    assert got["accuracy"] == pytest.approx(tm.multiclass_accuracy(P, Y, num_classes=5, average="micro").item())
    assert got["confusion"] == tm.multiclass_confusion_matrix(P, Y, num_classes=5).tolist()
    per_class = tm.multiclass_accuracy(P, Y, num_classes=5, average=None).tolist()
    assert [0.0 if a is None else a for a in got["per_class_accuracy"]] == pytest.approx(per_class)
