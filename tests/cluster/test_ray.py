"""Sweeps on a real Ray: a node is lost, the command is stopped, and the same command completes what is left."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.ray_cluster import RayCluster, is_here, ray_cluster
from tests.cluster.support import done, ended_marks, lose_a_node, started, until, words, write_method
from tlbench.store.runs import RunStore

pytestmark = [pytest.mark.slow, pytest.mark.cluster, pytest.mark.skipif(not is_here(), reason="Ray is not installed")]
N = 60


@pytest.fixture(scope="module")
def cluster(tmp_path_factory) -> Iterator[RayCluster]:
    with ray_cluster(tmp_path_factory.mktemp("ray")) as made:
        yield made


@pytest.fixture
def folder(tmp_path, cluster) -> Path:
    write_method(tmp_path)
    return tmp_path


def ray_words(folder: Path, cluster: RayCluster, n: int = N) -> list[str]:
    ray = ["hydra/launcher=ray", f"hydra.launcher.address={cluster.address}", "hydra.launcher.minutes_per_task=5"]
    return words(n, folder / "store", *ray)


def swept(folder: Path, cluster: RayCluster) -> str:
    process = started(folder, ray_words(folder, cluster), cluster.environment)
    said, _ = process.communicate(timeout=500)
    assert process.returncode == 0, said
    return said


def test_a_node_is_lost_and_every_run_is_done(folder, cluster):
    process = started(folder, ray_words(folder, cluster), cluster.environment)
    lose_a_node(process, folder, cluster, N)
    assert f"{N + 1} are there" in swept(folder, cluster)


def test_a_command_that_is_stopped_ends_its_tasks_and_the_same_command_goes_on(folder, cluster):
    process = started(folder, ray_words(folder, cluster), cluster.environment)
    until(lambda: len(ended_marks(folder)) >= 2)
    process.send_signal(signal.SIGINT)
    said, _ = process.communicate(timeout=60)
    assert process.returncode == 130, said
    swept(folder, cluster)
    store = RunStore(folder / "store")
    assert len(done(folder / "store")) == N
    assert {store.status(key) for key in store.run_keys()} == {"done"}


def test_a_cluster_that_is_not_there_is_told_in_one_line(folder, cluster):
    command = [word.replace(cluster.address, "127.0.0.1:1") for word in ray_words(folder, cluster, 2)]
    process = started(folder, command, cluster.environment)
    said, _ = process.communicate(timeout=300)
    assert process.returncode == 2, said
    assert "No Ray cluster at '127.0.0.1:1'" in said
    assert RunStore(folder / "store").run_keys() == []
