"""One step of many runs: the method's own losses, worked out for all runs at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state, vmap

from tlbench.method.gradient import GradientMethod
from tlbench.method.views import TRAIN, TargetBatch
from tlbench.training.module import parameter_groups
from tlbench.training.schedules import learning_rate
from tlbench.training.stacked.row_updates import RowUpdates

if TYPE_CHECKING:
    from tlbench.training.stacked.member import Member

Terms = dict[str, Tensor]
Target = tuple[Tensor, Tensor] | tuple[()]
"""Inputs and row numbers of a target batch; nothing where the method needs no target."""


class _Losses(nn.Module):
    """A method's losses as a forward, which is what `functional_call` can give other parameters to."""

    def __init__(self, method: GradientMethod) -> None:
        super().__init__()
        self.method = method

    def forward(self, labelled: list[tuple[Tensor, Tensor]], target: Target) -> tuple[Terms, Terms]:
        terms = self.method.losses(labelled, TargetBatch({TRAIN: target[0]}, target[1]) if target else None)
        told, self.method.told = self.method.told, {}
        return terms, told


class Program:
    """K runs of one kind, their parameters and buffers stacked. The first run's method is the pattern for all.

    Args:
        members: of one `kind_of`.
    """

    def __init__(self, members: Sequence[Member], device: torch.device) -> None:
        self.members = members
        modules = [_Losses(member.method.to(device)) for member in members]
        self.pattern = modules[0]
        self.parameters, self.buffers = stack_module_state(modules)
        self.first = {name: t.detach().clone() for name, t in (self.parameters | self.buffers).items()}
        self.trained = {name: p for name, p in self.parameters.items() if p.requires_grad}
        own = [member.numbers() for member in members]
        self.numbers = {
            name: torch.tensor([numbers[name] for numbers in own], device=device, dtype=torch.get_default_dtype())
            for name in own[0]
            if len({numbers[name] for numbers in own}) > 1
        }
        self.updates = RowUpdates([member.optim for member in members], self._rates(device))
        self.factors_SK = torch.tensor(_factors(members), device=device)
        self.done = 0

    def _rates(self, device: torch.device) -> dict[str, Tensor]:
        """Return (K,) the learning rates of each trained parameter."""
        found: dict[str, list[float]] = {name: [] for name in self.trained}
        for member in self.members:
            groups = parameter_groups(member.method, member.optim)
            rate = {id(p): group["lr"] for group in groups for p in group["params"]}
            for name, p in member.method.named_parameters(prefix="method"):
                if name in found:
                    found[name].append(rate[id(p)])
        return {name: torch.tensor(rates, device=device, dtype=torch.float64) for name, rates in found.items()}

    def step(self, labelled: list[tuple[Tensor, Tensor]], target: Target) -> Terms:
        """Do one step on batches (K, B, ...); return (K,) each term by name.

        Each run's terms depend on its own row of the parameters alone, so the gradient of their sum is that of each.
        """
        self.pattern.method.progress = self.done / self.members[0].optim.steps
        terms, told = vmap(self._one)(self.parameters, self.buffers, self.numbers, labelled, target)
        total = torch.stack(list(terms.values())).sum()
        found = torch.autograd.grad(total, list(self.trained.values()), allow_unused=True)
        gradients = {name: g for name, g in zip(self.trained, found, strict=True) if g is not None}
        self.updates.update(self.trained, gradients, self.factors_SK[self.done])
        self.done += 1
        return {name: value.detach() for name, value in (terms | told).items()}

    def _one(self, parameters: Terms, buffers: Terms, numbers: Terms, *inputs: Any) -> tuple[Terms, Terms]:
        method = self.pattern.method
        before = {name: getattr(method, name) for name in numbers}
        for name, number in numbers.items():
            setattr(method, name, number)
        try:
            return functional_call(self.pattern, (parameters, buffers), inputs)
        finally:
            for name, value in before.items():
                setattr(method, name, value)

    @torch.no_grad()
    def load(self, run: int) -> GradientMethod:
        """Give a run's method its weights as they are now, and return it."""
        return self._given(run, self.parameters | self.buffers)

    @torch.no_grad()
    def restore(self, run: int) -> None:
        """Give a run's method the weights that it had before the first step."""
        self._given(run, self.first)

    def _given(self, run: int, stacked: dict[str, Tensor]) -> GradientMethod:
        method = self.members[run].method
        own = dict(method.named_parameters(prefix="method")) | dict(method.named_buffers(prefix="method"))
        for name, tensor in stacked.items():
            own[name].copy_(tensor[run])
        return method

    @torch.no_grad()
    def stop(self, run: int) -> None:
        """Train a run no more: its numbers go on as finite ones that nobody looks at, and no other run's change."""
        for name, tensor in (self.parameters | self.buffers).items():
            tensor[run] = self.first[name][run]
        self.factors_SK[:, run] = 0
        self.updates.clear(run)


def _factors(members: Sequence[Member]) -> list[list[float]]:
    """Return what each run's learning rates are multiplied by, step by step."""
    steps = members[0].optim.steps
    rates = [learning_rate(member.optim.schedule, member.optim.annealing) for member in members]
    return [[member.method.rate(r, min(1.0, s / steps)) for member, r in zip(members, rates, strict=True)]
            for s in range(steps)]  # fmt: skip
