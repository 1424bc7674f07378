"""The batches of a gradient run, whichever program trains it, and what comes before the first of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tlbench.training.batches import PairedBatches
from tlbench.training.multi_device import rank_and_world

if TYPE_CHECKING:
    from tlbench.method.gradient import GradientMethod
    from tlbench.tasks import Task
    from tlbench.training.settings import OptimConfig, TrainerConfig


def made_ready(method: GradientMethod, task: Task) -> None:
    """Let a method prepare for a task; done twice, it is as done once."""
    before = set(method.state_dict())
    method.prepare(task)
    method.task_state |= set(method.state_dict()) - before


def batches_of(
    method: GradientMethod, task: Task, optim: OptimConfig, hardware: TrainerConfig, seed: int
) -> PairedBatches:
    """Return the batches of a run, whichever program trains it."""
    labelled = method.labelled(task)
    return PairedBatches(
        labelled,
        task.target if method.needs_target else None,
        batch_size=optim.batch_size,
        steps=optim.steps,
        seed=seed,
        part=rank_and_world,
        balanced=optim.balanced,
        accumulate=hardware.accumulate,
        views=method.target_views,
        equal=optim.shares == "equal",
        domains=[task.domain_of(part) for part in labelled],
    )
