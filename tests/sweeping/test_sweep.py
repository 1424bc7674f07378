"""Sweeps as a user runs them, on the toy data set."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from tests.support import jobs_of
from tlbench.cli import main
from tlbench.store.runs import RunStore
from tlbench.store.table import read_runs
from tlbench.transfer.warning.model import WarningModel

FAST = ["hydra/launcher=basic"]


def sweep(toy: Path, *arguments: str) -> int:
    launcher = [] if any(a.startswith("hydra/launcher") for a in arguments) else FAST
    return main(["sweep", "dataset=toy", *launcher, *arguments, "--config-dir", str(toy)])


@pytest.fixture
def store(tmp_path) -> RunStore:
    return RunStore(tmp_path / "store")


def test_a_sweep_leaves_every_run_with_gains_over_matched_references(toy, store, capsys):
    assert sweep(toy, "pair=L-R,L-T", "method=dann,mmd", "seed=0,1") == 0
    runs = read_runs(store)
    assert len(runs.drop_duplicates("run_key")) == 2 * 2 * 3
    methods = runs[(runs["method"] != "source_only") & (runs["selection"] == "last")]
    for run in methods.itertuples():
        reference = store.record(run.reference_run)
        assert (reference["method"], reference["recipe_key"]) == ("source_only", run.recipe_key)
        own, other = store.predictions(run.run_key, "last"), store.predictions(run.reference_run, "last")
        right, other_right = ((t["prediction"] == t["label"]).to_numpy() for t in (own, other))
        assert run.gain == pytest.approx(100 * (right.mean() - other_right.mean()))
    assert "12 runs (4 of them references that the methods need), 0 are there." in capsys.readouterr().err


def test_the_same_command_again_does_nothing_and_a_longer_one_the_rest(toy, store):
    assert sweep(toy, "pair=L-R", "method=source_only,dann", "seed=0") == 0
    before = stamps(store)
    assert sweep(toy, "pair=L-R", "method=source_only,dann", "seed=0") == 0
    assert stamps(store) == before
    assert sweep(toy, "pair=L-R", "method=source_only,dann", "seed=0,1") == 0
    after = stamps(store)
    assert len(after) == 4
    assert {key: after[key] for key in before} == before


def stamps(store: RunStore) -> dict[str, tuple[int, int]]:
    return {key: ((s := store.path(key).stat()).st_mtime_ns, s.st_ino) for key in store.run_keys()}


def test_a_source_model_is_a_run_that_is_done_once(toy, store):
    """Whichever method of the sweep asks for the reference first, and also where it was done before and kept no model."""
    words = ("pair=L-R", "classifier=head", "optim=sgd", "optim.batch_size=16", "optim.steps=8")
    assert sweep(toy, *words, "method=source_only", "seed=1") == 0
    assert sweep(toy, *words, "method=dann,shot,nrc", "seed=0,1") == 0
    runs = read_runs(store).drop_duplicates("run_key").set_index("run_key")
    assert sorted(runs["method"]) == sorted(["source_only", "dann", "shot", "nrc"] * 2)
    for key, run in runs.iterrows():
        assert (store.model_file(key) is not None) == (run["method"] == "source_only")
        about = store.record(key).get("source_model")
        assert (about is not None) == (run["method"] in ("shot", "nrc"))
        assert about is None or runs.loc[about["run_key"], ["method", "seed"]].tolist() == ["source_only", run["seed"]]
    model = {job.setup.key: job for job in jobs_of("dataset=toy", *words, "method=dann,shot", "seed=2", config_dir=toy)}
    kept = [job.config.method["name"] for job in model.values() if job.config.keep_model]
    assert kept == ["source_only"]
    assert [job.asked for job in model.values()].count(True) == 2


def test_a_failed_run_stops_no_other_and_is_tried_again(toy, store, capsys):
    command = ["pair=L-R", "method=coral", "optim.lr=1e30,0.01"]
    assert sweep(toy, *command) == 1
    statuses = read_runs(store).drop_duplicates("run_key").set_index("run_key")["status"]
    assert sorted(statuses) == ["done", "done", "failed", "failed"]
    assert "Diverged: term" in capsys.readouterr().err
    before = stamps(store)
    assert sweep(toy, *command) == 1
    after = stamps(store)
    assert {key for key in after if after[key] != before[key]} == set(statuses[statuses == "failed"].index)


def test_a_combination_that_cannot_be_run_is_recorded_as_skipped(toy, store, capsys):
    assert sweep(toy, "pair=L-R", "method=source_only,tradaboost") == 1
    runs = read_runs(store).drop_duplicates("run_key").set_index("method")
    assert runs.loc["tradaboost", "status"] == "skipped"
    assert "protocol.shots is 0" in runs.loc["tradaboost", "reason"]
    assert runs.loc["source_only", "status"] == "done"
    assert "skipped: tradaboost toy left-right seed 0: tradaboost needs labelled" in capsys.readouterr().err


def test_weights_for_a_classifier_that_takes_none_are_skipped(toy, store, capsys):
    assert sweep(toy, "pair=L-R", "method=source_only,nn_ratio", "classifier=nearest_neighbour") == 1
    runs = read_runs(store).drop_duplicates("run_key").set_index("method")
    assert runs.loc["nn_ratio", "status"] == "skipped"
    assert "classifier=nearest_neighbour takes no weights" in runs.loc["nn_ratio", "reason"]
    assert runs.loc["source_only", "status"] == "done"


def test_a_sweep_of_nothing_but_impossible_runs_is_the_users_mistake(toy, capsys):
    assert sweep(toy, "pair=L-R", "method=tradaboost") == 2
    assert "Set protocol.shots=3" in capsys.readouterr().err


def test_a_sweep_of_no_runs_is_told(toy, capsys):
    assert sweep(toy, "pair=L-R", "method=dann", "seed=range(0)") == 2
    assert "ask for no run at all" in capsys.readouterr().err


def test_more_shots_than_a_class_holds_are_told(toy, capsys):
    arguments = ["run", "dataset=toy", "pair=L-R", "method=tradaboost", "protocol.shots=19", "--config-dir", str(toy)]
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert "protocol.shots=19 needs" in error
    assert "Traceback" not in error


def test_dry_run_prints_the_plan_and_writes_nothing(toy, store, capsys):
    assert sweep(toy, "pair=all", "method=dann", "--dry-run") == 0
    assert "12 runs, 6 of them as references: 12 missing.\nHow long they take is not known" in capsys.readouterr().out
    assert not store.root.exists()


def test_the_reference_of_a_single_run_is_made_on_the_way(toy, store, capsys):
    assert main(["run", "dataset=toy", "pair=L-R", "method=dann", "--config-dir", str(toy)]) == 0
    assert sorted(read_runs(store)["method"].unique()) == ["dann", "source_only"]
    out = capsys.readouterr().out
    assert "gain over source_only" in out
    assert "points [" in out


@pytest.mark.parametrize(("model", "row"), [(WarningModel("v1", np.log(3), {}), True), (None, False)])
def test_a_run_says_its_warning_where_there_is_a_model(toy, capsys, monkeypatch, model, row):
    monkeypatch.setattr("tlbench.running.warned.shipped_model", lambda: model)
    assert main(["run", "dataset=toy", "pair=L-R", "method=coral_linear", "--config-dir", str(toy)]) == 0
    out = capsys.readouterr().out
    assert ("0.75 that it hurts, without a target label" in out) == row
    assert ("warning" in out) == row


def test_run_refuses_a_list(toy, capsys):
    assert main(["run", "dataset=toy", "pair=L-R", "method=dann,coral", "--config-dir", str(toy)]) == 2
    assert "ask for 2 runs, and this takes one" in capsys.readouterr().err


@pytest.mark.slow
def test_a_users_own_method_in_one_file_and_one_config(toy, store, tmp_path, capsys):
    Path("nudge.py").write_text(
        "from tlbench.method import GradientMethod\n"
        "class Nudge(GradientMethod):\n"
        "    family = 'feature'\n"
        "    def __init__(self, *, weight, **base):\n"
        "        super().__init__(**base)\n"
        "        self.weight = weight\n"
        "    def adaptation_terms(self, source, target):\n"
        "        gap = source.features.mean(0) - target.features.mean(0)\n"
        "        return {'means': self.weight * gap.square().sum()}\n"
    )
    (toy / "method").mkdir()
    (toy / "method" / "nudge.yaml").write_text("# nudge: equal means\n_target_: nudge.Nudge\nweight: 1.0\n")
    done = subprocess.run(
        [sys.executable, "-m", "tlbench", "sweep", "dataset=toy", "pair=L-R", "method=nudge,coral_linear", "seed=0,1",
         "--config-dir", str(toy)],
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    runs = read_runs(store)
    own = runs[(runs["method"] == "nudge") & (runs["selection"] == "last")]
    assert len(own) == 2
    assert own["gain"].notna().all()
    history = store.history(own["run_key"].iloc[0])
    assert set(history["name"]) == {"classification", "means"}
    assert main(["list", "methods", "--config-dir", str(toy)]) == 0
    assert re.search(r"^nudge +equal means$", capsys.readouterr().out, re.MULTILINE)
    # that command had processes of its own; one process gives equal predictions
    assert sweep(toy, "pair=L-R", "method=nudge,coral_linear", "seed=0,1", f"store={tmp_path / 'one'}") == 0
    alone = RunStore(tmp_path / "one")
    assert alone.run_keys() == store.run_keys()
    for key in alone.run_keys():
        a, b = alone.predictions(key, "last"), store.predictions(key, "last")
        np.testing.assert_array_equal(a["confidence"], b["confidence"])


def children_of(parent: int) -> list[int]:
    """Processes that this one started (Linux)."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            if int(path.read_text().rpartition(")")[2].split()[1]) == parent:
                found.append(int(path.parent.name))
    return found


