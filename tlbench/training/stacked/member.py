"""A run that may be trained with others as one program, and what two such runs must have in common."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from functools import cached_property

from torch import Tensor, nn

from tlbench.data.inputs import Inputs
from tlbench.method.gradient import GradientMethod
from tlbench.method.views import TRAIN
from tlbench.tasks import Task
from tlbench.training.batches import PairedBatches
from tlbench.training.run_batches import batches_of, made_ready
from tlbench.training.settings import OptimConfig, TrainerConfig

ONE_STEP = ("phases", "ascent", "refresh", "after_step", "rate")
"""What a method that is stacked leaves as the base has it: a step is one update, and nothing but the weights lasts."""
OWN = frozenset({"name", "lr", "momentum", "weight_decay", "backbone_lr", "schedule", "annealing"})
"""Of the optimiser's settings, those that each run of a program has for itself."""


@dataclass(frozen=True)
class Member:
    """What `fit_gradient` takes, as a value.

    Attributes:
        recipe: equal where the configs make networks and methods that differ in weights and in the method's `stacks` alone.
    """

    method: GradientMethod
    task: Task
    test: Inputs
    optim: OptimConfig
    hardware: TrainerConfig
    seed: int
    validators: int
    recipe: str

    @cached_property
    def batches(self) -> PairedBatches:
        made_ready(self.method, self.task)
        return batches_of(self.method, self.task, self.optim, self.hardware, self.seed)

    def numbers(self) -> dict[str, float]:
        """Return the method's numbers in which runs of a program may differ."""
        return {name: float(getattr(self.method, name)) for name in own_stacks(type(self.method)) or ()}


def own_stacks(method: type) -> tuple[str, ...] | None:
    """Return what a class itself says of `stacks`: one that is built on it may do in a step what cannot be stacked."""
    return vars(method).get("stacks")


def kind_of(member: Member) -> Hashable | None:
    """Return what is equal for runs that can be one program; None for a run that is trained alone."""
    method, optim = member.method, member.optim
    if own_stacks(type(method)) is None or not _plain_step(method) or not _plain_hardware(member.hardware):
        return None
    if method.network.batch_norm == "per_domain" or any(map(_drops, method.modules())):
        return None
    batches = member.batches
    held = [x for x, _ in batches.labelled] + ([] if batches.target is None else [batches.target])
    if not all(isinstance(x, Tensor) for x in held):
        return None
    shapes = tuple((name, tuple(t.shape), t.requires_grad) for name, t in method.state_dict(keep_vars=True).items())
    settings = tuple(sorted((k, v) for k, v in optim.model_dump().items() if k not in OWN))
    inputs = tuple((tuple(x.shape[1:]), x.dtype) for x in held if isinstance(x, Tensor))
    return type(method), member.recipe, shapes, settings, inputs, tuple(batches.shares), method.domains


def _plain_step(method: GradientMethod) -> bool:
    kept = all(getattr(type(method), name) is getattr(GradientMethod, name) for name in ONE_STEP)
    return kept and method.look_every is None and method.target_views == (TRAIN,)


def _plain_hardware(hardware: TrainerConfig) -> bool:
    return (
        (hardware.devices, hardware.accumulate, hardware.precision) == (1, 1, "32-true")
        and not hardware.compile
        and not hardware.channels_last
    )


def _drops(module: nn.Module) -> bool:
    """Tell whether a module drops anything by chance: dropout of torch, or of depth in timm's networks."""
    return any(
        float(getattr(module, name, 0) or 0) > 0 for name in ("p", "drop_prob") if "Drop" in type(module).__name__
    )
