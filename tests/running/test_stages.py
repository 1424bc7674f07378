"""The stages of a run hand values on: what may be seen, and nothing else."""

import dataclasses

import numpy as np
import pytest

from tests.support import config_of, fitted, prepared, settled
from tests.trees import picture, save
from tlbench.running.fit import fit
from tlbench.running.judge import judge
from tlbench.running.setup import Setup
from tlbench.running.stage_values import Fitted, Prepared
from tlbench.tasks import Hidden

WORDS = ["dataset=toy", "pair=L-R", "trainer=cpu", "validators=10", "distances=10"]


def reachable(value, seen):
    """Every array that can be got at from a value through attributes, lists and dicts."""
    if id(value) in seen or isinstance(value, str | int | float | bool | type):
        return
    seen[id(value)] = value
    if isinstance(value, dict):
        inside = value.values()
    elif isinstance(value, list | tuple):
        inside = value
    else:
        inside = vars(value).values() if hasattr(value, "__dict__") else ()
    for part in inside:
        reachable(part, seen)


@pytest.mark.parametrize("method", ["dann", "coral_linear", "source_only"])
def test_no_hidden_label_is_in_reach_of_a_fit(method, toy):
    """Arrays that share memory with what is hidden, or equal it, are none of what is prepared: the toy's data set aside, whose
    files anyone can read."""
    run, hidden = prepared(config_of(*WORDS, f"method={method}", config_dir=toy))
    seen: dict = {}
    reachable(dataclasses.replace(run, setup=None), seen)
    arrays = [value for value in seen.values() if isinstance(value, np.ndarray)]
    assert any(np.array_equal(value, run.task.source.labels) for value in arrays)  # what is visible is found
    for name in ("labels", "target_labels"):
        secret = getattr(hidden, name)
        assert not any(np.shares_memory(value, secret) or np.array_equal(value, secret) for value in arrays), name
    assert {field.name for field in dataclasses.fields(Prepared)} & {
        f.name for f in dataclasses.fields(Hidden)
    } == set()
    assert "hidden" not in {field.name for field in dataclasses.fields(Fitted)}


def test_the_oracle_has_what_it_is_for(toy):
    run, hidden = prepared(config_of(*WORDS, "method=oracle", config_dir=toy))
    seen: dict = {}
    reachable(run.learner, seen)
    assert any(isinstance(v, np.ndarray) and np.array_equal(v, hidden.target_labels) for v in seen.values())


def test_runs_that_are_fitted_together_are_those_that_are_fitted_alone(toy):
    configs = [
        config_of(*WORDS, f"method={m}", f"seed={s}", config_dir=toy) for m, s in (("dann", 0), ("coral_linear", 1))
    ]
    together = fit([prepared(config)[0] for config in configs])
    for one, config in zip(together, configs, strict=True):
        alone = fitted(config)
        assert one.history == alone.history
        for mine, other in zip(one.checkpoints, alone.checkpoints, strict=True):
            np.testing.assert_array_equal(mine.test, other.test)
            assert mine.scores == other.scores


def test_a_judge_puts_predictions_back_into_the_order_of_the_file(toy):
    run, hidden = prepared(config_of(*WORDS, "method=source_only", config_dir=toy))
    (done,) = fit([run])
    table = judge(done, hidden, {}).predictions
    last = table[table["step"] == done.checkpoints[-1].step]
    assert last["row"].is_monotonic_increasing
    assert not np.array_equal(hidden.rows, np.sort(hidden.rows))
    came = dict(zip(hidden.rows.tolist(), done.checkpoints[-1].test.argmax(axis=1).tolist(), strict=True))
    assert last["prediction"].tolist() == [came[row] for row in last["row"]]
    data = run.setup.dataset.load("right")
    assert last["label"].tolist() == data.labels[last["row"]].tolist()


def test_references_are_the_same_recipe_with_another_method_and_come_in_their_order(toy):
    setup = Setup.of(config_of(*WORDS, "method=dann", "protocol.shots=2", config_dir=toy))
    assert list(setup.references) == ["target_only", "source_only", "source_and_target"]
    for name, reference in setup.references.items():
        assert reference.config.method["name"] == name
        assert reference.keys["recipe_key"] == setup.keys["recipe_key"]
        assert reference.key != setup.key
    assert list(setup.references["source_only"].references) == ["target_only"]


def test_a_relative_folder_is_that_of_the_working_folder(tmp_path, monkeypatch):
    """One process, two folders with images of other domains under one relative name."""
    for place, domains in (("one", ("day", "night")), ("two", ("photo", "sketch"))):
        for number, domain in enumerate(domains):
            for label, name in enumerate(("cat", "dog")):
                save(tmp_path / place / "images" / domain / name / "1.png", picture(label, number, 1))
        monkeypatch.chdir(tmp_path / place)
        words = ["dataset=image_folder", "dataset.root=images", "augment=plain", "backbone=lenet", "classifier=head"]
        setup = Setup.of(settled(*words, f"pair={'-'.join(domains)}"))
        assert tuple(setup.dataset.domains) == domains
