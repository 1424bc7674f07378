"""Methods that say themselves what is of no known class, in runs: how many outputs, how many columns, and what is refused."""

import numpy as np
import pytest

from tests.support import config_of, ensure_run, fitted, loaded, prepared, rehearsed
from tlbench.errors import Refused, say_once
from tlbench.running.loaded_model import load_model
from tlbench.running.refusals import refuse_impossible
from tlbench.running.setup import Setup
from tlbench.store.runs import RunStore

OPEN = ("dataset=toy_open", "pair=L-R", "trainer=cpu")
RULE = "protocol.reject=entropy"


@pytest.mark.parametrize(("method", "n_outputs"), [("ovanet", 2), ("osbp", 3), ("source_only", 2)])
def test_a_rule_of_its_own_needs_no_output_for_the_unknown_class(method, n_outputs, toy):
    config = config_of(*OPEN, RULE, f"method={method}", config_dir=toy)
    run, hidden = prepared(config)
    assert run.task.n_classes == run.learner.network.n_classes == n_outputs
    assert (run.setup.rejection is None) == (method != "source_only")
    assert run.learner.open_set == (method == "ovanet")
    assert set(run.task.source.labels) == {0, 1}
    assert set(hidden.labels) == {0, 1, 2}
    assert fitted(config).checkpoints[-1].test.shape == (len(hidden.labels), 3)


@pytest.mark.parametrize("words", [(*OPEN, "protocol.reject=null"), ("dataset=toy", "pair=L-R", "trainer=cpu")])
def test_without_the_protocols_rule_it_has_its_own_and_a_closed_set_has_none(words, toy):
    config = config_of(*words, "method=ovanet", config_dir=toy)
    opened = "toy_open" in words[0]
    run, _ = prepared(config)
    assert (run.learner.network.n_classes, run.learner.open_set) == (2 if opened else 3, opened)
    assert fitted(config).checkpoints[-1].test.shape[1] == 3


def test_the_kept_model_says_unknown_as_the_run_did(toy):
    config = config_of(*OPEN, RULE, "method=ovanet", "keep_model=true", config_dir=toy)
    assert ensure_run(config) == "done"
    store, key = RunStore(config.store), Setup.of(config).key
    _, test, hidden = loaded(config)
    found = load_model(store, key).predict_proba(test, seen=True)
    (kept,) = store.arrays_at_step(key, config.optim.steps, ("prediction",))
    assert np.array_equal(found.argmax(axis=1)[hidden.file_order], kept)
    assert 0 < (kept == 2).sum() < len(kept)
    assert {"source_only"} == set(Setup.of(config).references)


def test_an_output_without_a_class_and_shots_without_an_output_are_refused(toy):
    def refused(*words):
        refuse_impossible(Setup.of(config_of(*words, config_dir=toy)))

    refused(*OPEN, "method=osbp")
    refused(*OPEN, "method=osbp", "protocol.shots=1")
    refused(*OPEN, "method=ovanet")
    refused("dataset=toy", "pair=L-R", "method=ovanet", "protocol.shots=1")
    with pytest.raises(Refused, match=r"osbp learns an output for the unknown class, and dataset=toy has none"):
        refused("dataset=toy", "pair=L-R", "method=osbp")
    with pytest.raises(Refused, match=r"shots=1 labels unknown examples, too, and ovanet has no output for them"):
        refused(*OPEN, "method=ovanet", "protocol.shots=1")


def test_nothing_is_said_of_a_metric_that_the_method_itself_can_reach(toy, capsys):
    say_once.cache_clear()
    for method in ("ovanet", "osbp", "source_only"):
        rehearsed(config_of(*OPEN, "protocol.reject=null", f"method={method}", config_dir=toy))
    assert capsys.readouterr().err.count("hardly ever says it") == 1
