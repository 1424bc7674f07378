import json

import numpy as np
import pandas as pd
import pytest

from tests.support import damage
from tlbench.store import record_rows, table
from tlbench.store.reading import PREDICTIONS
from tlbench.store.records import SCHEMA
from tlbench.store.runs import RunStore
from tlbench.store.table import read_tables


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
    last, oracle = record_rows.run_rows(record())
    assert (last["selection"], oracle["selection"]) == ("last", "oracle")
    assert (last["uses_target_labels"], oracle["uses_target_labels"]) == (False, True)
    assert (last["gain"], last["gain_low"], last["gain_high"]) == (-3.0, -4.0, -2.0)
    assert (last["gain_over_target_only"], last["gain_over_source_only"]) == (-3.0, 2.0)
    assert (last["reference"], last["reference_run"], last["n_test"]) == ("target_only", "ref1", 7)
    assert (last["n_source"], last["n_target"], last["n_shots"], last["reference_step"]) == (5, 6, 2, 8)


def warned(*entries):
    """`warnings` of a record: step, the reference's step, and what was said of them (None: no model)."""
    told = [(s, r, None if p is None else {"probability": p, "version": "v1"}) for s, r, p in entries]
    return [{"step": s, "reference_step": r, "reference_run": "ref1", "signals": {}, "warning": w} for s, r, w in told]


def test_the_warning_is_that_of_the_two_checkpoints_that_are_compared():
    last, _ = record_rows.run_rows(record(warnings=warned((9, 7, 0.1), (8, 8, 0.2), (9, 8, 0.72))))
    assert (last["warning"], last["warning_version"]) == (0.72, "v1")
    for without in ({}, {"warnings": warned((9, 7, 0.1))}, {"warnings": warned((9, 8, None))}):
        assert "warning" not in record_rows.run_rows(record(**without))[0]


def test_tags_are_one_text():
    assert record_rows.run_rows(record(tags=["a b", "c"]))[0]["tags"] == "a b, c"
    assert record_rows.run_rows(record())[0]["tags"] == ""


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
    assert runs.columns.tolist() == record_rows.COLUMNS + named
    for column in record_rows.COLUMNS:
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


def two_runs(tmp_path):
    store = RunStore(tmp_path / "store")
    rows = pd.DataFrame({name: range(7) for name in PREDICTIONS}).assign(step=9)
    for key, seed in (("aa", 0), ("bb", 1)):
        store.write(record(run_key=key, seed=seed), {"seed": seed}, rows.assign(confidence=seed / 2))
    return store


def test_a_damaged_record_costs_its_own_run_alone_and_is_named(tmp_path):
    store = two_runs(tmp_path)
    damage(
        store, "aa", "record.json", store.part("aa", "record.json").replace(b'"accuracy": 0.', b'"accuracy": 0.9', 1)
    )
    found = read_tables(store)
    assert set(found.runs["run_key"]) == {"bb"}
    assert list(found.damaged) == ["aa"]
    assert "its checksum does not fit" in found.damaged["aa"]


def test_predictions_of_another_run_in_a_runs_place_make_it_fail_where_that_is_looked_at(tmp_path):
    store = two_runs(tmp_path)
    sound = read_tables(store, verify=True)
    assert (sound.checked.n_files, sound.checked.n_without, dict(sound.damaged)) == (2, 0, {})
    damage(store, "aa", "predictions.parquet", store.part("bb", "predictions.parquet"))
    found = read_tables(store, verify=True)
    (row,) = found.runs[found.runs["run_key"] == "aa"].to_dict("records")
    assert row["status"] == "failed"
    assert "is not what was written" in row["reason"]
    assert np.isnan([row["gain"], row["score"]]).all()
    assert set(found.runs.loc[found.runs["status"] == "done", "run_key"]) == {"bb"}
    unseen = read_tables(store)
    assert unseen.checked is None
    assert set(unseen.runs["status"]) == {"done"}


def test_runs_of_a_version_without_checksums_are_read_and_counted(tmp_path):
    store = two_runs(tmp_path)
    old = {**store.record("aa"), "schema": 2}
    del old["files"]
    damage(store, "aa", "record.json", json.dumps(old).encode())
    found = read_tables(store, verify=True)
    assert set(found.runs["run_key"]) == {"aa", "bb"}
    assert (found.checked.n_files, found.checked.n_without) == (1, 1)
