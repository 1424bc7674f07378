"""The rule that says which examples are of no known class, alone and in runs."""

from dataclasses import replace
from typing import ClassVar

import numpy as np
import pandas as pd
import pytest

from tests.support import config_of, ensure_run, fitted, loaded, prepared, rehearsed, settled
from tests.trees import grow
from tlbench.data_commands import composed
from tlbench.errors import Refused, say_once
from tlbench.method.base import Method
from tlbench.metrics import OPEN_METRICS, metric_named
from tlbench.running.comparison import Comparison
from tlbench.running.judge import judge
from tlbench.running.loaded_model import load_model
from tlbench.running.refusals import refuse_impossible
from tlbench.running.rejection import Rejection
from tlbench.running.setup import Setup
from tlbench.store.runs import RunStore
from tlbench.store.table import read_runs

RULES = ("entropy", 0.8, 0.3)


def rows(n=400, classes=4):
    rng = np.random.default_rng(0)
    p = rng.dirichlet(np.full(classes, 0.4), n)
    return np.concatenate([p, np.eye(classes), np.full((1, classes), 1 / classes)])


def entropy(p):
    return -np.sum(np.where(p > 0, p * np.log(np.maximum(p, 1e-300)), 0.0), axis=1)


@pytest.mark.parametrize("rule", RULES)
def test_the_highest_column_obeys_the_rule(rule):
    p = rows()
    want = entropy(p) > np.log(4) / 2 if rule == "entropy" else p.max(axis=1) < rule
    found = Rejection(rule)(p)
    assert 0 < want.sum() < len(p)
    assert np.array_equal(found.argmax(axis=1) == 4, want)
    assert np.array_equal(found[~want].argmax(axis=1), p[~want].argmax(axis=1))
    assert np.array_equal(Rejection(rule).rejects(p), want)


@pytest.mark.parametrize("rule", RULES)
def test_rows_are_probabilities_and_known_classes_keep_their_ratios(rule):
    p = rows()
    found = Rejection(rule)(p)
    assert found.sum(axis=1) == pytest.approx(np.ones(len(p)))
    assert (found >= 0).all()
    assert found[:, :4] * p[:, [0]] == pytest.approx(found[:, [0]] * p)


def test_a_number_is_a_class_of_that_probability_and_entropy_a_share_of_its_threshold():
    # 0.5 is below 0.8: 0.5, 0.25, 0.25 and 0.8 over 1.8
    assert Rejection(0.8)(np.array([[0.5, 0.25, 0.25]]))[0] == pytest.approx(np.array([0.5, 0.25, 0.25, 0.8]) / 1.8)
    # two classes at one half: H = log 2 is twice the threshold log(2) / 2, so unknown is twice as likely as either
    assert Rejection("entropy")(np.array([[0.5, 0.5]]))[0] == pytest.approx([0.25, 0.25, 0.5])
    # a sure row has no entropy: nothing is left for unknown
    assert Rejection("entropy")(np.array([[1.0, 0, 0]]))[0].tolist() == [1, 0, 0, 0]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_rounding_does_not_turn_the_rule_round(dtype):
    t = 0.7
    tops = np.array(
        [t, np.nextafter(dtype(t), dtype(0)), np.nextafter(dtype(t), dtype(1)), t - 1e-16, t + 1e-16], dtype
    )
    p = np.stack([tops, 1 - tops], axis=1).astype(dtype)
    for rule in (t, float(dtype(t))):
        want = p.max(axis=1).astype(np.float64) < rule
        assert np.array_equal(Rejection(rule)(p).argmax(axis=1) == 2, want)
    rng = np.random.default_rng(0)
    many = rng.dirichlet(np.ones(5), 2000).astype(dtype)
    for top in many.max(axis=1)[:200]:
        assert np.array_equal(
            Rejection(float(top))(many).argmax(axis=1) == 5, many.max(axis=1).astype(float) < float(top)
        )


