"""Sweeps on a real SLURM: nothing is lost, nothing is done twice, whatever happens to nodes, jobs and the command."""

from __future__ import annotations

import math
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.slurm_cluster import SlurmCluster, missing_programs, slurm_cluster
from tests.cluster.support import done, ended_marks, lose_a_node, started, until, words, write_method
from tlbench.store.runs import RunStore

pytestmark = [
    pytest.mark.slow,
    pytest.mark.cluster,
    pytest.mark.skipif(bool(missing_programs()), reason=f"SLURM is not installed: {', '.join(missing_programs())}"),
]
SLURM = ["hydra/launcher=slurm", "hydra.launcher.poll=1", "hydra.launcher.minutes_per_job=15"]
N = 60


@pytest.fixture(scope="module")
def cluster(tmp_path_factory, pytestconfig) -> Iterator[SlurmCluster]:
    with slurm_cluster(tmp_path_factory.mktemp("slurm"), max_array=pytestconfig.getoption("max_array"), cpus=1) as made:
        yield made


@pytest.fixture
def folder(tmp_path, cluster) -> Path:
    write_method(tmp_path)
    return tmp_path


def swept(folder: Path, cluster: SlurmCluster, *more: str, n: int = N, seconds: float = 0.5) -> str:
    process = started(folder, words(n, folder / "store", *SLURM, *more, seconds=seconds), cluster.environment)
    said, _ = process.communicate(timeout=500 + 6 * n)  # a job imports for 2 s, on a machine that may be busy
    assert process.returncode == 0, said
    return said


def assert_complete_and_none_twice(folder: Path, n: int = N) -> None:
    assert len(done(folder / "store")) == n
    assert sorted(ended_marks(folder)) == list(range(n))
    assert not list((folder / "store" / ".jobs").glob("*.json"))


def test_a_node_and_jobs_are_lost_and_the_same_command_has_nothing_left_to_do(folder, cluster):
    process = started(folder, words(N, folder / "store", *SLURM), cluster.environment)
    lose_a_node(process, folder, cluster, N)
    assert f"{N + 1} are there" in swept(folder, cluster)
    assert cluster.queue() == []


def test_jobs_that_a_person_cancels_are_neither_recorded_nor_begun_again_but_by_the_same_command(folder, cluster):
    process = started(folder, words(N, folder / "store", *SLURM), cluster.environment)
    until(lambda: len(ended_marks(folder)) >= 2)
    numbers = [line.split()[1] for line in cluster.queue() if line.endswith("PENDING")]
    assert numbers
    cluster.ask("scancel", *numbers)
    said, _ = process.communicate(timeout=500)
    assert process.returncode == 1
    assert "missing (cancelled): " in said
    store = RunStore(folder / "store")
    assert {store.status(key) for key in store.run_keys()} == {"done"}
    assert 0 < len(done(folder / "store")) < N
    swept(folder, cluster)
    assert_complete_and_none_twice(folder)


def test_ctrl_c_empties_the_queue_and_the_same_command_goes_on(folder, cluster):
    process = started(folder, words(N, folder / "store", *SLURM), cluster.environment)
    until(lambda: len(ended_marks(folder)) >= 2)
    process.send_signal(signal.SIGINT)
    until(lambda: cluster.queue() == [], 10)
    said, _ = process.communicate(timeout=30)
    assert process.returncode == 130, said
    swept(folder, cluster)
    assert len(done(folder / "store")) == N
    assert sorted(set(ended_marks(folder))) == list(range(N))


def test_a_command_that_is_killed_leaves_jobs_that_the_same_command_waits_for(folder, cluster):
    process = started(folder, words(N, folder / "store", *SLURM), cluster.environment)
    until(lambda: len(ended_marks(folder)) >= 1)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    before = len(cluster.queue())
    assert before > 0
    said = swept(folder, cluster)
    assert "runs are with it already, from an earlier command" in said
    assert_complete_and_none_twice(folder)


def test_a_partition_that_is_not_there_is_told_once_and_recorded_never(folder, cluster, monkeypatch):
    counting = folder / "bin"
    counting.mkdir()
    real = cluster.ask("which", "sbatch").strip()
    (counting / "sbatch").write_text(f'#!/bin/sh\necho call >> {folder}/calls\nexec {real} "$@"\n')
    (counting / "sbatch").chmod(0o755)
    path = {**cluster.environment, "PATH": f"{counting}:{cluster.environment['PATH']}"}
    process = started(folder, words(N, folder / "store", *SLURM, "hydra.launcher.partition=nowhere"), path)
    said, _ = process.communicate(timeout=200)
    assert process.returncode == 2, said
    assert "invalid partition specified: nowhere" in said
    assert (folder / "calls").read_text() == "call\n"
    assert RunStore(folder / "store").run_keys() == []
    assert cluster.queue() == []


def test_more_runs_than_an_array_may_have_go_as_several(folder, cluster, pytestconfig):
    n, most = pytestconfig.getoption("array_runs"), pytestconfig.getoption("max_array") - 1
    said = swept(folder, cluster, "hydra.sweeper.runs_per_job=1", n=n, seconds=0)
    assert n > most  # else nothing is divided
    assert f"{n + 1} jobs in {1 + math.ceil(n / most)} arrays" in said  # the reference alone
    assert_complete_and_none_twice(folder, n)
