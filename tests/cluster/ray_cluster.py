"""A Ray of one machine: a head and two nodes, each a process tree of its own, in a folder of its own."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

from tests.cluster.slurm_cluster import _free_port

CORES = 1
"""Of each node but the head, which has none: it runs no task."""


def is_here() -> bool:
    return find_spec("ray") is not None


@dataclass
class RayCluster:
    """A cluster that runs; `nodes` are those that take tasks."""

    address: str
    folder: Path
    processes: dict[str, subprocess.Popen] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        return {"RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0", "RAY_USAGE_STATS_ENABLED": "0"}

    def start(self, name: str, *words: str) -> None:
        ray = Path(sys.executable).with_name("ray")
        log = (self.folder / f"{name}.out").open("ab")
        self.processes[name] = subprocess.Popen(
            [ray, "start", "--block", "--disable-usage-stats", *words],
            env={**os.environ, **self.environment, "RAY_health_check_period_ms": "1000"},
            stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip

    def start_node(self, name: str) -> None:
        self.start(name, f"--address={self.address}", f"--num-cpus={CORES}", "--object-store-memory=80000000")

    def kill_node(self, name: str) -> None:
        """End all of a node's processes, as when its machine is switched off."""
        process = self.processes.pop(name)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _said(log: Path, pattern: str, seconds: float = 120) -> str:
    """Wait until a log says something; return the first group of it, or all."""
    deadline = time.monotonic() + seconds
    while (match := re.search(pattern, log.read_text() if log.exists() else "")) is None:
        assert time.monotonic() < deadline, log.read_text()[-2000:]
        time.sleep(0.3)
    return match[match.re.groups]


@contextmanager
def ray_cluster(folder: Path) -> Iterator[RayCluster]:
    """Yield a cluster of a head and two nodes of one core; all of it is gone when the block ends."""
    folder.mkdir(parents=True, exist_ok=True)
    port = _free_port()
    cluster = RayCluster(f"127.0.0.1:{port}", folder)
    # the path of a socket has a limit of about a hundred letters
    head = ["--head", f"--port={port}", "--num-cpus=0", "--node-ip-address=127.0.0.1", "--object-store-memory=80000000"]
    try:
        cluster.start("head", *head, "--include-dashboard=false")
        # Ray gives a node of this machine another address than the one that it is told
        cluster.address = _said(folder / "head.out", r"--address='([\d.:]+)'")
        for name in ("node1", "node2"):
            cluster.start_node(name)
            _said(folder / f"{name}.out", "Ray runtime started")
        yield cluster
    finally:
        for name in list(cluster.processes):
            cluster.kill_node(name)