@pytest.mark.slow
def test_kill_minus_9_loses_no_finished_run_and_repeats_none(toy, store):
    command = [
        sys.executable, "-m", "tlbench", "sweep", "dataset=toy", "pair=all", "method=dann", "seed=0,1",
        "optim.steps=100", "--config-dir", str(toy),
    ]  # fmt: skip
    running = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 300  # processes start slowly on a busy machine
    while len(store.run_keys()) < 4:
        assert time.monotonic() < deadline
        assert running.poll() is None, "it ended before it could be killed"
        time.sleep(0.02)
    workers = children_of(running.pid)
    assert workers
    os.kill(running.pid, signal.SIGKILL)
    running.wait()
    finished = stamps(store)
    assert 4 <= len(finished) < 24
    assert main([*command[3:], *FAST]) == 0
    after = stamps(store)
    assert len(after) == 24
    assert {key: after[key] for key in finished} == finished
    assert all(store.status(key) == "done" for key in after)
    assert not [pid for pid in workers if Path(f"/proc/{pid}").exists()]  # they ended with their sweep


@pytest.mark.slow
def test_two_sweeps_may_write_to_one_store_at_once(toy, store):
    command = [
        sys.executable, "-m", "tlbench", "sweep", "dataset=toy", "pair=all", "method=coral", *FAST, "--config-dir", str(toy)
    ]  # fmt: skip
    running = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    errors = [process.communicate()[1] for process in running]
    assert [process.returncode for process in running] == [0, 0], errors
    assert len(store.run_keys()) == 12


