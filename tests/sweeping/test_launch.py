"""A launch that breaks costs the run that broke it and no other."""

from types import SimpleNamespace

import pytest
from hydra.core.plugins import Plugins

from tests.sweeping.test_sweep import sweep
from tlbench.store.runs import RunStore
from tlbench.store.table import read_runs
from tlbench.sweeping.driver import sweeper
from tlbench.sweeping.job import execute
from tlbench.sweeping.launch import launch_all, launch_by_hydra


class Broken(Exception):
    pass


def jobs(n: int) -> list[SimpleNamespace]:
    return [SimpleNamespace(key=f"{i:02x}") for i in range(n)]


class Launcher:
    """Does jobs in order, two at a time; a killer takes its partner's work and the whole launch with it."""

    def __init__(self, store: RunStore, killers: set[str], silent: bool = False) -> None:
        self.store, self.killers, self.silent, self.launches = store, killers, silent, 0

    def __call__(self, some) -> None:
        self.launches += 1
        for pair in (some[i : i + 2] for i in range(0, len(some), 2)):
            if self.killers & {job.key for job in pair}:
                if self.silent:
                    continue
                raise Broken("a worker was killed")
            for job in pair:
                self.store.write({"run_key": job.key, "status": "done"}, {})


@pytest.mark.parametrize("killers", [set(), {"00"}, {"07"}, {"03", "04"}, {"00", "01", "02", "03", "04", "05"}])
@pytest.mark.parametrize("silent", [False, True])
def test_every_other_job_is_done_and_the_killers_are_named(tmp_path, killers, silent):
    store, asked = RunStore(tmp_path), jobs(12)
    store.check_writable()
    launcher = Launcher(store, killers, silent)
    lost = launch_all(asked, launcher, store)
    assert {job.key for job, _ in lost} == killers
    assert {job.key for job in asked if store.status(job.key) == "done"} == {job.key for job in asked} - killers
    want = "It left no record." if silent else "Broken: a worker was killed"
    assert {reason for _, reason in lost} <= {want}
    assert launcher.launches <= 1 + 4 * (len(killers) + 1)


def test_a_job_that_was_alone_in_a_launch_is_not_launched_again(tmp_path):
    store = RunStore(tmp_path)
    store.check_writable()
    launcher = Launcher(store, {"00"})
    assert [job.key for job, _ in launch_all(jobs(1), launcher, store)] == ["00"]
    assert launcher.launches == 1
    assert launch_all(jobs(1), Launcher(RunStore(tmp_path), set()), store) == []


@pytest.mark.slow
@pytest.mark.parametrize("launcher", ["joblib", "local"])
def test_each_sweep_of_one_process_has_workers_that_know_its_folder_and_environment(
    toy, tmp_path, monkeypatch, launcher
):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        monkeypatch.chdir(tmp_path / name)
        monkeypatch.setenv("TLBENCH_STORE", "runs")
        assert sweep(toy, "pair=L-R", "method=source_only", "seed=0,1", f"hydra/launcher={launcher}") == 0
        assert len(list(RunStore(tmp_path / name / "runs").run_keys())) == 2


@pytest.mark.slow
@pytest.mark.parametrize(
    ("launcher", "reason"), [("joblib", "TerminatedWorkerError"), ("local", "Its process ended with status 9.")]
)
def test_a_process_that_is_killed_is_a_failed_run_beside_finished_ones(toy, tmp_path, capfd, launcher, reason):
    from pathlib import Path

    Path("killer.py").write_text(
        "import os\n"
        "from tlbench.method import EstimatorMethod\n"
        "class Killer(EstimatorMethod):\n"
        "    family = 'instance'\n"
        "    def fit(self, task):\n"
        "        os._exit(9)\n"
    )
    (toy / "method").mkdir()
    (toy / "method" / "killer.yaml").write_text("# killer: as if killed for memory\n_target_: killer.Killer\n")
    assert sweep(toy, "pair=L-R", "method=killer,coral_linear", f"hydra/launcher={launcher}") == 1
    runs = read_runs(RunStore(tmp_path / "store")).drop_duplicates("run_key")
    assert sorted(runs[runs["method"] == "killer"]["status"]) == ["failed"]
    assert set(runs[runs["method"] != "killer"]["status"]) == {"done"}
    error = capfd.readouterr().err
    assert "failed (killed): killer toy left-right seed 0" in error
    assert "once more, alone: tlbench run " in error
    assert reason in error
    assert "Traceback" not in error


def test_launchers_get_the_mirror_of_a_store_elsewhere_as_their_folder(tmp_path, monkeypatch):
    """They make the folder, and an address names none."""
    given = []
    monkeypatch.setattr(Plugins, "instantiate_launcher", lambda self, config, **_: given.append(config.hydra.sweep.dir))
    monkeypatch.setenv("TLBENCH_CACHE", str(tmp_path))
    store = RunStore("memory://launched/runs")
    with sweeper(["store=memory://launched/runs"], None) as machine:
        assert machine.config.hydra.sweep.dir == "memory://launched/runs"
        launch_by_hydra([], "name", store, machine.config, machine.hydra_context, execute, 1)
    assert given == [str(store.root)]
