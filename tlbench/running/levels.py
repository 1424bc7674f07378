"""In which order runs are done: what others look at before those."""

from __future__ import annotations

from collections.abc import Sequence

from tlbench.running.setup import Setup
from tlbench.running.stacking import config_groups
from tlbench.store.runs import RunStore


def groups_in_order(setups: Sequence[Setup]) -> list[list[Setup]]:
    """Return the runs, and what has to be done before them, in groups that may be one program; what others look at first."""
    return [group for level in _levels(setups) for group in config_groups(level)]


def _levels(setups: Sequence[Setup]) -> list[list[Setup]]:
    """Return the runs, each once, and what has to be done before them, by how many stand before each."""
    runs: dict[str, Setup] = {}
    level: dict[str, int] = {}

    def add(setup: Setup) -> int:
        if setup.key not in level:
            runs[setup.key] = setup
            level[setup.key] = 1 + max(map(add, _before(setup)), default=-1)
        elif setup.config.keep_model:
            runs[setup.key] = setup
        return level[setup.key]

    for setup in setups:
        add(setup)
    depths = range(max(level.values(), default=-1) + 1)
    return [[run for key, run in runs.items() if level[key] == depth] for depth in depths]


def _before(setup: Setup) -> list[Setup]:
    """Return what a run that is not done looks at."""
    known = RunStore(setup.config.store).record(setup.key)
    if known is not None and known["status"] == "done":
        return []
    model = setup.source_model
    return [*setup.references.values(), *([] if model is None else [model])]
