"""SDAT's own code: github.com/val-iisc/SDAT, whose losses MIC's has too."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import ours
import torch
from batch import Batch, C
from cases import Case
from of_tllib import probability
from peers import commit, forget, module
from torch import Tensor

from baselines.sdat import Sdat
from tlbench.functional.class_confusion import class_confusion
from tlbench.method.phases import Ascent, climb, gradients
from tlbench.method.views import TargetBatch

RHO, TEMPERATURE, TINY, WIDTH = 0.5, 2.0, 1e-5, 5


def peer(folder: Path) -> tuple[str, str, list[Case]]:
    s = parts(folder)
    step = "the step's gradient, after the climb"
    return "SDAT", commit(folder), [
        Case("mcc", f"temperature={TEMPERATURE:g}", lambda b: class_confusion(b.zt, TEMPERATURE),
             lambda b: s.mcc.MinimumClassConfusionLoss(TEMPERATURE)(b.zt), "adds 1e-5 in the logarithm of the entropy",
             lambda b: ours.confusion(b.zt, TEMPERATURE, TINY), undone=lambda b: ours.confusion(b.zt, TEMPERATURE, 0.0)),
        Case("sdat", f"confusion=0: {step}", lambda b: here(b, 0.0), lambda b: there(s, b, lambda z: 0.0 * z.sum())),
        Case("sdat", f"confusion=1: {step}", lambda b: here(b, 1.0),
             lambda b: there(s, b, s.mcc.MinimumClassConfusionLoss(TEMPERATURE)), "adds 1e-5 in MCC's logarithm", by_hand,
             undone=lambda b: by_hand(b, 0.0)),
        Case("cst", "the climb of its step (adaptive)", adaptive, lambda b: their_adaptive(s, b),
             "beside the adaptive SAM in SDAT's checkout; CST's own code was not at hand"),
    ]  # fmt: skip


def parts(folder: Path) -> Any:
    """Return its modules; MIC's checkout has others of the same names."""
    forget("dalib", "common")
    cdan, mcc, grl = (module(folder, f"dalib.{part}") for part in ("adaptation.cdan", "adaptation.mcc", "modules.grl"))
    return SimpleNamespace(cdan=cdan, mcc=mcc, grl=grl, sam=module(folder, "common.utils.sam"))


def method(b: Batch, confusion: float) -> Sdat:
    made = Sdat(network=b.network(bottleneck=WIDTH), rho=RHO, confusion=confusion, temperature=TEMPERATURE, weight=1.0,
                gamma=1e3, hidden=5, entropy=False, randomised=None)  # fmt: skip
    made.discriminator, made.progress = b.critic(WIDTH * C), 1.0
    return made


def here(b: Batch, confusion: float) -> Tensor:
    """The loss after the climb, on weights that have climbed: its gradient is the step's."""
    sdat, labelled, target = method(b, confusion), [(b.xs, b.labels)], TargetBatch.of(b.xt)
    ascent = sdat.ascent(labelled, target)
    climb(gradients(ascent.loss(), ascent.moves), ascent)
    return torch.stack(list(sdat.losses(labelled, target).values())).sum()


def by_hand(b: Batch, inside: float = TINY) -> Tensor:
    """The same with MCC's weights of another logarithm."""
    sdat, labelled, target = method(b, 0.0), [(b.xs, b.labels)], TargetBatch.of(b.xt)

    def confusion() -> Tensor:
        return ours.confusion(sdat.network(b.xt)[1], TEMPERATURE, inside)

    ascent = Ascent(lambda: sdat.ascent(labelled, target).loss() + confusion(), list(sdat.network.parameters()), RHO)
    climb(gradients(ascent.loss(), ascent.moves), ascent)
    return torch.stack(list(sdat.losses(labelled, target).values())).sum() + confusion()


def there(s: Any, b: Batch, confusion: Callable[[Tensor], Tensor]) -> Tensor:
    """As its script: a climb of SAM over the classifier's weights, then all terms."""
    network, critic = b.network(bottleneck=WIDTH), b.critic(WIDTH * C)
    adversary = s.cdan.ConditionalDomainAdversarialLoss(
        probability(critic, lambda h: h.view(-1, C, WIDTH).transpose(1, 2).flatten(1))
    )
    adversary.grl = s.grl.GradientReverseLayer()
    sam = s.sam.SAM(network.parameters(), torch.optim.SGD, rho=RHO, lr=0.1)

    def outputs() -> tuple[Tensor, Tensor, Tensor, Tensor]:
        f, z = network(torch.cat([b.xs, b.xt]))
        return *z.split([len(b.xs), len(b.xt)]), *f.split([len(b.xs), len(b.xt)])

    z_s, z_t, _, _ = outputs()
    (ours.cross_entropy(b, z_s) + confusion(z_t)).backward()
    sam.first_step(zero_grad=True)
    b.xs.grad = b.xt.grad = None
    z_s, z_t, f_s, f_t = outputs()
    return ours.cross_entropy(b, z_s) + adversary(z_s, f_s, z_t, f_t) + confusion(z_t)


def loss_at(b: Batch) -> Tensor:
    return ours.cross_entropy(b, b.network(bottleneck=WIDTH)(b.xs)[1])


def adaptive(b: Batch) -> Tensor:
    ascent = Ascent(lambda: loss_at(b), list(b.network(bottleneck=WIDTH).parameters()), RHO, adaptive=True)
    climb(gradients(ascent.loss(), ascent.moves), ascent)
    return loss_at(b)


def their_adaptive(s: Any, b: Batch) -> Tensor:
    sam = s.sam.SAM(b.network(bottleneck=WIDTH).parameters(), torch.optim.SGD, rho=RHO, adaptive=True, lr=0.1)
    loss_at(b).backward()
    sam.first_step(zero_grad=True)
    return loss_at(b)
