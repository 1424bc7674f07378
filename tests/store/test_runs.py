import errno
import json
import multiprocessing
import os

import pandas as pd
import pytest

from tlbench.errors import TlbenchError
from tlbench.store.plans import write_plan
from tlbench.store.reading import HISTORY
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
    assert (store.root / "ab12" / "logs" / "metrics.csv").read_text() == "a\n1\n"
    assert not [*(store.root / ".aside").iterdir()]


def test_a_finished_run_is_never_replaced_and_a_failed_one_is(tmp_path):
    store = RunStore(tmp_path)
    store.write({**RECORD, "status": "failed"}, {"n": 1})
    store.write(RECORD, {"n": 2}, ROWS)
    store.write({**RECORD, "status": "failed"}, {"n": 3})
    assert store.status("ab12") == "done"
    assert store.config("ab12") == {"n": 2}
    assert len(store.predictions("ab12", "last")) == 1


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
    with pytest.raises(TlbenchError, match=r"is damaged .* Delete the folder"):
        RunStore(tmp_path).record("ab12")


READ = {"predictions.parquet": lambda s: s.predictions("ab12", "last"), "history.parquet": lambda s: s.history("ab12"),
        "config.yaml": lambda s: s.config("ab12")}  # fmt: skip


@pytest.mark.parametrize("name", READ)
def test_files_of_a_run_that_are_missing_or_damaged_are_named(tmp_path, name):
    store = RunStore(tmp_path)
    store.write(RECORD, {"seed": 0}, ROWS)
    READ[name](store)
    path = tmp_path / "ab12" / name
    for content in (b"\xff: [", b"[", b"", None):
        path.unlink() if content is None else path.write_bytes(content)
        with pytest.raises(TlbenchError, match=rf"{name} is missing or damaged\. Delete the folder"):
            READ[name](store)


def test_no_pickle_is_written(tmp_path):
    store = RunStore(tmp_path)
    store.write(RECORD, {"seed": 0}, ROWS)
    assert {p.suffix for p in (tmp_path / "ab12").iterdir()} == {".json", ".yaml", ".parquet"}


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
        store.rewrite_record(store.record("ab12"))
        write_plan(store, "p", [], [], {})
    finally:
        os.umask(before)
    modes = {p.relative_to(store.root).as_posix(): p.stat().st_mode & 0o777 for p in store.root.rglob("*")}
    assert {name for name, mode in modes.items() if mode not in (0o644, 0o755)} == set()
    assert {"plans/p.json", "ab12/logs", "ab12/logs/metrics.csv", "ab12/record.json"} <= set(modes)


@pytest.mark.parametrize("what", ["run", "record", "plan"])
def test_a_full_disk_is_told_in_one_line_and_leaves_nothing(tmp_path, monkeypatch, what):
    store = RunStore(tmp_path / "store")
    store.write(RECORD, {}, ROWS)
    before = sorted(store.root.rglob("*"))

    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    work = {
        "run": ("tlbench.store.runs.pq.write_table", lambda: store.write({**RECORD, "run_key": "cd34"}, {}, ROWS)),
        "record": ("tlbench.aside.os.replace", lambda: store.rewrite_record(RECORD)),
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


def test_runs_in_folders_by_the_first_letters_of_their_keys_are_the_same_runs(tmp_path):
    flat, divided = RunStore(tmp_path / "flat"), RunStore(tmp_path / "divided")
    for store in (flat, divided):
        store.write(RECORD, {"n": 1}, ROWS)
        store.write({**RECORD, "run_key": "cd34"}, {"n": 2}, ROWS)
    (divided.root / "ab").mkdir()
    (divided.root / "ab12").rename(divided.root / "ab" / "ab12")
    assert divided.run_keys() == flat.run_keys() == ["ab12", "cd34"]
    for key in ("ab12", "cd34"):
        assert divided.record(key) == flat.record(key)
        assert divided.config(key) == flat.config(key)
        assert divided.predictions(key, "last").equals(flat.predictions(key, "last"))
    divided.rewrite_record({**divided.record("ab12"), "tags": ["x"]})
    divided.write({**RECORD, "status": "failed"}, {"n": 3})  # it is done, where it lies
    assert divided.record("ab12")["tags"] == ["x"]
    assert not (divided.root / "ab12").exists()


def test_a_place_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(TlbenchError, match=r"cannot be written .*Set by store="):
        RunStore(tmp_path / "file" / "store").check_writable()
    if os.geteuid():
        tmp_path.chmod(0o500)
        with pytest.raises(TlbenchError, match="cannot be written"):
            RunStore(tmp_path).check_writable()
