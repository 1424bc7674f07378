"""Which prepared runs are trained as one program."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tlbench.method.base import is_gradient
from tlbench.running.stacking import likeness, most_in_one

if TYPE_CHECKING:
    from tlbench.running.stage_values import Prepared
    from tlbench.training.stacked.member import Member


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