def test_a_threshold_next_to_the_highest_probability_is_on_its_own_side():
    p = np.random.default_rng(0).dirichlet(np.ones(5), 400)
    for row in p:
        for towards, unknown in ((1.0, True), (0.0, False)):
            threshold = float(np.nextafter(row.max(), towards))
            assert (Rejection(threshold)(row[None]).argmax() == 5) == unknown


def test_one_known_class_has_no_rule():
    with pytest.raises(ValueError, match="two known classes or more, got shape"):
        Rejection("entropy")(np.ones((3, 1)))


@pytest.fixture
def opened(tmp_path, monkeypatch):
    """PACS in small, as an open set; words of a run on it whose classifier sees pixels."""
    monkeypatch.setenv("TLBENCH_CACHE", str(tmp_path / "cache"))
    dataset = composed("pacs_open_set", [f"data_dir={tmp_path / 'data'}"], None)[0]
    counts = grow(dataset, tmp_path / "data", each=4)
    told = ",".join(f"{name}: {n}" for name, n in counts.items())
    return [
        "dataset=pacs_open_set", "pair=A-P", f"data_dir={tmp_path / 'data'}", f"store={tmp_path / 'store'}", "trainer=cpu",
        f"dataset.counts={{{told}}}", "augment=plain", "augment.side=8", "augment.size=8", "backbone=identity",
    ]  # fmt: skip


LOGISTIC = ["classifier=logistic", "protocol.reject=entropy"]
HEAD = ["classifier=head", "optim.steps=4", "optim.evaluations=2", "optim.batch_size=4", "protocol.reject=0.5"]


@pytest.mark.parametrize("words", [LOGISTIC, HEAD], ids=["estimator", "gradient"])
def test_a_run_tells_the_known_classes_apart_and_the_rule_says_the_rest(opened, words):
    config = config_of(
        *opened,
        *words,
        "method=source_only",
        "protocol=inductive",
        "protocol.target_test=0.5",
        "validators=20",
        "distances=20",
    )
    run, hidden = prepared(config)
    assert (run.task.n_classes, run.task.n_known, run.task.has_unknown) == (4, 4, False)
    assert 4 in hidden.labels
    found = fitted(config)
    (*_, last) = found.checkpoints
    assert last.test.shape == (len(hidden.labels), 5)
    assert last.source_val.shape[1] == 4
    record = judge(found, hidden, {}).record
    said = record["selections"]["source_val"]["metrics"]
    assert OPEN_METRICS.keys() <= said.keys()
    known = last.source_val.argmax(axis=1) == run.task.source_val.labels
    want = np.mean([known[run.task.source_val.labels == c].mean() for c in np.unique(run.task.source_val.labels)])
    assert record["checkpoints"][-1]["scores"]["source_val"] == pytest.approx(want)
    assert {"im", "snd", "circular"} <= record["checkpoints"][-1]["scores"].keys()
    assert "oracle_leep" in record["distances"].get("trained", record["distances"]["raw"])


def test_without_a_rule_the_unknown_class_is_an_output(opened):
    words = [*opened, "classifier=logistic", "protocol.reject=null"]
    task, *_ = loaded(config_of(*words, "method=source_only"))
    assert (task.n_classes, task.n_known, task.has_unknown) == (5, 4, True)
    assert fitted(config_of(*words, "method=source_only")).checkpoints[0].test.shape[1] == 5


def test_a_method_that_learns_to_say_it_keeps_its_output_and_the_rule_is_not_for_it(opened):
    class Learns(Method):
        has_unknown_output: ClassVar[bool] = True

    setup = Setup.of(config_of(*opened, *LOGISTIC, "method=source_only"))
    assert (setup.n_outputs, setup.rejection) == (4, Rejection("entropy"))
    learns = replace(setup, method=Learns)
    assert (learns.n_outputs, learns.rejection) == (5, None)
    oracle = Setup.of(config_of(*opened, *LOGISTIC, "method=oracle", "protocol=inductive"))
    assert (oracle.n_outputs, oracle.rejection) == (5, None)
    assert fitted(oracle.config).checkpoints[0].test.shape[1] == 5


