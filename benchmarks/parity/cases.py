"""What a comparison is, and how far apart its two sides are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from unittest.mock import patch

import torch
from batch import Batch
from torch import Tensor

Loss = Callable[[Batch], Tensor]
TOLERANCE, BATCHES = 1e-8, 3


@dataclass(frozen=True)
class Case:
    """One loss, here and there.

    Attributes:
        setting: what of the method is compared, and the peer's name for it.
        ours, theirs: the loss of a batch, a scalar or, where weights are compared, any tensor.
        why: the difference, in words; of equal sides what is arranged differently.
        explained: ours with that difference made; None where the sides are equal as they are.
        undone: where `explained` is a formula of its own, that formula without the difference, which has to be ours.
        rows: source and target examples of a batch.
    """

    method: str
    setting: str
    ours: Loss
    theirs: Loss
    why: str = ""
    explained: Loss | None = None
    rows: tuple[int, int] = (8, 8)
    undone: Loss | None = None


@dataclass(frozen=True)
class Row:
    """What is told of a case: largest differences, relative to the largest entry, over all batches."""

    method: str
    setting: str
    peer: str
    version: str
    gradient_of: str
    loss: float
    gradient: float
    loss_explained: float | None
    gradient_explained: float | None
    verdict: str
    why: str

    def as_dict(self) -> dict[str, object]:
        return asdict(self)


def compared(case: Case, peer: str, version: str) -> Row:
    loss, gradient, names = apart(case.ours, case.theirs, case.rows)
    told: tuple[float, float] | tuple[None, None] = (None, None)
    verdict = "equal" if max(loss, gradient) <= TOLERANCE else "OPEN"
    if case.explained is not None:
        *told, _ = apart(case.explained, case.theirs, case.rows)  # type: ignore[assignment]
        if verdict == "OPEN" and max(told) <= TOLERANCE:  # type: ignore[type-var]
            verdict = "explained"
    if case.undone is not None and not max(apart(case.undone, case.ours, case.rows)[:2]) <= TOLERANCE:
        verdict = "OPEN"
    return Row(case.method, case.setting, peer, version, ", ".join(names), loss, gradient, *told, verdict, case.why)


def apart(one: Loss, other: Loss, rows: tuple[int, int]) -> tuple[float, float, list[str]]:
    """Return the largest relative difference of values and of gradients, and of what either side has a gradient."""
    values, slopes, names = [0.0], [0.0], set()
    for seed in range(BATCHES):
        (a, of_a), (b, of_b) = (worked_out(loss, seed, rows) for loss in (one, other))
        if not max(a.abs().max().item(), b.abs().max().item()) > 0:
            raise SystemExit(
                "A loss is 0 on both sides: it says nothing. Change the case's settings or benchmarks/parity/batch.py."
            )
        values.append(gap(a, b))
        for name in of_a.keys() | of_b.keys():
            nothing = torch.zeros_like(of_a.get(name, of_b.get(name)))
            slopes.append(gap(of_a.get(name, nothing), of_b.get(name, nothing)))
            names.add(name.split(".")[0])
    return max(values), max(slopes), sorted(names)


def worked_out(loss: Loss, seed: int, rows: tuple[int, int]) -> tuple[Tensor, dict[str, Tensor]]:
    """Return the value and the gradients by name; draws within a loss are those of `seed` on both sides."""
    batch = Batch(seed, *rows)
    torch.manual_seed(seed)
    with patch.object(torch.Tensor, "float", torch.Tensor.double):  # outputs are taken to single precision otherwise
        value = loss(batch)
    if not value.requires_grad:
        return value, {}
    leaves = batch.leaves()
    found = torch.autograd.grad(value.sum(), list(leaves.values()), allow_unused=True)
    return value.detach(), {name: g for name, g in zip(leaves, found, strict=True) if g is not None}


def gap(a: Tensor, b: Tensor) -> float:
    """Return the largest difference over the largest entry of either; NaN counts as far apart."""
    far, size = (a - b).abs().max().item(), max(a.abs().max().item(), b.abs().max().item())
    return 0.0 if far == 0 else far / size if far == far else float("inf")
