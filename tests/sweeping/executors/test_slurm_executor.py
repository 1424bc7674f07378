"""What is submitted to SLURM and what is made of its answers, by commands that note what they are asked.

The real ones are tried in tests/cluster.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

pytest.importorskip("submitit", reason="the extra `slurm` is not installed")

from tests.sweeping.executors.fakes import job
from tests.sweeping.executors.obedient_worker import obey
from tlbench.errors import TlbenchError
from tlbench.sweeping.executors import interface
from tlbench.sweeping.executors.interface import Batch, State
from tlbench.sweeping.executors.options import SlurmOptions
from tlbench.sweeping.executors.slurm import Slurm
from tlbench.sweeping.executors.submissions import noted, submissions

SBATCH = """#!/bin/sh
n=$(ls {folder}/scripts | wc -l)
cp "$1" {folder}/scripts/$n
test -f {folder}/refuse && {{ echo "sbatch: error: invalid partition specified: nowhere" >&2; exit 1; }}
echo "Submitted batch job $((100 + n))"
"""


class Cluster:
    """Notes scripts; its queue is what a test says."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "bin").mkdir(parents=True)
        (folder / "scripts").mkdir()
        self.command("sbatch", SBATCH.format(folder=folder))
        self.command("srun", "#!/bin/sh\n")
        self.command("scancel", f'#!/bin/sh\necho "$*" >> {folder}/cancelled\n')
        self.command("scontrol", "#!/bin/sh\necho MaxArraySize = 4\n")
        self.says([])

    def command(self, name: str, text: str) -> None:
        path = self.folder / "bin" / name
        path.write_text(text)
        path.chmod(0o755)

    def says(self, lines: list[str] | None) -> None:
        queue = "exit 1" if lines is None else "\n".join(f"echo '{line}'" for line in lines)
        self.command("squeue", f"#!/bin/sh\n{queue}\n")

    def scripts(self) -> list[dict[str, str]]:
        """The options of each script that was submitted."""
        paths = sorted((self.folder / "scripts").iterdir(), key=lambda path: int(path.name))
        return [dict(re.findall(r"#SBATCH --([\w-]+)=?(.*)", path.read_text())) for path in paths]


@pytest.fixture
def cluster(tmp_path, monkeypatch) -> Cluster:
    made = Cluster(tmp_path / "cluster")
    monkeypatch.setenv("PATH", f"{made.folder / 'bin'}:{os.environ['PATH']}")
    monkeypatch.setattr(interface, "written_runs", lambda configs: f"{len(list(configs))} runs")
    monkeypatch.setattr(Batch, "text", lambda self, group: ",".join(self.keys))
    return made


@pytest.fixture
def executor(cluster, tmp_path) -> Slurm:
    options = SlurmOptions(partition="cpu", cpus=2, mem_gb=1.5, minutes=7, poll=0.0, extra={"nice": 5})
    return Slurm(options, obey, tmp_path / "store", "demo")


def batches(n: int, needs: frozenset[str] = frozenset(), start: str = "b") -> list[Batch]:
    return [Batch(f"{start}{i}", (job(f"{start}{i}"),), needs) for i in range(n)]


def test_batches_go_as_arrays_below_the_clusters_size(executor, cluster):
    executor.submit(batches(7))
    assert [script.get("array") for script in cluster.scripts()] == ["0-2%3", "0-2%3", None]
    (first, *_) = cluster.scripts()
    assert (first["partition"], first["cpus-per-task"], first["mem"], first["time"]) == ("cpu", "2", "1536MB", "7")
    assert first["nice"] == "5"
    assert "requeue" in first
    assert "dependency" not in first
    names = [script["job-name"] for script in cluster.scripts()]
    assert sorted(found.name for found in submissions(executor.root)) == sorted(names)
    assert executor.announce().startswith("7 jobs in 3 arrays are with SLURM")


def test_what_needs_a_batch_depends_on_its_job_alone(executor, cluster):
    first, second = batches(2, start="r")
    executor.submit([first, second, *batches(2, frozenset({"r1"})), *batches(1, frozenset({"r0", "r1"}), "c")])
    dependencies = {script["job-name"]: script.get("dependency") for script in cluster.scripts()}
    assert sorted(map(str, dependencies.values())) == ["None", "afterany:100_0:100_1", "afterany:100_1"]


