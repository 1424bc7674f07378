"""`tlbench store`: what is wrong with a store is named, and nothing is touched."""

import json
import os
import shutil

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.store.test_table import gain, record
from tests.support import damage, laid_out, remove
from tlbench.cli import main
from tlbench.store.reading import HISTORY, PREDICTIONS
from tlbench.store.record_rows import COLUMNS
from tlbench.store.run_files import lay_out, pack
from tlbench.store.runs import RunStore
from tlbench.store.table import compact


def fill(store, key, **changes):
    found = {"step": 9, "oracle": False, "metrics": {"accuracy": 0.5}, "gains": changes.pop("gains", {})}
    rows = pd.DataFrame({name: range(7) for name in PREDICTIONS}).assign(step=9)
    history = pd.DataFrame([(0, "a", 1.0)], columns=HISTORY)
    store.write(record(run_key=key, selections={"last": found}, **changes), {"seed": 0}, rows, history)


@pytest.fixture(params=["files", "folders"])
def store(tmp_path, request):
    """A run, its reference, and a plan of the two."""
    store = RunStore(tmp_path / "store")
    store.root.mkdir()
    fill(store, "aa", gains={"target_only": gain(1.0, "bb")})
    fill(store, "bb", reference=None)
    if request.param == "folders":
        for key in ("aa", "bb"):
            laid_out(store, key)
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


def flipped(data):
    return data[:40] + bytes([data[40] ^ 1]) + data[41:]


def flip(path):
    path.write_bytes(flipped(path.read_bytes()))


def copied(store, key, other):
    if store.path(key).is_dir():
        shutil.copytree(store.path(key), store.root / other)
        return
    store.packed(other).parent.mkdir()
    shutil.copy(store.packed(key), store.packed(other))


def both_forms(store, key):
    """What a process leaves that was killed while it made a folder of a file."""
    if store.path(key).is_file():
        lay_out(store.root / key / key, {"record.json": b"{}"})
    else:
        parts = {name: store.part(key, name) for name in store.part_names(key)}
        folder = store.path(key).rename(store.root / "x")
        (store.root / key).mkdir()
        folder.rename(store.root / key / key)
        pack(store.packed(key), parts)


def torn(store, key):
    path = store.path(key)
    path = path if path.is_file() else path / "predictions.parquet"
    path.write_bytes(path.read_bytes()[:-20])


def compact_old(store):
    """An index of records that are old enough to be trusted."""
    for key in store.run_keys():
        path = store.path(key)
        os.utime(path if path.is_file() else path / "record.json", (1e9, 1e9))
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

    def changed(name, change):
        return lambda: damage(store, "aa", name, change(store.part("aa", name)))

    yield "record     .*aa.*: unreadable", lambda: damage(store, "aa", "record.json", b"{")
    yield "record     .*aa.*: holds no record", lambda: damage(store, "aa", "record.json", None)
    yield "record     .*ee.*: is a copy: its record is that of run aa", lambda: copied(store, "aa", "ee")
    for name in ("predictions.parquet", "history.parquet"):
        yield f"file .*{name}: is not what was written", changed(name, lambda data: data[:-9])
    yield "file .*config.yaml: is missing", lambda: damage(store, "aa", "config.yaml", None)
    few = pd.DataFrame({name: range(6) for name in PREDICTIONS}).assign(step=9)
    yield "6 of 7 predictions at step 9", lambda: (
        damage(store, "aa", "predictions.parquet", few.to_parquet()), reseal(store, "aa", "predictions.parquet"))  # fmt: skip
    others = store.part("bb", "predictions.parquet")
    yield "file .*predictions.parquet: is not what was written", changed("predictions.parquet", lambda _: others + b" ")
    yield "file .*predictions.parquet: is not what was written", changed("predictions.parquet", flipped)
    yield "file .*config.yaml: is not what was written", lambda: damage(store, "aa", "config.yaml", b"seed: 1")
    yield "record     .*aa.*: unreadable: .*its checksum does not fit", changed(
        "record.json", lambda data: data.replace(b'"accuracy": 0.5', b'"accuracy": 0.9'))  # fmt: skip
    yield (
        "index .*index.parquet: is damaged, or not what the records say",
        lambda: (compact_old(store), flip(root / "index.parquet")),
    )
    yield "index .*index.parquet: is damaged, or not what the records say", lambda: (
        compact_old(store), tampered(root / "index.parquet"))  # fmt: skip
    yield "reference  .*aa.*: its reference target_only, run bb, is gone", lambda: (
        remove(store, "bb"), plan(store, "p", "aa"))  # fmt: skip
    yield r"left over  .*aside/aa: of a process that died", lambda: (root / ".aside" / "aa").mkdir()
    yield r"left over  .*\.aa-x1: of a process that died", lambda: (root / ".aa-x1").mkdir()
    yield r"left over  .*tmpx\.part: was never finished", lambda: (root / "plans" / "tmpx.part").write_text("")
    yield "left over  .*aa.ckpt: is the state of a run that is done", lambda: (
        (root / ".resume").mkdir(), (root / ".resume" / "aa.ckpt").write_text(""))  # fmt: skip
    yield "left over  .*: is what .*aa.zip. has taken the place of", lambda: both_forms(store, "aa")
    yield r"file .*: is not what was written|record     .*unreadable", lambda: torn(store, "aa")
    yield "plan .*q.json: none of its 2 runs is there", lambda: plan(store, "q", "c1", "c2")
    yield "plan .*q.json: 1 of its 2 runs are missing", lambda: plan(store, "q", "aa", "c2")
    yield "plan .*q.json: is damaged", lambda: (root / "plans" / "q.json").write_text("[")


@pytest.mark.parametrize("number", range(23))
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


def test_unpack_lays_the_files_of_a_run_out(store, tmp_path, capsys):
    out = tmp_path / "looked_at"
    assert main(["store", "unpack", "a", "--store", str(store.root), "--out", str(out)]) == 0
    told = capsys.readouterr().out
    assert told == f"{out}: config.yaml, history.parquet, predictions.parquet, record.json\n"
    assert {path.name: path.read_bytes() for path in out.iterdir()} == {
        name: store.part("aa", name) for name in store.part_names("aa")
    }
    assert main(["store", "unpack", "aa", "--store", str(store.root), "--out", str(out)]) == 2
    assert "is there already" in capsys.readouterr().err
    torn(store, "aa")
    status = main(["store", "unpack", "aa", "--store", str(store.root), "--out", str(tmp_path / "torn")])
    assert status == (2 if store.path("aa").is_file() else 0)  # a folder is copied as it is


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
    damage(store, key, "config.yaml", store.part(key, "config.yaml").replace(b"seed: 0", b"seed: 1"))
    reseal(store, key, "config.yaml")
    status, text = check(store, capsys)
    assert status == 1
    assert "is the config of run" in text
