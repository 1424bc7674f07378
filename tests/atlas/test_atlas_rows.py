"""Rows of the atlas are what the records of a store say."""

import shutil
from dataclasses import replace

import pandas as pd
import pytest

from tests.support import RunStore, remove
from tlbench.atlas import atlas_rows as module
from tlbench.atlas.atlas_rows import atlas_rows
from tlbench.atlas.data_families import family_of
from tlbench.atlas.holes import holes_of
from tlbench.cli import main
from tlbench.store.table import read_tables

WORDS = ["dataset=gaussian_shifts", "dataset.size=80", "pair=S-V", "classifier=logistic", "hydra/launcher=basic"]


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """A map, a method of class shares under drawn shares, and a search of three trials."""
    root = tmp_path_factory.mktemp("rows") / "store"
    own = [*WORDS, f"store={root}"]
    assert main(["sweep", *own, "method=sa,prior_em", "seed=0,1", "protocol.source_shares=0.5"]) == 0
    assert main(["sweep", *own, "method=coral_linear", "search=coral_linear", "search.trials=3", "seed=0"]) == 0
    return RunStore(root)


@pytest.fixture(scope="module")
def rows(store):
    return atlas_rows(store)


def test_numbers_are_those_of_the_records(store, rows):
    assert len(rows) == 2 * 3 + 3  # two seeds of two methods and their reference; default, chosen trial and theirs
    for row in rows.itertuples():
        record = store.record(row.run_key)
        last = record["selections"]["last"]
        assert (row.dataset, row.method, row.pair, row.seed) == tuple(
            record[k] for k in ("dataset", "method", "pair", "seed")
        )
        assert row.score == last["metrics"]["accuracy"]
        assert row.data_fingerprint == record["data_fingerprint"]
        assert row.validator_im == record["checkpoints"][-1]["scores"]["im"]
        if record["family"] == "reference":
            continue
        reference = store.record(row.reference_run)
        assert reference["method"] == "source_only"
        assert row.gain == last["gains"]["source_only"]["gain"]
        assert row.reference_score == reference["selections"]["last"]["metrics"]["accuracy"]
        assert row.reference_validator_im == reference["checkpoints"][-1]["scores"]["im"]
        assert row.distance_a_distance == reference["distances"]["raw"]["a_distance"]


def test_what_the_config_says(rows):
    assert set(rows["data_family"]) == {"known shifts"}
    assert set(rows["data_words"]) == {"size=80"}  # what the shipped config has otherwise
    assert rows.groupby("method")["source_shares"].max().to_dict() == pytest.approx(
        {"coral_linear": float("nan"), "prior_em": 0.5, "sa": 0.5, "source_only": 0.5}, nan_ok=True
    )


def test_a_rule_without_labels_chooses_the_trial(store, rows):
    tried = read_tables(store).runs.query("method == 'coral_linear' and selection == 'last'")["run_key"]
    best = max(tried, key=lambda key: store.record(key)["checkpoints"][-1]["scores"]["im"])
    own = rows[rows["method"] == "coral_linear"].set_index("tuned")
    assert len(tried) == 3
    assert own.loc[True, ["run_key", "rule", "search", "n_trials"]].tolist() == [best, "im", "coral_linear", 3]
    assert own.loc[False, ["rule", "search", "n_trials"]].tolist() == ["", "", 0]
    assert store.config(own.loc[False, "run_key"])["method"]["ridge"] == 1.0  # trial 0


def test_a_search_counts_when_all_its_trials_are_judged(store, rows):
    drawn = rows.loc[rows["tuned"], "run_key"].iloc[0]
    found = atlas_rows(store, [key for key in store.run_keys() if key != drawn])
    assert not found["tuned"].any()


def test_signals_are_those_of_the_last_checkpoints(store, rows, monkeypatch):
    own = rows[rows["method"] == "sa"].iloc[0]
    (last,) = store.record(own.run_key)["warnings"]
    assert own["signal_disagreement"] == last["signals"]["disagreement"]
    assert rows.loc[rows["family"] == "reference", "signal_disagreement"].isna().all()
    tables = read_tables(store)
    at = {"run_key": own.run_key, "reference_step": 0}
    two = pd.DataFrame([{**at, "step": own.step, "votes": 0.25}, {**at, "step": own.step + 1, "votes": 0.75}])
    monkeypatch.setattr(module, "read_tables", lambda store, keys: replace(tables, signals=two))
    assert atlas_rows(store).set_index("run_key")["signal_votes"].dropna().to_dict() == {own.run_key: 0.25}
    monkeypatch.setattr(module, "read_tables", lambda store, keys: replace(tables, signals=two[:0]))
    assert not {"signal_votes", "signal_disagreement"} & set(atlas_rows(store).columns)


def test_holes_are_what_was_planned_and_is_not_there(store, tmp_path):
    shutil.copytree(store.root, tmp_path / "copy")
    copy = RunStore(tmp_path / "copy")
    lost = next(key for key in copy.run_keys() if copy.record(key)["method"] == "sa")
    remove(copy, lost)
    (hole,) = holes_of(RunStore(copy.root)).itertuples()
    assert (hole.run_key, hole.method, hole.status, hole.reason) == (lost, "sa", "missing", "")
    assert holes_of(RunStore(copy.root), {"another"}).empty
    assert holes_of(store).empty


@pytest.mark.parametrize(
    ("dataset", "family"),
    [
        ("amazon_reviews_text", "reviews"),
        ("amazon_reviews_words", "reviews"),
        ("pacs_open_set", "pacs"),
        ("my_own", "my own"),
    ],
)
def test_families_of_data(dataset, family):
    assert family_of(dataset) == family