def test_the_plan_lets_a_report_see_what_is_missing(toy, store):
    assert sweep(toy, "pair=L-R", "method=dann", "seed=0,1") == 0
    (plan,) = (store.root / "plans").glob("*.json")
    planned = json.loads(plan.read_text())
    assert {run["run_key"] for run in planned["runs"]} == set(store.run_keys())
    assert planned["arguments"][0] == "dataset=toy"


def test_a_method_whose_code_changed_and_revision_did_not_is_told(toy, store, capsys):
    words = ("pair=L-R", "method=coral_linear", "seed=0")
    assert sweep(toy, *words) == 0
    capsys.readouterr()
    assert sweep(toy, *words) == 0
    assert "its code has changed" not in capsys.readouterr().err
    for key in store.run_keys():
        record = store.record(key)
        if record["method"] == "coral_linear":
            store.rewrite_record({**record, "method_code": "0" * 16})
    assert sweep(toy, *words) == 0
    assert "coral_linear: its code has changed since 1 runs" in capsys.readouterr().err


@pytest.mark.slow
def test_workers_that_are_starting_end_with_their_sweep(toy, store):
    process = subprocess.Popen(
        [sys.executable, "-m", "tlbench", "sweep", "dataset=toy", "pair=L-R", "method=coral_linear", "seed=range(4)",
         "--config-dir", str(toy)], stderr=subprocess.DEVNULL,
    )  # fmt: skip
    deadline = time.monotonic() + 120

    def starting() -> list[int]:
        return [child for child in children_of(process.pid) if "local_worker" in command_of(child)]

    while not (workers := starting()):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.kill()
    process.wait()
    while left := [worker for worker in workers if "local_worker" in command_of(worker)]:
        assert time.monotonic() < deadline, f"{left} outlived their sweep"
        time.sleep(0.2)


def command_of(process: int) -> str:
    try:
        return Path(f"/proc/{process}/cmdline").read_text()
    except OSError:
        return ""
