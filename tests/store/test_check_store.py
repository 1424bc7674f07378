"""`tlbench store`: what is wrong with a store is named, and nothing is touched."""

import json
import os
import shutil

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.store.test_table import gain, record
from tlbench.cli import main
from tlbench.store.reading import HISTORY, PREDICTIONS
from tlbench.store.runs import RunStore
from tlbench.store.table import COLUMNS, compact


def fill(store, key, **changes):
    found = {"step": 9, "oracle": False, "metrics": {"accuracy": 0.5}, "gains": changes.pop("gains", {})}
    rows = pd.DataFrame({name: range(7) for name in PREDICTIONS}).assign(step=9)
    history = pd.DataFrame([(0, "a", 1.0)], columns=HISTORY)
    store.write(record(run_key=key, selections={"last": found}, **changes), {"seed": 0}, rows, history)


@pytest.fixture
def store(tmp_path):
    """A run, its reference, and a plan of the two."""
    store = RunStore(tmp_path / "store")
    store.root.mkdir()
    fill(store, "aa", gains={"target_only": gain(1.0, "bb")})
    fill(store, "bb", reference=None)
    (store.root / "plans").mkdir()
    plan(store, "p", "aa", "bb")
    return store


def plan(store, name, *keys):
    text = json.dumps({"runs": [{"run_key": key} for key in keys], "cells": {}})
    (store.root / "plans" / f"{name}.json").write_text(text)


def files(store):
    return {path: path.read_bytes() for path in store.root.rglob("*") if path.is_file()}


def check(store, capsys):
    before = files(store)
    status = main(["store", "check", "--store", str(store.root)])
    assert files(store) == before
    return status, capsys.readouterr().out


def test_a_sound_store_is_well(store, capsys):
    fill(store, "cc", status="failed", reason="no")
    assert check(store, capsys) == (0, "Runs: 2 done, 1 failed.\nAll is well.\n")


def reseal(store, key, name):
    """The record as one would have it that was written with this file."""
    record = store.record(key)
    store.rewrite_record({**record, "files": {**record["files"], name: store.checksum(key, name)}})


def flip(path):
    data = bytearray(path.read_bytes())
    data[40] ^= 1
    path.write_bytes(data)


def compact_old(store):
    """An index of records that are old enough to be trusted."""
    for key in store.run_keys():
        os.utime(store.folder(key) / "record.json", (1e9, 1e9))
    compact(store)


def tampered(path):
    """The same index with another gain, written as soundly as the first."""
    table = pq.read_table(path)
    values = table["runs"].to_pylist()
    values[0][0]["gain"] = 99.0
    changed = table.set_column(table.schema.get_field_index("runs"), "runs", pa.array(values, table["runs"].type))
    pq.write_table(changed, path, write_page_checksum=True)


def damages(store):
    """What may happen to a store, and what is said of it."""
    root = store.root
    yield "record     .*aa: unreadable", lambda: (root / "aa" / "record.json").write_text("{")
    yield "record     .*aa: holds no record", lambda: (root / "aa" / "record.json").unlink()
    yield "record     .*ee: is a copy: its record is that of run aa", lambda: shutil.copytree(root / "aa", root / "ee")
    for name in ("predictions.parquet", "history.parquet"):
        path = root / "aa" / name
        yield f"file .*{name}: is not what was written", lambda path=path: path.write_bytes(path.read_bytes()[:-9])
    yield "file .*config.yaml: is missing", lambda: (root / "aa" / "config.yaml").unlink()
    few = pd.DataFrame({name: range(6) for name in PREDICTIONS}).assign(step=9)
    yield "6 of 7 predictions at step 9", lambda: (
        few.to_parquet(root / "aa" / "predictions.parquet"), reseal(store, "aa", "predictions.parquet"))  # fmt: skip
    ours, others = root / "aa" / "predictions.parquet", root / "bb" / "predictions.parquet"
    yield "file .*predictions.parquet: is not what was written", lambda: ours.write_bytes(
        others.read_bytes() + b" ")  # fmt: skip
    yield "file .*predictions.parquet: is not what was written", lambda: flip(ours)
    yield "file .*config.yaml: is not what was written", lambda: (root / "aa" / "config.yaml").write_text("seed: 1")
    record = root / "aa" / "record.json"
    yield "record     .*aa: unreadable: .*its checksum does not fit", lambda: record.write_text(
        record.read_text().replace('"accuracy": 0.5', '"accuracy": 0.9'))  # fmt: skip
    yield (
        "index .*index.parquet: is damaged, or not what the records say",
        lambda: (compact_old(store), flip(root / "index.parquet")),
    )
    yield "index .*index.parquet: is damaged, or not what the records say", lambda: (
        compact_old(store), tampered(root / "index.parquet"))  # fmt: skip
    yield "reference  .*aa: its reference target_only, run bb, is gone", lambda: (
        shutil.rmtree(root / "bb"), plan(store, "p", "aa"))  # fmt: skip
    yield r"left over  .*aside/aa: of a process that died", lambda: (root / ".aside" / "aa").mkdir()
    yield r"left over  .*\.aa-x1: of a process that died", lambda: (root / ".aa-x1").mkdir()
    yield r"left over  .*tmpx\.part: was never finished", lambda: (root / "plans" / "tmpx.part").write_text("")
    yield "left over  .*aa.ckpt: is the state of a run that is done", lambda: (
        (root / ".resume").mkdir(), (root / ".resume" / "aa.ckpt").write_text(""))  # fmt: skip
    yield "plan .*q.json: none of its 2 runs is there", lambda: plan(store, "q", "c1", "c2")
    yield "plan .*q.json: 1 of its 2 runs are missing", lambda: plan(store, "q", "aa", "c2")
    yield "plan .*q.json: is damaged", lambda: (root / "plans" / "q.json").write_text("[")


