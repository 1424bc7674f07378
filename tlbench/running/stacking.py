"""Which runs may be trained as one program, and how many, as far as their configs tell; nothing is read for it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from tlbench.method.reference import Reference

if TYPE_CHECKING:
    from tlbench.running.setup import Setup

OF_EACH = ("lr", "momentum", "weight_decay", "backbone_lr", "schedule", "annealing")
"""The optimiser's settings that each run of a program has for itself."""

ON_PROCESSOR, ON_GPU = 32, 256
"""Runs of a program with `trainer.stack=auto`: `benchmarks/stacked.py` measures what they gain."""
WIDEST = 64
"""Bottleneck on fixed features up to which they gain on a processor; wider ones, and backbones that are trained, go alone
there unless `trainer.stack` says how many."""


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
    return ON_PROCESSOR if fixed and config.classifier.get("bottleneck", WIDEST + 1) <= WIDEST else 1


def config_groups(setups: Sequence[Setup], processes: int = 1) -> list[list[Setup]]:
    """Return runs that may be one program together, others alone. All are of one store.

    Args:
        processes: that work side by side: a multiple of so many programs, of about one size.
    """
    found: dict[str, list[Setup]] = {}
    for setup in setups:
        alike = likeness(setup) if most_in_one(setup) > 1 else None
        found.setdefault(alike or setup.key, []).append(setup)
    groups = []
    for runs in found.values():
        programs = -(-len(runs) // most_in_one(runs[0]))
        size = -(-len(runs) // (-(-programs // processes) * processes))
        groups += [runs[i : i + size] for i in range(0, len(runs), size)]
    return groups
