import contextlib
import errno
import io
import json
import multiprocessing
import os
import pydoc
import zipfile

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support import damage, laid_out
from tlbench.errors import TlbenchError
from tlbench.store.plans import write_plan
from tlbench.store.reading import HISTORY, Damaged
from tlbench.store.runs import RunStore

RECORD = {"run_key": "ab12", "status": "done", "selections": {"last": {"step": 5}, "oracle": {"step": 3}}}
ROWS = pd.DataFrame(
    {"step": [5, 3], "row": [0, 0], "id": ["t/0", "t/0"], "group": [0, 0], "label": [1, 1], "prediction": [1, 0],
     "confidence": [0.9, 0.6]}
)  # fmt: skip


def test_a_run_comes_back_as_it_was_written(tmp_path):
    store = RunStore(tmp_path / "store")
    store.check_writable()
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "metrics.csv").write_text("a\n1\n")
    history = pd.DataFrame([(0, "loss", 0.5)], columns=HISTORY)
    store.write(RECORD, {"seed": 0}, ROWS, history, extra=tmp_path / "logs")
    assert store.run_keys() == ["ab12"]
    record = store.record("ab12")
    files = record.pop("files")
    assert record == RECORD
    assert sorted(files) == ["config.yaml", "history.parquet", "predictions.parquet"]
    assert store.config("ab12") == {"seed": 0}
    assert store.predictions("ab12", "oracle")["prediction"].tolist() == [0]
    assert store.history("ab12")["value"].tolist() == [0.5]
    assert store.part("ab12", "logs/metrics.csv") == b"a\n1\n"
    assert not [*(store.root / ".aside").iterdir()]


def test_a_config_keeps_the_order_of_its_keys_where_it_is_that_of_a_files_columns(tmp_path):
    config = {"columns": {"odor": "acl", "bruises": "tf"}}
    store = RunStore(tmp_path)
    store.write(RECORD, config, ROWS)
    assert list(store.config("ab12")["columns"]) == ["odor", "bruises"]


def test_outlooks_come_back_by_step(tmp_path):
    store, arrays = RunStore(tmp_path), {"target": np.eye(2, dtype=np.float16), "numbers": np.arange(3, dtype=np.uint8)}
    store.write(RECORD, {}, ROWS, outlooks={0: arrays, 7: {"target": arrays["target"] / 2}})
    assert store.packed("ab12").is_file()
    found = store.outlooks("ab12")
    assert {step: sorted(parts) for step, parts in found.items()} == {0: ["numbers", "target"], 7: ["target"]}
    for name, array in arrays.items():
        np.testing.assert_array_equal(found[0][name], array)
    assert "outlooks.npz" in store.record("ab12")["files"]
    damage(store, "ab12", "outlooks.npz", b"torn")
    with pytest.raises(TlbenchError, match=r"outlooks\.npz is missing or damaged"):
        store.outlooks("ab12")


def test_a_finished_run_is_never_replaced_and_a_failed_one_is(tmp_path):
    store = RunStore(tmp_path)
    store.write({**RECORD, "status": "failed"}, {"n": 1})
    store.write(RECORD, {"n": 2}, ROWS)
    store.write({**RECORD, "status": "failed"}, {"n": 3})
    assert store.status("ab12") == "done"
    assert store.config("ab12") == {"n": 2}
    assert len(store.predictions("ab12", "last")) == 1


def test_a_small_run_is_one_file_that_any_tool_opens(tmp_path):
    store = RunStore(tmp_path / "store")
    store.write(RECORD, {"seed": 0}, ROWS)
    assert [path for path in store.root.rglob("*") if path.is_file()] == [store.root / "ab" / "ab12.zip"]
    with zipfile.ZipFile(store.root / "ab" / "ab12.zip") as file:
        assert json.loads(file.read("record.json"))["run_key"] == "ab12"
        assert pd.read_parquet(io.BytesIO(file.read("predictions.parquet"))).equals(ROWS)
        assert {info.external_attr >> 16 for info in file.infolist()} == {0o644}


def test_one_run_gives_the_same_bytes_whatever_the_clock_says(tmp_path, monkeypatch):
    stores = RunStore(tmp_path / "a"), RunStore(tmp_path / "b")
    stores[0].write(RECORD, {"seed": 0}, ROWS)
    monkeypatch.setattr("time.time", lambda: 0.0)  # 1970, which a zip file cannot name
    stores[1].write(RECORD, {"seed": 0}, ROWS)
    assert stores[0].packed("ab12").read_bytes() == stores[1].packed("ab12").read_bytes()