@pytest.mark.parametrize("number", range(21))
def test_each_damage_is_named_and_ends_with_1(store, capsys, number):
    import re

    words, damage = list(damages(store))[number]
    damage()
    status, text = check(store, capsys)
    assert status == 1
    lines = [line for line in text.splitlines() if re.match("record|file|index|reference|left over|plan", line)]
    found = [line for line in lines if re.search(words, line)]
    assert len(found) == 1, text
    others = [line for line in lines if line not in found]
    assert all("reference" in line or "plan" in line for line in others), text  # what follows from a run that is lost


def test_what_a_living_process_is_writing_is_no_problem(store, capsys):
    with store.lock("aa"):
        (store.root / ".aa-x1").mkdir()
        (store.root / ".aside" / "aa").mkdir()
        assert check(store, capsys)[0] == 0
    assert check(store, capsys)[0] == 1


def test_export_writes_the_tidy_table(store, tmp_path, capsys):
    out = [tmp_path / "deep" / "runs.csv", tmp_path / "runs.parquet"]
    command = ["store", "export", "--store", str(store.root), "--csv", str(out[0]), "--parquet", str(out[1])]
    assert main(command) == 0
    for table in (pd.read_csv(out[0]), pd.read_parquet(out[1])):
        assert table["run_key"].tolist() == ["aa", "bb"]
        assert table.columns.tolist()[: len(COLUMNS)] == COLUMNS


def test_compact_says_what_it_wrote(store, capsys):
    assert main(["store", "compact", "--store", str(store.root)]) == 0
    assert "index.parquet: 2 runs" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["store", "compac"], "Unknown action 'compac'. Did you mean 'compact'?"),
        (["stor", "check"], "Unknown command 'stor'. Did you mean 'store'?"),
        (["store", "check", "--store", "nowhere"], "Store 'nowhere' does not exist"),
        (["store", "export", "--store", "."], "Nothing to export to"),
        (["store", "export", "--store", ".", "--csv", "x.csv"], "Store '.' holds no runs"),
    ],
)
def test_misuse_is_answered_in_one_line(arguments, message, capsys):
    try:
        status = main(arguments)
    except SystemExit as end:
        status = end.code
    error = capsys.readouterr().err
    assert status == 2
    assert error.startswith(f"tlbench: {message}")
    assert error.count("\n") == 1


def test_a_config_that_is_not_that_of_its_key_is_told(toy, tmp_path, capsys):
    root = tmp_path / "store"
    words = [
        "run",
        "dataset=toy",
        "pair=L-R",
        "method=source_only",
        "classifier=logistic",
        "logger=none",
        f"store={root}",
    ]
    assert main([*words, "--config-dir", str(toy)]) == 0
    store = RunStore(root)
    (key,) = store.run_keys()
    assert check(store, capsys)[0] == 0
    path = root / key / "config.yaml"
    path.write_text(path.read_text().replace("seed: 0", "seed: 1"))
    reseal(store, key, "config.yaml")
    status, text = check(store, capsys)
    assert status == 1
    assert "is the config of run" in text
