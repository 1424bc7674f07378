import pandas as pd
import pytest

from tlbench.results import table
from tlbench.results.store import PREDICTIONS, SCHEMA, RunStore


def gain(value, key="ref1"):
    return {
        "gain": value,
        "low": value - 1,
        "high": value + 1,
        "p": 0.01,
        "flag": "negative",
        "run_key": key,
        "reference_step": 8,
    }


def record(**changes):
    metrics = {"accuracy": 0.5, "macro_f1": 0.4, "ece": 0.1}
    found = {
        "step": 9,
        "oracle": False,
        "metrics": metrics,
        "gains": {"target_only": gain(-3.0), "source_only": gain(2.0)},
    }
    return {
        "run_key": "aa", "recipe_key": "r", "cell_key": "c", "status": "done", "reason": None, "dataset": "d",
        "pair": "a-b", "protocol": "p", "backbone": "b", "classifier": "k", "method": "m", "family": "f", "seed": 0,
        "selection": "last", "oracle": False, "reference": "target_only", "alpha": 0.05, "margin": 1.0,
        "sizes": {"source": 5, "target_unlabelled": 6, "shots": 2, "target_test": 7}, "schema": SCHEMA, "metric": "accuracy",
        "checkpoints": [{"step": 9, "oracle_score": 0.5, "scores": {"entropy": -1.0}}], "distances": {"raw": {"a_distance": 1.5}},
        "selections": {"last": found, "oracle": {**found, "oracle": True}}, "costs": {"seconds": 1.5},
        "created": "2026-01-01", **changes,
    }  # fmt: skip


def test_one_row_a_run_and_selection_with_the_primary_gain_and_all_gains():
    last, oracle = table.rows_of(record())
    assert (last["selection"], oracle["selection"]) == ("last", "oracle")
    assert (last["uses_target_labels"], oracle["uses_target_labels"]) == (False, True)
    assert (last["gain"], last["gain_low"], last["gain_high"]) == (-3.0, -4.0, -2.0)
    assert (last["gain_over_target_only"], last["gain_over_source_only"]) == (-3.0, 2.0)
    assert (last["reference"], last["reference_run"], last["n_test"]) == ("target_only", "ref1", 7)
    assert (last["n_source"], last["n_target"], last["n_shots"], last["reference_step"]) == (5, 6, 2, 8)


def test_tags_are_one_text():
    assert table.rows_of(record(tags=["a b", "c"]))[0]["tags"] == "a b, c"
    assert table.rows_of(record())[0]["tags"] == ""


def test_runs_that_are_not_done_have_a_row_without_numbers(tmp_path):
    store = RunStore(tmp_path)
    store.write(record(), {}, pd.DataFrame(columns=PREDICTIONS))
    store.write(record(run_key="bb", status="failed", reason="Diverged"), {})
    runs = table.read_runs(store)
    assert runs["run_key"].tolist() == ["aa", "aa", "bb"]
    failed = runs[runs["status"] == "failed"].iloc[0]
    assert failed["reason"] == "Diverged"
    assert pd.isna(failed["accuracy"])


@pytest.mark.parametrize("empty", [True, False])
def test_the_columns_are_those_that_are_documented(tmp_path, empty):
    store = RunStore(tmp_path)
    if not empty:
        store.write(record(), {})
    runs = table.read_runs(store)
    of = ("source_only", "target_only")
    named = [] if empty else [f"{what}_over_{name}" for what in ("gain", "run", "step") for name in of]
    assert runs.columns.tolist() == table.COLUMNS + named
    for column in table.COLUMNS:
        assert column in table.__doc__


def test_checkpoints_and_distances_have_tables_of_their_own_and_older_records_are_counted(tmp_path):
    store = RunStore(tmp_path)
    store.write(record(), {})
    store.write(record(run_key="bb", schema=1), {})
    found = table.read_tables(store)
    assert found.runs["run_key"].unique().tolist() == ["aa"]
    assert found.n_older == 1
    assert found.checkpoints.to_dict("records") == [{"run_key": "aa", "step": 9, "oracle_score": 0.5, "entropy": -1.0}]
    assert found.distances.to_dict("records") == [{"run_key": "aa", "features": "raw", "a_distance": 1.5}]