@pytest.mark.parametrize("bulky", ["model", "features", "logs", "size"])
def test_a_run_with_something_bulky_is_a_folder(tmp_path, monkeypatch, bulky):
    store, more = RunStore(tmp_path / "store"), {}
    for name in ("model.safetensors", "logs/events.out.tfevents.1", "plain/metrics.csv"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x" * 100)
    if bulky == "model":
        more = {"model": tmp_path / "model.safetensors"}
    elif bulky == "features":
        more = {"features": {"raw_source": np.eye(2, dtype=np.float32)}}
    elif bulky == "logs":
        more = {"extra": tmp_path / "logs"}
    else:
        monkeypatch.setattr("tlbench.store.run_places.SMALL", 100)
    store.write(RECORD, {"seed": 0}, ROWS, **more)
    assert store.path("ab12") == store.root / "ab" / "ab12"
    assert store.path("ab12").is_dir()
    assert store.run_keys() == ["ab12"]
    assert store.predictions("ab12", "last")["prediction"].tolist() == [1]
    assert store.damaged_files("ab12", store.record("ab12")) == []
    assert (store.model_file("ab12") is not None) == (bulky == "model")
    assert store.keeps_features("ab12") == (bulky == "features")
    assert set(store.part_names("ab12")) >= {"config.yaml", "history.parquet", "predictions.parquet", "record.json"}


def test_what_is_added_beside_a_small_run_makes_a_folder_of_it(tmp_path):
    store = RunStore(tmp_path / "store")
    store.write(RECORD, {"seed": 0}, ROWS)
    (tmp_path / "model.safetensors").write_bytes(b"weights")
    before = store.record("ab12")
    store.add_beside({**before, "embeddings": 2}, {"raw_source": np.eye(2)}, tmp_path / "model.safetensors")
    assert not store.packed("ab12").exists()
    assert (store.root / "ab" / "ab12").is_dir()
    assert store.model_file("ab12").read_bytes() == b"weights"
    assert store.features("ab12")["raw_source"].tolist() == [[1, 0], [0, 1]]
    after = store.record("ab12")
    assert after.pop("embeddings") == 2
    assert set(after["files"]) - set(before["files"]) == {"features.npz", "model.safetensors"}
    assert store.damaged_files("ab12", after) == []
    assert {**after, "files": before["files"]} == before


STOPS = ["tlbench.store.runs.pack", "tlbench.store.runs.lay_out", "tlbench.store.runs.os.replace", "tlbench.store.runs.os.rename",
         "tlbench.store.runs.Path.unlink"]  # fmt: skip


@pytest.mark.parametrize("stop", STOPS)
@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("work", ["beside", "record", "redone"])
def test_a_process_that_ends_at_any_step_loses_no_run(tmp_path, monkeypatch, stop, after, work):
    """Killed: before or after a step, and nothing that was to clean up runs."""
    store = RunStore(tmp_path / "store")
    status = "failed" if work == "redone" else "done"
    store.write(
        {**RECORD, "status": status},
        {"seed": 0},
        ROWS,
        features={"raw_source": np.eye(1)} if work == "redone" else None,
    )
    module, name = stop.rsplit(".", 1)
    real = getattr(pydoc.locate(module), name)

    class Killed(BaseException):
        pass

    def killed(*args, **named):
        if after:
            real(*args, **named)
        raise Killed

    def step():
        if work == "beside":
            store.add_beside({**RECORD, "embeddings": 2}, {"raw_source": np.eye(2)})
        elif work == "record":
            store.rewrite_record({**RECORD, "tags": ["x"]})
        else:
            store.write(RECORD, {"seed": 0}, ROWS)

    with monkeypatch.context() as patch:
        patch.setattr(stop, killed)
        with contextlib.suppress(Killed):
            step()
    if work == "redone":
        assert RunStore(store.root).status("ab12") in ("done", "failed", None)
    else:
        assert RunStore(store.root).status("ab12") == "done"
        assert RunStore(store.root).predictions("ab12", "last")["prediction"].tolist() == [1]
    with store.lock("ab12"):
        step()
    assert store.record("ab12").get("embeddings" if work == "beside" else "tags" if work == "record" else "status")
    assert len([path for path in store.root.rglob("*ab12*") if ".aside" not in path.parts]) == 1


def test_a_run_that_is_not_whole_is_not_there(tmp_path):
    store = RunStore(tmp_path)
    (tmp_path / ".ab12-x").mkdir()
    (tmp_path / ".ab12-x" / "record.json").write_text(json.dumps(RECORD))
    (tmp_path / "cd34").mkdir()
    assert store.run_keys() == []
    assert store.status("ab12") is store.status("cd34") is None


def test_values_that_are_no_numbers_are_never_written(tmp_path):
    with pytest.raises(ValueError, match="JSON compliant"):
        RunStore(tmp_path).write({**RECORD, "accuracy": float("nan")}, {})
    assert RunStore(tmp_path).run_keys() == []


def test_a_damaged_record_is_named(tmp_path):
    (tmp_path / "ab12").mkdir()
    (tmp_path / "ab12" / "record.json").write_text("{")
    with pytest.raises(TlbenchError, match=r"ab12/record.json is damaged .* Delete the folder '.*ab12' and run again"):
        RunStore(tmp_path).record("ab12")


@pytest.mark.parametrize("size", [0, 1, 100, -1, -30])
def test_a_torn_run_is_named(tmp_path, size):
    store = RunStore(tmp_path)
    store.write(RECORD, {"seed": 0}, ROWS)
    store.packed("ab12").write_bytes(store.packed("ab12").read_bytes()[:size])
    with pytest.raises(Damaged, match=r"is damaged .* Delete the file '.*ab/ab12.zip' and run again"):
        store.record("ab12")


@given(st.integers(0, 10**6), st.integers(1, 255))
def test_one_wrong_byte_anywhere_changes_nothing_unseen(tmp_path_factory, place, change):
    store = RunStore(tmp_path_factory.mktemp("store"))
    store.write(RECORD, {"seed": 0}, ROWS)
    path, record = store.packed("ab12"), store.record("ab12")
    data = bytearray(path.read_bytes())
    data[place % len(data)] ^= change
    path.write_bytes(data)
    try:
        assert store.record("ab12") in (record, None)
        if store.damaged_files("ab12", record) == []:
            assert store.every_prediction("ab12").equals(ROWS)
            assert store.config("ab12") == {"seed": 0}
    except Damaged:
        pass


READ = {"predictions.parquet": lambda s: s.predictions("ab12", "last"), "history.parquet": lambda s: s.history("ab12"),
        "config.yaml": lambda s: s.config("ab12")}  # fmt: skip


@pytest.mark.parametrize("form", ["file", "folder"])
@pytest.mark.parametrize("name", READ)
def test_files_of_a_run_that_are_missing_or_damaged_are_named(tmp_path, name, form):
    store = RunStore(tmp_path)
    store.write(RECORD, {"seed": 0}, ROWS)
    if form == "folder":
        laid_out(store, "ab12")
    READ[name](store)
    for content in (b"\xff: [", b"[", b"", None):
        damage(store, "ab12", name, content)
        with pytest.raises(TlbenchError, match=rf"{name} is missing or damaged\. Delete the {form} '"):
            READ[name](store)


def test_no_pickle_is_written(tmp_path):
    store = RunStore(tmp_path)
    store.write(RECORD, {"seed": 0}, ROWS)
    assert {os.path.splitext(name)[1] for name in store.part_names("ab12")} == {".json", ".yaml", ".parquet"}


def _count(folder, times):
    store = RunStore(folder)
    for _ in range(times):
        with store.lock("k"):
            path = folder / "counter"
            path.write_text(str(int(path.read_text()) + 1))


def test_one_process_at_a_time_holds_a_runs_lock(tmp_path):
    (tmp_path / "counter").write_text("0")
    context = multiprocessing.get_context("fork")
    workers = [context.Process(target=_count, args=(tmp_path, 50)) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert (tmp_path / "counter").read_text() == "150"


def test_what_a_dead_process_left_is_swept_away_and_no_other_runs_is(tmp_path):
    store = RunStore(tmp_path / "store")
    for name in ("k/logs-1", "k/run-2", "kk/logs-1"):
        (store.root / ".aside" / name).mkdir(parents=True)
    with store.lock("k"):
        assert sorted(p.name for p in (store.root / ".aside").iterdir()) == ["kk"]
        (store.root / ".aside" / "k" / "run-3").mkdir(parents=True)
    assert sorted(p.name for p in (store.root / ".aside").iterdir()) == ["kk"]
    assert not [*(store.root / ".locks").iterdir()]  # a lock leaves no file


def test_what_is_written_is_readable_to_a_colleague(tmp_path):
    """Not by whoever made it alone, as tempfile has it: as the umask says."""
    store, before = RunStore(tmp_path / "store"), os.umask(0o022)
    try:
        with store.lock("ab12"):
            logs = store.new_folder("ab12", "logs")
            (logs / "metrics.csv").write_text("a\n")
            store.write(RECORD, {}, ROWS, extra=logs)
            (logs / "model.safetensors").write_text("a\n")
            store.write({**RECORD, "run_key": "cd34"}, {}, ROWS, extra=logs)
        store.rewrite_record(store.record("ab12"))
        write_plan(store, "p", [], [], {})
    finally:
        os.umask(before)
    modes = {p.relative_to(store.root).as_posix(): p.stat().st_mode & 0o777 for p in store.root.rglob("*")}
    assert {name for name, mode in modes.items() if mode not in (0o644, 0o755)} == set()
    assert {"plans/p.json", "ab/ab12.zip", "cd/cd34/logs", "cd/cd34/logs/metrics.csv", "cd/cd34/record.json"} <= set(
        modes
    )


@pytest.mark.parametrize("what", ["run", "record", "plan"])
def test_a_full_disk_is_told_in_one_line_and_leaves_nothing(tmp_path, monkeypatch, what):
    store = RunStore(tmp_path / "store")
    store.write(RECORD, {}, ROWS)
    before = sorted(store.root.rglob("*"))

    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    work = {
        "run": ("tlbench.store.runs.pack", lambda: store.write({**RECORD, "run_key": "cd34"}, {}, ROWS)),
        "record": ("tlbench.store.runs.os.replace", lambda: store.rewrite_record(RECORD)),
        "plan": ("tlbench.aside.os.replace", lambda: write_plan(store, "p", [], [], {})),
    }
    (store.root / "plans").mkdir()
    place, write = work[what]
    with monkeypatch.context() as patch:
        patch.setattr(place, full)
        with pytest.raises(TlbenchError, match=r"cannot be written \(No space left on device\)\. Make room"):
            write()
    assert sorted(store.root.rglob("*")) == sorted([*before, store.root / "plans"])
    write()


@pytest.mark.parametrize("place", ["", "ab"])
def test_runs_in_folders_and_those_of_older_stores_are_the_same_runs(tmp_path, place):
    packed, other = RunStore(tmp_path / "packed"), RunStore(tmp_path / "other")
    for store in (packed, other):
        store.write(RECORD, {"n": 1}, ROWS)
        store.write({**RECORD, "run_key": "cd34"}, {"n": 2}, ROWS)
    folder = laid_out(other, "ab12", other.root / place / "ab12")
    assert other.path("ab12") == folder
    assert other.run_keys() == packed.run_keys() == ["ab12", "cd34"]
    for key in ("ab12", "cd34"):
        assert other.record(key) == packed.record(key)
        assert other.config(key) == packed.config(key)
        assert other.predictions(key, "last").equals(packed.predictions(key, "last"))
        assert sorted(other.part_names(key)) == sorted(packed.part_names(key))
    other.rewrite_record({**other.record("ab12"), "tags": ["x"]})
    other.write({**RECORD, "status": "failed"}, {"n": 3})  # it is done, where it lies
    assert other.record("ab12")["tags"] == ["x"]
    assert other.path("ab12") == folder


@pytest.mark.parametrize("place", ["", "ab"])
def test_a_failed_run_in_a_folder_gives_way_to_the_file_of_a_finished_one(tmp_path, place):
    store = RunStore(tmp_path)
    store.write({**RECORD, "status": "failed"}, {"n": 1})
    folder = laid_out(store, "ab12", store.root / place / "ab12")
    store.write(RECORD, {"n": 2}, ROWS)
    assert store.status("ab12") == "done"
    assert store.config("ab12") == {"n": 2}
    assert not folder.exists()
    assert store.run_keys() == ["ab12"]


def test_a_place_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(TlbenchError, match=r"cannot be written .*Set by store="):
        RunStore(tmp_path / "file" / "store").check_writable()
    if os.geteuid():
        tmp_path.chmod(0o500)
        with pytest.raises(TlbenchError, match="cannot be written"):
            RunStore(tmp_path).check_writable()
