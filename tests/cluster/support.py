"""What the scenarios on clusters have in common: 60 cheap runs, a command that is watched, and what must hold at the end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tlbench.store.runs import RunStore

ROOT = Path(__file__).parents[2]
METHOD = '''\
"""A closed form that takes its time, and says in a file each time that it is begun and ended."""

import time

from tlbench.method import EstimatorMethod


class Slow(EstimatorMethod):
    family = "feature"
    draws = False

    def __init__(self, *, seconds: float, mark: int, log: str, **base):
        super().__init__(**base)
        self.seconds, self.mark, self.log = seconds, mark, log

    def fit(self, task):
        with open(self.log, "a") as file:
            file.write(f"begun {self.mark}\\n")
        time.sleep(self.seconds)
        self.classifier.fit(task.source.inputs.reshape(len(task.source), -1), task.source.labels)
        with open(self.log, "a") as file:
            file.write(f"ended {self.mark}\\n")
        return self

    def predict_proba(self, x, domain="target"):
        return self.classifier.predict_proba(x.reshape(len(x), -1))
'''
CONFIG = "# slow: for tests of clusters\n_target_: slow_method.Slow\nseconds: 0.5\nmark: 0\nlog: log\n"


def write_method(folder: Path) -> Path:
    """Write the method and its config; return the folder of configs. Commands are given from `folder`."""
    (folder / "slow_method.py").write_text(METHOD)
    (folder / "conf" / "method").mkdir(parents=True, exist_ok=True)
    (folder / "conf" / "method" / "slow.yaml").write_text(CONFIG)
    return folder / "conf"


def words(n: int, store: Path, *more: str, seconds: float = 0.5) -> list[str]:
    """Return the words of a sweep of n runs of the method, without references (their gain is not what is looked at)."""
    marks = ",".join(map(str, range(n)))
    return [
        sys.executable, "-m", "tlbench", "sweep", "dataset=mini_digits", "pair=H-P", "method=slow", f"method.mark={marks}",
        f"method.log={store.parent / 'log'}",
        f"method.seconds={seconds}", f"store={store}", "validators=0", "distances=0", "seed=0", "--config-dir", "conf", *more,
    ]  # fmt: skip


def environment(folder: Path, more: Mapping[str, str]) -> dict[str, str]:
    path = os.pathsep.join([str(ROOT), str(folder), *filter(None, [os.environ.get("PYTHONPATH")])])
    return {**os.environ, **more, "PYTHONPATH": path, "COLUMNS": "200"}


def started(folder: Path, command: list[str], more: Mapping[str, str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command, cwd=folder, env=environment(folder, more), text=True, stderr=subprocess.STDOUT, stdout=subprocess.PIPE,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a shell's background job ignores it
    )  # fmt: skip


def ended_marks(folder: Path) -> list[int]:
    log = folder / "log"
    lines = log.read_text().splitlines() if log.exists() else []
    return [int(line.split()[1]) for line in lines if line.startswith("ended")]


def done(store: Path) -> list[str]:
    """Return the keys of the method's finished runs."""
    found = RunStore(store)
    records = [json.loads(json.dumps(found.record(key))) for key in found.run_keys()]
    return [record["run_key"] for record in records if record["status"] == "done" and record["method"] == "slow"]


def lose_a_node(process: subprocess.Popen[str], folder: Path, cluster: Any, n: int) -> None:
    """Kill a node of a cluster in the middle of a sweep of n runs, and start it again; every run is done in the end.

    A run that the node took with it is begun again; none that had ended is.
    """
    until(lambda: len(ended_marks(folder)) >= 3)
    cluster.kill_node("node2")
    until(lambda: len(ended_marks(folder)) >= 12)
    cluster.start_node("node2")
    said, _ = process.communicate(timeout=500)
    assert process.returncode == 0, said
    assert len(done(folder / "store")) == n
    assert sorted(set(ended_marks(folder))) == list(range(n))
    assert len(ended_marks(folder)) <= n + 1


def until(what: Callable[[], bool], seconds: float = 240) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.2)
