import pandas as pd
import pytest

from tests.store.test_table import record, warned
from tlbench.loggers.run_content import RunContent, stride
from tlbench.loggers.writing import conclude, log_terms

CONFIG = {
    "dataset": {"name": "d", "root": "/secret", "files": {"a": "/secret"}, "classes": ["x"]}, "data_dir": "/secret",
    "store": "/secret", "backbone": {"name": "b", "weights": "/secret/w.pt"}, "seed": 0, "logger": {"name": "csv"},
}  # fmt: skip


class Kept:
    """A logger that keeps what it is told."""

    def __init__(self):
        self.rows = []

    def log_metrics(self, metrics, step=None):
        self.rows.append((step, dict(metrics)))


def test_parameters_hold_no_path():
    assert "/secret" not in str(RunContent(record(), CONFIG).parameters)
    assert RunContent(record(), CONFIG).parameters["backbone"] == {"name": "b", "weights": "w.pt"}


def test_words_for_a_run():
    content = RunContent(record(group="", oracle=False), CONFIG)
    assert (content.group, content.name) == ("d p b", "m d a-b seed 0")
    assert content.tags == ["d", "a-b", "p", "b", "last", "negative"]
    tagged = RunContent(record(group="", tags=["paper", "d"], oracle=False), CONFIG)
    assert tagged.tags == ["d", "a-b", "p", "b", "last", "paper", "negative"]
    oracle = RunContent(record(group="g", oracle=True), CONFIG)
    assert (oracle.group, oracle.name, oracle.tags[-1]) == ("g", "ORACLE m d a-b seed 0", "ORACLE")
    assert RunContent(record(selection="oracle"), CONFIG).oracle
    failed = RunContent(record(status="failed", reason="no"), CONFIG)
    assert (failed.tags, failed.summary()["reason"]) == (["d", "a-b", "p", "b", "last"], "no")


def test_the_summary_is_that_of_the_reported_selection_and_of_the_primary_reference():
    r = record()
    r["selections"]["oracle"]["metrics"] = {**r["selections"]["oracle"]["metrics"], "accuracy": 0.9}
    for found in r["selections"].values():
        found["metrics"]["mean_class_accuracy"] = 0.3
    summary = RunContent(r, CONFIG).summary()
    assert summary["target/accuracy"] == 0.5
    assert (summary["transfer/gain"], summary["transfer/gain_low"], summary["transfer/gain_high"]) == (-3.0, -4.0, -2.0)
    assert (summary["transfer/negative"], summary["transfer/positive"], summary["transfer/flag"]) == (
        1.0,
        0.0,
        "negative",
    )
    assert (summary["transfer/reference"], summary["transfer/reference_run"]) == ("target_only", "ref1")
    assert summary["transfer/gain_over_source_only"] == 2.0
    assert not any("ORACLE" in name for name in summary)


def test_the_warning_is_that_of_the_checkpoints_whose_gain_is_reported():
    r = record(warnings=warned((9, 7, 0.1), (9, 8, 0.72), (3, 2, 0.4)))
    r["selections"]["iwv"] = {**r["selections"]["last"], "step": 3}
    r["selections"]["iwv"]["gains"] = {
        "target_only": {**r["selections"]["last"]["gains"]["target_only"], "reference_step": 2}
    }
    for selection, wanted in (("last", 0.72), ("iwv", 0.4)):
        content = RunContent({**r, "selection": selection}, CONFIG)
        assert content.numbers()["transfer/warning"] == wanted
        assert content.words()["transfer/warning_version"] == "v1"
    for without in ({}, {"warnings": warned((9, 7, 0.1))}, {"warnings": warned((9, 8, None))}, {"reference": None}):
        assert not any("warning" in name for name in RunContent(record(**without), CONFIG).summary())


@pytest.mark.parametrize(("n", "step"), [(1, 1), (200, 1), (201, 2), (1000, 5), (10_001, 51)])
def test_long_curves_are_thinned(n, step):
    assert stride(n) == step


def test_terms_are_the_same_whether_logged_at_once_or_bit_by_bit():
    history = [{"a": float(i)} for i in range(1003)]
    once, bits, done = Kept(), Kept(), 0
    log_terms(once, history, 1003)
    for n in (25, 40, 65, 900, 1003):
        done = log_terms(bits, history[:n], 1003, done)
    assert once.rows == bits.rows
    steps = [step for step, _ in once.rows]
    assert steps == [*range(6, 1003, 6), 1003]
    assert all(values == {"train/a": step - 1.0} for step, values in once.rows)


def test_predictions_are_those_of_the_reported_step_and_capped_evenly():
    rows = pd.DataFrame({"step": [3] * 5 + [9] * 10, "label": 0, "prediction": [1] * 14 + [0], "id": range(15)})
    content = RunContent(record(), CONFIG, predictions=rows)
    table, n = content.prediction_rows(4)
    assert (table["id"].tolist(), n) == ([5, 7, 10, 12], 10)
    table, n = content.prediction_rows(10)
    assert table["correct"].tolist() == [False] * 9 + [True]


def test_a_logger_that_fails_ends_no_run(capsys):
    class Broken(Kept):
        def log_metrics(self, metrics, step=None):
            raise OSError("disk\nfull")

    conclude(Broken(), RunContent(record(), CONFIG))
    assert capsys.readouterr().err == "tlbench: Broken failed, the run is kept: OSError: disk full\n"