def test_the_record_has_the_gain_of_the_metric_and_the_kept_model_says_the_same(opened, tmp_path):
    config = config_of(*opened, *LOGISTIC, "method=coral_linear", "keep_model=true")
    assert ensure_run(config) == "done"
    store = RunStore(tmp_path / "store")
    runs = read_runs(store).set_index("method")
    own, reference = runs.loc["coral_linear"].iloc[0], runs.loc["source_only"].iloc[0]
    assert (own["metric"], own["unknown_class"]) == ("hos", 4)
    assert own["protocol"] == "transductive, rejects by entropy"
    assert own["gain"] == pytest.approx(100 * (own["hos"] - reference["hos"]))
    assert own["score"] == own["hos"]
    assert own["gain_low"] <= own["gain"] <= own["gain_high"]
    model = load_model(store, own["run_key"])
    _, test, hidden = loaded(config)
    p = model.predict_proba(test, seen=True)
    assert p.shape == (len(hidden.labels), 5)
    (kept,) = store.arrays_at_step(own["run_key"], int(own["step"]), ("prediction",))
    assert np.array_equal(p.argmax(axis=1)[hidden.file_order], kept)


@pytest.mark.parametrize(
    ("method", "words", "message"),
    [
        ("source_only", ["classifier=nearest_neighbour"], "nearest_neighbour is always sure, so protocol"),
        (
            "source_and_target",
            ["classifier=logistic", "protocol.shots=1"],
            r"shots=1 labels unknown examples.*reject=entropy",
        ),
    ],
)
def test_what_a_rule_cannot_be_for_is_refused(opened, method, words, message):
    refuse_impossible(Setup.of(config_of(*opened, *LOGISTIC, "method=source_only")))
    with pytest.raises(Refused, match=message):
        refuse_impossible(Setup.of(config_of(*opened, "protocol.reject=entropy", *words, f"method={method}")))


def test_a_data_set_without_an_unknown_class_has_nothing_to_reject():
    words = ["dataset=pacs", "pair=A-P", "augment=plain", "backbone=resnet50", "backbone.mode=frozen", "classifier=logistic",
             "method=source_only"]  # fmt: skip
    refuse_impossible(Setup.of(settled(*words)))
    with pytest.raises(Refused, match=r"reject=entropy is for open sets, and dataset=pacs has no unknown class"):
        refuse_impossible(Setup.of(settled(*words, "protocol.reject=entropy")))


def test_a_score_of_what_is_never_said_is_told_once(opened, capsys):
    line = "source_only has no example of the unknown class and hardly ever says it, so its hos is 0 or near it"
    say_once.cache_clear()
    rehearsed(config_of(*opened, *LOGISTIC, "method=source_only"))
    assert line not in capsys.readouterr().err
    for _ in range(2):
        rehearsed(config_of(*opened, "classifier=logistic", "protocol.reject=null", "method=source_only"))
    assert capsys.readouterr().err.count(line) == 1


def test_a_gain_over_some_classes_is_of_their_examples_alone():
    """Else a resample may hold none of them: here one in eight lacks both examples of the unknown class."""
    label = np.array([0] * 18 + [1] * 2)
    own, other = (
        pd.DataFrame({"label": label, "prediction": said, "group": np.arange(20)}) for said in (label, 0 * label)
    )
    found = Comparison(metric_named("unk", 1), 0.05, 1.0, 0).gain(own, other)
    assert (found.gain, found.low, found.high, found.n) == (100, 100, 100, 2)
    known = Comparison(metric_named("os_star", 1), 0.05, 1.0, 0).gain(own, other)
    assert (known.gain, known.n, known.flag) == (0, 18, "no_effect")
