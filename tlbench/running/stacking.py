"""Which runs are trained as one program: by their configs, before anything is read, and then by what they were prepared to."""

from __future__ import annotations

import json
from collections.abc import Hashable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tlbench.method.base import is_gradient
from tlbench.method.reference import Reference

if TYPE_CHECKING:
    from tlbench.running.setup import Setup
    from tlbench.running.stage_values import Prepared
    from tlbench.training.stacked.member import Member

OF_EACH = ("lr", "momentum", "weight_decay", "backbone_lr", "schedule", "annealing")
"""The optimiser's settings that each run of a program has for itself."""

ON_PROCESSOR, ON_GPU = 32, 256
"""Runs of a program where nothing else is asked for (`trainer.stack=auto`): `benchmarks/stacked.py` measures what they gain. On a
processor only linear heads on fixed features gain enough."""


def likeness(setup: Setup) -> str | None:
    """Return what is equal for runs that may be one program as far as configs tell; None for a run that is trained alone."""
    config = setup.config
    own = () if issubclass(setup.method, Reference) else vars(setup.method).get("stacks")
    if setup.shape != "gradient" or own is None or setup.changes_images:
        return None
    told = config.model_dump(mode="json", include={"backbone", "classifier", "trainer"})
    method = {name: value for name, value in config.method.items() if name not in own}
    optim = config.optim.model_dump(exclude={"name", *OF_EACH})
    told |= {"method": method, "optim": optim, "dataset": config.dataset["name"], "outputs": setup.n_outputs}
    return json.dumps(told, sort_keys=True)


def member_of(run: Prepared) -> Member | None:
    """Return a prepared run as one that may be trained with others; None for one that is trained alone."""
    recipe = likeness(run.setup)
    if recipe is None or not is_gradient(run.learner):
        return None
    from tlbench.training.stacked.member import Member  # torch, which estimators do without

    config = run.setup.config
    return Member(
        run.learner, run.task, run.test, config.optim, config.trainer, seed=config.seed, validators=config.validators,
        recipe=recipe,
    )  # fmt: skip


def most_in_one(setup: Setup) -> int:
    """Return how many runs like this one are trained as one program at most; 1: each alone."""
    if likeness(setup) is None:
        return 1
    asked = setup.config.trainer.stack
    if asked == "off":
        return 1
    return _by_measurement(setup) if asked == "auto" else asked


def _by_measurement(setup: Setup) -> int:
    from tlbench.training.device import device_of

    config = setup.config
    if device_of(config.trainer.accelerator).type == "cuda":
        return ON_GPU
    fixed = config.backbone["name"] == "identity" or config.backbone["mode"] == "frozen"
    return ON_PROCESSOR if fixed and config.classifier.get("bottleneck") == 0 else 1


def config_groups(setups: Sequence[Setup]) -> list[list[Setup]]:
    """Return runs that may be one program together, at most as many as one takes; others alone. All are of one store."""
    found: dict[object, list[list[Setup]]] = {}
    for setup in setups:
        most = most_in_one(setup)
        groups = found.setdefault(likeness(setup) if most > 1 else setup.key, [[]])
        if len(groups[-1]) >= most:
            groups.append([])
        groups[-1].append(setup)
    return [group for groups in found.values() for group in groups]


def program_groups(runs: Sequence[tuple[Prepared, Path | None]]) -> list[list[int]]:
    """Return the places of runs that are one program together; others alone.

    Args:
        runs: each with the file of a state from which it would go on, alone.
    """
    found: dict[Hashable, list[list[int]]] = {}
    for index, (run, resume) in enumerate(runs):
        kind = None if len(runs) == 1 or (resume is not None and resume.exists()) else _kind(run)
        groups = found.setdefault(index if kind is None else kind, [[]])
        if len(groups[-1]) >= most_in_one(run.setup):
            groups.append([])
        groups[-1].append(index)
    return [group for groups in found.values() for group in groups]


def _kind(run: Prepared) -> Hashable | None:
    member = member_of(run) if most_in_one(run.setup) > 1 else None
    if member is None:
        return None
    from tlbench.training.stacked.member import kind_of

    return kind_of(member)
