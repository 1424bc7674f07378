"""A SLURM of one machine: munge, one controller and two node daemons, in a folder of its own, without root's files being touched.

Debian's `slurm-wlm` and `munge` are all that it needs (both GPL-2, run as programs of their own; nothing of them is imported):
`apt-get install slurm-wlm munge`. Each cluster has its own ports, so two may stand side by side.
"""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "scancel", "scontrol")
NODES = ("node1", "node2")
CONFIG = """\
ClusterName=tlbench
SlurmctldHost={host}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CredType=cred/munge
SlurmUser={user}
SlurmdUser={user}
SlurmctldPort={port}
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool.%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
JobCompType=jobcomp/none
MpiDefault=none
SchedulerType=sched/backfill
SchedulerParameters=sched_min_interval=100000,bf_interval=1,batch_sched_delay=0
ReturnToService=2
SlurmdTimeout=10
SlurmctldTimeout=10
InactiveLimit=0
KillWait=30
MinJobAge=300
MaxArraySize={max_array}
MaxJobCount=10000
SlurmdParameters=config_overrides
{nodes}
PartitionName=main Nodes=node1,node2 Default=YES MaxTime=INFINITE State=UP OverSubscribe=NO
"""


def missing_programs() -> list[str]:
    """Return what of SLURM is not installed here."""
    places = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])
    return [name for name in PROGRAMS if shutil.which(name, path=places) is None]


@dataclass
class SlurmCluster:
    """A cluster that runs; commands find it by `environment`."""

    folder: Path
    processes: dict[str, subprocess.Popen] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        path = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
        return {**os.environ, "SLURM_CONF": str(self.folder / "slurm.conf"), "PATH": path}

    def ask(self, *command: str) -> str:
        """Return what a command of SLURM prints. Raises CalledProcessError."""
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=60)
        done.check_returncode()
        return done.stdout

    def queue(self) -> list[str]:
        """Return a line for each job and array task that waits or runs: its name, its number and its state."""
        return self.ask("squeue", "--noheader", "--array", "--format=%j %i %T").splitlines()

    def start(self, name: str, *command: str) -> None:
        log = (self.folder / f"{name}.out").open("ab")
        self.processes[name] = subprocess.Popen(
            command, env=self.environment, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
        )

    def start_node(self, name: str) -> None:
        self.start(name, "slurmd", "-D", "-N", name)

    def kill_node(self, name: str) -> None:
        """End a node's daemon and all that runs on it, as when its machine is switched off."""
        daemon = self.processes.pop(name)
        _kill([daemon.pid, *_children(daemon.pid), *self._of_jobs(name)])
        daemon.wait()

    def _of_jobs(self, node: str) -> list[int]:
        """Return the processes of a node's jobs, which are no children of its daemon, and what looks after them."""
        found = []
        for place in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                about = (place / "environ").read_bytes().split(b"\0")
                if (
                    f"SLURM_CONF={self.folder}/slurm.conf".encode() in about
                    and f"SLURMD_NODENAME={node}".encode() in about
                ):
                    found.append(int(place.name))
        parents = {_parent(number) for number in found}
        return [*found, *(number for number in parents if number is not None and _is_step(number))]

    def wait_until_idle(self, seconds: float = 60) -> None:
        """Wait until both nodes take jobs. Raises TimeoutError."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            with suppress(subprocess.CalledProcessError, subprocess.TimeoutExpired):
                if self.ask("sinfo", "--noheader", "--Node", "--format=%T").split() == ["idle"] * len(NODES):
                    return
            time.sleep(0.3)
        raise TimeoutError((self.folder / "slurmctld.log").read_text()[-2000:])


@contextmanager
def slurm_cluster(folder: Path, *, max_array: int = 1001, cpus: int = 2) -> Iterator[SlurmCluster]:
    """Yield a cluster of two nodes without accounting; all of it is gone when the block ends.

    Args:
        max_array: MaxArraySize: an array's numbers are below it.
        cpus: of each node, whatever the machine has.
    """
    folder.mkdir(parents=True, exist_ok=True)
    cluster = SlurmCluster(folder)
    ports = [_free_port() for _ in range(len(NODES) + 1)]
    host = socket.gethostname()
    lines = [
        f"NodeName={name} NodeHostname={host} NodeAddr=127.0.0.1 Port={port} CPUs={cpus} State=UNKNOWN"
        for name, port in zip(NODES, ports[1:], strict=True)
    ]
    config = CONFIG.format(
        host=f"{host}(127.0.0.1)",
        folder=folder,
        user=_user(),
        port=ports[0],
        max_array=max_array,
        nodes="\n".join(lines),
    )
    (folder / "slurm.conf").write_text(config)
    (folder / "state").mkdir(exist_ok=True)
    key = folder / "munge.key"
    key.write_bytes(secrets.token_bytes(1024))
    key.chmod(0o400)
    try:
        cluster.start(
            "munged", "munged", "--foreground", "--force", f"--key-file={key}", f"--socket={folder}/munge.socket",
            f"--pid-file={folder}/munge.pid", f"--log-file={folder}/munge.log", f"--seed-file={folder}/munge.seed",
        )  # fmt: skip
        _wait_for(folder / "munge.socket")
        cluster.start("slurmctld", "slurmctld", "-D", "-c")
        for name in NODES:
            cluster.start_node(name)
        cluster.wait_until_idle()
        yield cluster
    finally:
        _kill([number for name in NODES for number in cluster._of_jobs(name)])
        for process in cluster.processes.values():
            _kill([*_children(process.pid), process.pid])
            process.wait()


def _user() -> str:
    import pwd

    return pwd.getpwuid(os.getuid()).pw_name


def _kill(numbers: list[int]) -> None:
    for number in numbers:
        with suppress(ProcessLookupError):
            os.kill(number, signal.SIGKILL)


def _parent(number: int) -> int | None:
    with suppress(OSError, IndexError, ValueError):
        return int(Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[1])
    return None


def _is_step(number: int) -> bool:
    with suppress(OSError):
        return b"slurmstepd" in Path(f"/proc/{number}/cmdline").read_bytes()
    return False


def _children(number: int) -> list[int]:
    """Return a process's descendants."""
    numbers = [int(place.name) for place in Path("/proc").glob("[0-9]*")]
    parents = {child: _parent(child) for child in numbers}
    found, todo = [], [number]
    while todo:
        parent = todo.pop()
        children = [child for child, of in parents.items() if of == parent]
        found += children
        todo += children
    return found


def _wait_for(path: Path, seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not path.exists():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{path} did not appear.")
        time.sleep(0.05)


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


if __name__ == "__main__":  # a cluster to try commands on, until Enter
    with slurm_cluster(Path(sys.argv[1]).resolve()) as made:
        print(f"export SLURM_CONF={made.folder}/slurm.conf", flush=True)
        sys.stdin.readline()