def test_a_chain_of_needs_is_submitted_in_its_order_whatever_the_names(executor, cluster):
    chain = [Batch(name, (job(name),), needs) for name, needs in
             [("z", frozenset()), ("m", frozenset({"z"})), ("a", frozenset({"m"})), ("b", frozenset({"a", "z"}))]]  # fmt: skip
    executor.submit(chain)
    found = [script.get("dependency") for script in cluster.scripts()]
    assert found == [None, "afterany:100", "afterany:101", "afterany:100:102"]


def test_states_are_those_of_the_queue_and_what_is_not_in_it_has_ended(executor, cluster):
    executor.submit(batches(3))
    (one,) = submissions(executor.root)
    cluster.says([f"{one.name}|100_0|RUNNING", f"{one.name}|100_2|PENDING", "other|7|RUNNING"])
    assert executor.states() == {"b0": State.RUNNING, "b1": State.ENDED, "b2": State.QUEUED}
    cluster.says(None)
    assert executor.states() == {"b0": State.UNKNOWN, "b2": State.UNKNOWN}
    cluster.says([])
    assert executor.states() == {"b0": State.ENDED, "b2": State.ENDED}
    executor.close()
    assert list(submissions(executor.root)) == []


def test_a_later_command_finds_what_an_earlier_one_left(executor, cluster, tmp_path):
    executor.submit(batches(3))
    (one,) = submissions(executor.root)
    cluster.says([f"{one.name}|100_1|RUNNING", f"{one.name}|100_2|PENDING"])
    later = Slurm(executor.options, obey, executor.root, "demo")
    found = later.adopt([job(f"b{i}") for i in range(5)])
    assert [batch.keys for batch in found] == [["b1"], ["b2"]]
    assert list(later.states().values()) == [State.RUNNING, State.QUEUED]
    later.submit(batches(1, frozenset({found[0].name}), "x"))
    assert cluster.scripts()[-1]["dependency"] == "afterany:100_1"
    cluster.says([])
    assert Slurm(executor.options, obey, executor.root, "demo").adopt([job("b1")]) == []
    assert list(submissions(executor.root)) == []


def test_what_is_noted_and_not_yet_taken_is_kept_while_its_command_may_be_about_to_submit_it(executor, cluster):
    one = noted(executor.root, "demo", batches(2))
    cluster.says([])
    later = Slurm(executor.options, obey, executor.root, "demo")
    assert later.adopt([job("b1")]) == []
    assert list(submissions(executor.root)) == [one]
    os.utime(one.folder.with_suffix(".json"), (0, 0))
    assert later.adopt([job("b1")]) == []
    assert list(submissions(executor.root)) == []


def test_where_the_queue_does_not_answer_what_may_be_in_it_is_not_submitted_again(executor, cluster):
    executor.submit(batches(2))
    cluster.says(None)
    with pytest.raises(TlbenchError, match=r"`squeue` gives no answer, and .*\.json tells of runs that may be with it"):
        Slurm(executor.options, obey, executor.root, "demo").adopt([job("b1")])


def test_a_refusal_is_told_once_and_leaves_nothing(executor, cluster):
    (cluster.folder / "refuse").touch()
    with pytest.raises(TlbenchError, match=r"SLURM takes no such job: .*invalid partition specified: nowhere"):
        executor.submit(batches(7))
    assert len(cluster.scripts()) == 1
    assert list(submissions(executor.root)) == []
    assert executor.states() == {}


def test_cancelled_are_its_own_jobs_alone(executor, cluster):
    executor.submit(batches(2))
    (one,) = submissions(executor.root)
    cluster.says([f"{one.name}|100_0|RUNNING", f"{one.name}|100_1|PENDING"])
    executor.cancel()
    assert (
        cluster.folder / "cancelled"
    ).read_text() == "--quiet --signal=KILL --full 100_0 100_1\n--quiet 100_0 100_1\n"
    assert list(submissions(executor.root)) == []
