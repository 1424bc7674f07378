"""With an index or without, the tables of a store are those of its records."""

import os
import shutil
import time

import pandas as pd
import pyarrow.parquet as pq
import pytest

from tests.store.test_table import gain, record
from tlbench.store import table
from tlbench.store.index import EMPTY, FILE
from tlbench.store.records import sealed_record
from tlbench.store.runs import RunStore
from tlbench.store.table import compact, is_sound, read_tables, tables_of, updated


def put(store, key, age=3600.0, **changes):
    """A record that is `age` seconds old; its `seed` says which it is."""
    folder = store.root / key
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "record.json").write_text(sealed_record(record(run_key=key, **changes)))
    os.utime(folder / "record.json", (time.time() - age,) * 2)
    (folder / "predictions.parquet").touch()


@pytest.fixture
def store(tmp_path):
    store = RunStore(tmp_path / "store")
    for i in range(4):
        put(store, f"a{i}", seed=i)
    put(store, "b0", status="failed", reason="no", selections={}, checkpoints=[], distances={})
    put(store, "c0", schema=1)
    compact(store)
    return store


@pytest.fixture
def read(monkeypatch):
    """Keys of the records that are opened."""
    opened, real = [], RunStore.record
    monkeypatch.setattr(RunStore, "record", lambda self, key: opened.append(key) or real(self, key))
    return opened


def same(one, other):
    for name in ("runs", "checkpoints", "distances"):
        pd.testing.assert_frame_equal(getattr(one, name), getattr(other, name))
    assert one.n_older == other.n_older


def fresh(store):
    """The tables as the records alone give them."""
    return tables_of(updated(store, EMPTY))


def test_an_index_spares_every_record_and_changes_no_table(store, read):
    found = read_tables(store)
    assert read == []
    same(found, fresh(store))
    assert (found.n_older, found.runs["run_key"].nunique()) == (1, 5)
    assert found.checkpoints["run_key"].tolist() == ["a0", "a1", "a2", "a3"]


def test_changed_new_and_deleted_runs_are_seen(store, read):
    put(store, "a1", age=1800, seed=77)
    put(store, "a05", age=1800, seed=78)
    shutil.rmtree(store.root / "a2")
    found = read_tables(store)
    assert sorted(read) == ["a05", "a1"]
    rows = found.runs.drop_duplicates("run_key")
    assert dict(zip(rows["run_key"], rows["seed"], strict=True)) == {"a0": 0, "a05": 78, "a1": 77, "a3": 3, "b0": 0}
    same(found, fresh(store))
    read.clear()
    compact(store)
    assert sorted(read) == ["a05", "a1"]
    read.clear()
    same(read_tables(store), found)
    assert read == []


def test_a_rewrite_in_the_same_tick_and_of_the_same_size_is_seen(store):
    put(store, "a1", age=0, seed=5)
    at = (store.root / "a1" / "record.json").stat()
    compact(store)
    put(store, "a1", age=0, seed=6)
    os.utime(store.root / "a1" / "record.json", ns=(at.st_atime_ns, at.st_mtime_ns))
    assert (store.root / "a1" / "record.json").stat().st_size == at.st_size
    runs = read_tables(store).runs
    assert runs.loc[runs["run_key"] == "a1", "seed"].tolist() == [6, 6]


def test_new_columns_kinds_and_statuses_join_the_old_ones(store):
    put(store, "d0", status="skipped", reason="not so", selections={}, checkpoints=[], distances={})
    put(
        store,
        "d1",
        checkpoints=[{"step": 9, "oracle_score": 1, "scores": {"im": 2}}],
        distances={"trained": {"mmd": 1}},
    )
    last = record()["selections"]["last"]
    put(store, "d2", selections={"last": {**last, "gains": {"other": gain(1)}, "step": 3}}, reference="other")
    same(read_tables(store), fresh(store))
    assert "gain_over_other" in read_tables(store).runs


def test_some_runs_are_read_without_the_others(store, read, monkeypatch):
    monkeypatch.setattr(table, "FEW", 0)
    assert read_tables(store, ["a3", "a0", "gone"]).runs["run_key"].unique().tolist() == ["a0", "a3"]
    assert read == []


@pytest.mark.parametrize("damage", ["torn", "layout", "gone"])
def test_an_index_that_cannot_be_used_is_not(store, read, monkeypatch, damage):
    want = fresh(store)
    if damage == "torn":
        (store.root / FILE).write_bytes((store.root / FILE).read_bytes()[:100])
    elif damage == "gone":
        (store.root / FILE).unlink()
    else:
        monkeypatch.setattr(table, "_layout", lambda: "another version's")
    read.clear()
    same(read_tables(store), want)
    assert len(read) == 6


def test_a_kept_index_reads_only_what_has_changed(store, read):
    index = updated(store, EMPTY)
    put(store, "a1", age=1800, seed=9)
    read.clear()
    index = updated(store, index)
    assert read == ["a1"]
    same(tables_of(index), fresh(store))


def test_an_empty_store_has_an_index_too(tmp_path):
    store = RunStore(tmp_path)
    assert compact(store)[1] == 0
    assert read_tables(store).runs.empty


def test_an_index_of_runs_that_are_gone_is_sound(store):
    """Its columns are those of all its runs, also of those that are not there any more."""
    put(
        store,
        "e0",
        selections={"last": {**record()["selections"]["last"], "gains": {"other": gain(1)}}},
        reference="other",
    )
    compact(store)
    assert is_sound(store)
    shutil.rmtree(store.root / "e0")
    assert is_sound(store)
    compact(store)
    put(store, "a1", age=0, seed=3)
    assert is_sound(store)


def test_an_index_is_read_by_other_programs(store):
    """As any Parquet file: a row a run, its rows of the tidy table in a list."""
    found = pq.read_table(store.root / FILE)
    assert found["key"].to_pylist() == ["a0", "a1", "a2", "a3", "b0", "c0"]
    assert [len(rows) for rows in found["runs"].to_pylist()] == [2, 2, 2, 2, 1, 0]
    assert found["runs"][0].as_py()[0]["method"] == record()["method"]


def test_a_large_store_gets_an_index_and_a_small_or_full_one_none(tmp_path, monkeypatch):
    store = RunStore(tmp_path / "other")
    for i in range(3):
        put(store, f"a{i}", seed=i)
    monkeypatch.setattr(table, "LARGE", 4)
    table.renew_index(store)
    assert not (store.root / FILE).exists()
    put(store, "a3", seed=3)
    monkeypatch.setattr(table, "write_index", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left")))
    table.renew_index(store)
    assert not (store.root / FILE).exists()
    monkeypatch.undo()
    monkeypatch.setattr(table, "LARGE", 4)
    table.renew_index(store)
    assert is_sound(store)
