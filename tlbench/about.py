"""What a record says beside its results: what the run is, how large, and what it cost."""

from __future__ import annotations

import time
from typing import Any

from tlbench import environment
from tlbench.comparison import compared_with
from tlbench.config.build import dataset_of, method_class, protocol_of
from tlbench.config.keys import HARNESS
from tlbench.config.schema import RunConfig
from tlbench.learner import Learner
from tlbench.method import GradientMethod
from tlbench.method.code import code_fingerprint
from tlbench.store.records import SCHEMA
from tlbench.task import HeldOut, Task


def described(config: RunConfig) -> dict[str, Any]:
    """What a record says of a run whatever becomes of it."""
    method = method_class(config.method)
    names = {group: getattr(config, group)["name"] for group in ("dataset", "classifier", "method")}
    return {
        "schema": SCHEMA,
        **names,
        "pair": config.pair,
        "protocol": protocol_of(config).label,
        "metric": dataset_of(config).metric,
        "backbone": backbone_label(config.backbone),
        "family": method.family,
        "oracle": method.oracle,
        "harness": HARNESS,
        "method_revision": method.revision,
        "method_code": code_fingerprint(method),  # type: ignore[arg-type]
        "seed": config.seed,
        "selection": config.selection.rule,
        **compared_with(config),
        "group": config.group,
        "tags": config.tags,
        "embeddings": config.embeddings,
        "versions": environment.versions(),
        "code": environment.code_version(),
    }


def backbone_label(backbone: dict[str, Any]) -> str:
    """What tables print: the backbone, and what of it is trained where that is not all."""
    name, mode = backbone["name"], backbone["mode"]
    if mode == "finetune" or name == "identity":
        return name
    return f"{name} frozen" if mode == "frozen" else f"{name} last {backbone['last_k']}"


def sizes_of(learner: Learner, task: Task, held_out: HeldOut) -> dict[str, int]:
    """Examples of each part; `labelled` are those that the learner learns from."""
    return {
        "labelled": sum(len(part) for part in learner.labelled(task)),
        "source": len(task.source),
        "source_val": len(task.source_val) if task.source_val is not None else 0,
        "target_unlabelled": int(task.target.shape[0]),
        "shots": len(task.shots) if task.shots is not None else 0,
        "target_test": len(held_out.test),
    }


def examples_seen(learner: Learner, config: RunConfig, labelled: int) -> int:
    """Examples that pass in training: batches of both domains, or the labelled ones once."""
    if isinstance(learner, GradientMethod):
        return (1 + learner.needs_target) * config.optim.batch_size * config.optim.steps
    return labelled


def costs_of(clock: Clock, seen: int) -> dict[str, Any]:
    """Seconds in all and by phase, peak memory (MiB, of the process so far), and examples a second of training."""
    return {
        "seconds": round(clock.total(), 4),
        "train_seconds": round(clock.laps["fit"], 4),
        "phases": {phase: round(seconds, 4) for phase, seconds in clock.laps.items()},
        "peak_memory_mb": round(environment.peak_memory_mb(), 1),
        "examples_per_second": round(seen / max(clock.laps["fit"], 1e-9), 1),
    }


class Clock:
    """Seconds of each phase."""

    def __init__(self) -> None:
        self.started = self.last = time.perf_counter()
        self.laps: dict[str, float] = {}

    def lap(self, phase: str) -> None:
        now = time.perf_counter()
        self.laps[phase], self.last = now - self.last, now

    def total(self) -> float:
        return time.perf_counter() - self.started
