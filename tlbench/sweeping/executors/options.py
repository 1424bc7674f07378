"""What may be set of an executor, as `hydra.launcher.*`, and how Hydra comes to know it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from hydra.core.config_store import ConfigStore
from omegaconf import DictConfig, OmegaConf

from tlbench.errors import TlbenchError

PLACE = "hydra_plugins.tlbench."
"""Under which name Hydra would look for a launcher; these are none, and are recognised by it."""


@dataclass
class LocalOptions:
    """Workers of this machine.

    Attributes:
        n_jobs: processes side by side; -1: one a core.
    """

    _target_: str = f"{PLACE}local"
    n_jobs: int = -1


@dataclass
class SlurmOptions:
    """Jobs of SLURM; what is null is left to the cluster.

    Attributes:
        minutes: that a job may take; it is requeued `requeues` times where it takes more, and goes on.
        minutes_per_job: expected, up to which runs are packed into one job.
        processes: runs side by side in a job: several small ones share a GPU.
        cpus, mem_gb, gpus: of a job.
        parallel: jobs of an array that may run at once.
        max_array: jobs of an array; null: what the cluster allows.
        setup: lines of shell before a job begins, such as `module load cuda`.
        extra: further options of sbatch, by their names.
        poll: seconds between two questions to the queue.
    """

    _target_: str = f"{PLACE}slurm"
    partition: str | None = None
    account: str | None = None
    qos: str | None = None
    constraint: str | None = None
    minutes: int = 240
    minutes_per_job: float = 30.0
    requeues: int = 3
    processes: int = 1
    cpus: int = 1
    mem_gb: float | None = None
    gpus: int = 0
    parallel: int = 256
    max_array: int | None = None
    setup: list[str] = field(default_factory=list)
    extra: dict[str, Any] = field(default_factory=dict)
    poll: float = 5.0

    def of_submitit(self, name: str, after: list[str]) -> dict[str, Any]:
        """Return what submitit takes; `after`: numbers of jobs that must have ended before, however they did."""
        extra = {"requeue": True, **({"dependency": f"afterany:{':'.join(after)}"} if after else {}), **self.extra}
        return {
            "job_name": name,
            "time": self.minutes,
            "nodes": 1,
            "cpus_per_task": self.cpus,
            "array_parallelism": self.parallel,
            "srun_args": [f"--cpus-per-task={self.cpus}"],  # srun no longer takes it from its job, since 22.05
            "stderr_to_stdout": False,
            "additional_parameters": extra,
            **({"mem": f"{int(self.mem_gb * 1024)}MB"} if self.mem_gb is not None else {}),
            **({"gpus_per_node": self.gpus} if self.gpus else {}),
            **({"setup": list(self.setup)} if self.setup else {}),
            **{name: value for name in ("partition", "account", "qos", "constraint") if (value := getattr(self, name))},
        }


@dataclass
class RayOptions:
    """Tasks of Ray.

    Attributes:
        address: of a cluster, `auto` for the one of this machine; null: a local one for this sweep alone.
        minutes_per_task: expected, up to which runs are packed into one task.
        cpus, gpus, memory_gb: of a task; a part of a GPU (0.25) is shared.
        retries: times that a task begins again whose node was lost.
    """

    _target_: str = f"{PLACE}ray"
    address: str | None = None
    minutes_per_task: float = 5.0
    cpus: float = 1.0
    gpus: float = 0.0
    memory_gb: float | None = None
    retries: int = 3


Options = LocalOptions | SlurmOptions | RayOptions
KINDS: dict[str, type[Options]] = {"local": LocalOptions, "slurm": SlurmOptions, "ray": RayOptions}


def register_options() -> None:
    """Make `hydra/launcher=local`, `slurm` and `ray` known."""
    for name, kind in KINDS.items():
        ConfigStore.instance().store(group="hydra/launcher", name=name, node=asdict(kind()), provider="tlbench")


def options_of(config: DictConfig) -> Options | None:
    """Return what a config says of an executor; None where it names a launcher of Hydra's. Raises TlbenchError."""
    values = OmegaConf.to_container(config.hydra.launcher, resolve=True)
    assert isinstance(values, dict)
    kind = KINDS.get(str(values.get("_target_")).removeprefix(PLACE))
    if kind is None:
        return None
    options = kind(**{str(key): value for key, value in values.items()})
    for name, value in asdict(options).items():
        least = {"retries": 0, "requeues": 0, "gpus": 0, "cpus": 0 if kind is RayOptions else 1}.get(name)
        given = isinstance(value, int | float) and not isinstance(value, bool)
        wrong = name not in ("n_jobs",) and given and (value < least if least is not None else value <= 0)
        if wrong or (isinstance(getattr(kind(), name), int | float) and not given):
            allowed = f"{least} or more" if least is not None else "above 0"
            raise TlbenchError(f"hydra.launcher.{name} must be a number, {allowed}, got {value!r}.")
    return options
