import numpy as np
import pytest

from tests.support import gaussian_task
from tlbench.data.inputs import dense_float32
from tlbench.seeds import stream
from tlbench.selection.validators import scores
from tlbench.selection.view import MIX_SHARE, Mixed, Seen, View, mixing_rows
from tlbench.training.domains import measured, sampled
from tlbench.training.validator_probe import drawn, make_probe
from tlbench.transfer.pair import measure_pair


def model(inputs, domain):
    """Probabilities that depend on the inputs and on the domain, so that a mistaken one is seen."""
    x = dense_float32(inputs)
    p = 1 / (1 + np.exp(-(x[:, 0] - 1 - (domain == "target"))))
    return Seen(x, np.stack([1 - p, p], axis=1))


def test_what_validators_see_is_drawn_once_and_mixed_as_stated():
    task, _ = gaussian_task(n=60, m=50)
    probe = make_probe(task, 20, seed=3)
    assert [len(probe.source), len(probe.source_val), len(probe.target)] == [20, 20, 20]
    target = model(probe.target, "target")
    first, second = mixing_rows(target.probabilities_NC.argmax(axis=1), stream(3, "mixing"))
    mixed = MIX_SHARE * dense_float32(probe.target[first]) + (1 - MIX_SHARE) * dense_float32(probe.target[second])
    view = View(
        model(probe.source.inputs, "source"), probe.source.labels, model(probe.source_val.inputs, "source"),
        probe.source_val.labels, target, Mixed(model(mixed, "target").probabilities_NC, first, second),
    )  # fmt: skip
    assert probe.look(model)[0] == pytest.approx(scores(view))
    assert probe.look(model)[0] == make_probe(task, 20, seed=3).look(model)[0]


def test_small_sets_are_taken_whole_in_their_order_and_none_means_none():
    assert drawn(5, 9, 0, "x").tolist() == [0, 1, 2, 3, 4]
    rows = drawn(100, 9, 0, "x")
    assert rows.tolist() == sorted(set(rows.tolist()))
    assert len(rows) == 9
    assert drawn(100, 9, 0, "y").tolist() != rows.tolist()
    assert make_probe(gaussian_task()[0], 0, seed=0) is None


def test_the_domains_are_measured_with_the_labels_that_belong_to_the_rows():
    task, held_out = gaussian_task(n=60, m=50)
    found = measured(sampled(task, 1000, 5), task, held_out.target_labels, 5, shift=False)
    want = measure_pair(
        dense_float32(task.source.inputs), task.source.labels, dense_float32(task.target), held_out.target_labels,
        n_classes=2, seed=5,
    )  # fmt: skip
    assert found == want
    seen = measured(sampled(task, 1000, 5, outputs=model), task, held_out.target_labels, 5, shift=False)
    assert seen["oracle_leep"] is not None
    assert seen["a_distance"] == found["a_distance"]
