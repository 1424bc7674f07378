"""SKADA's deep methods: github.com/scikit-adaptation/skada."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import ours
import torch
from batch import Batch, C, D
from cases import Case
from peers import module
from torch import Tensor, nn
from torch.nn import functional as F

from baselines.deepjdot import DeepJdot
from baselines.mdd import disagreement_loss
from tlbench.functional.adversarial import domain_loss, reverse_gradient
from tlbench.functional.class_confusion import class_confusion
from tlbench.functional.kernels import MEDIAN
from tlbench.functional.moments import coral_loss

TINY, MARGIN, SMOOTHING = 1e-7, 4.0, 0.1


def peer(folder: Path) -> tuple[str, str, list[Case]]:
    deep, losses, modules = (module(folder, f"skada.deep{part}") for part in ("", ".losses", ".modules"))
    adversarial, version = (module(folder, f"skada.{part}") for part in ("deep._adversarial", "version"))
    s = SimpleNamespace(deep=deep, losses=losses, modules=modules, CDANModule=adversarial.CDANModule)
    return "SKADA", version.__version__, [*adversaries(s), *divergences(s)]


class Critic(nn.Module):
    """The batch's domain classifier between SKADA's reversal and a sigmoid."""

    def __init__(self, s: Any, critic: nn.Module) -> None:
        super().__init__()
        self.reverse, self.critic = s.modules.GradientReversalLayer.apply, critic

    def forward(self, h: Tensor) -> Tensor:
        return self.critic(self.reverse(h, 1.0)).sigmoid().squeeze(1)


def cross_entropy(p: Tensor, labels: Tensor) -> Tensor:
    return F.binary_cross_entropy(p, labels.to(p))


def dann(s: Any, b: Batch, critic: nn.Module) -> Tensor:
    return s.deep.DANNLoss(cross_entropy)(domain_pred_s=critic(b.xs), domain_pred_t=critic(b.xt))


def summed(b: Batch, h: Tensor, width: int) -> Tensor:
    """Sum of the domains' losses where the source is 0."""
    return 2 * domain_loss(-b.critic(width)(reverse_gradient(h, 1.0)).squeeze(1), len(b.xs))


def cdan(s: Any, b: Batch) -> Tensor:
    """Through its module: features are what enters the network's last layer."""
    base = nn.Sequential(nn.Identity(), b.network().head.last)
    both = s.CDANModule(base, "0", Critic(s, b.critic(D * C)))
    _, told, features, _, _ = both(torch.cat([b.xs, b.xt]))
    (f_s, f_t), (d_s, d_t) = (x.split([len(b.xs), len(b.xt)]) for x in (features, told))
    return s.deep.CDANLoss(cross_entropy)(domain_pred_s=d_s, domain_pred_t=d_t, features_s=f_s, features_t=f_t)


def with_logits(b: Batch) -> Tensor:
    """CDAN as SKADA has it: of features and logits, gradients through them and all."""
    f = torch.cat([b.xs, b.xt])
    z = b.network().head.last(f)
    return summed(b, (z[:, :, None] * f[:, None, :]).flatten(1), D * C)


def margin(b: Batch) -> Tensor:
    return MARGIN * F.cross_entropy(b.zs2, b.zs.argmax(dim=1)) + disagreement_loss(b.zt2, b.zt.argmax(dim=1))


def margin_of_all_pairs(b: Batch, smoothing: float = SMOOTHING, *, undone: bool = False) -> Tensor:
    """The adversary of every row against the guess of every row, its probabilities smoothed."""
    p = (1 - smoothing) * b.zt2.softmax(dim=1) + smoothing / C
    told = (1 - p[:, b.zt.argmax(dim=1)]).log()
    told = told.diagonal() if undone else told
    return MARGIN * F.cross_entropy(b.zs2, b.zs.argmax(dim=1)) - told.mean()


def adversaries(s: Any) -> list[Case]:
    return [
        Case("dann", "domain loss, discriminator ends in a sigmoid", ours.dann,
             lambda b: dann(s, b, Critic(s, b.critic(D))), "a sum of the domains' losses, and the target is 1",
             lambda b: summed(b, torch.cat([b.xs, b.xt]), D)),
        Case("dann", "domain loss, the discriminator that it builds", ours.dann,
             lambda b: dann(s, b, s.modules.DomainClassifier(D)),
             "its discriminator is a softmax of one number, always 1: the loss is 100, and no gradient passes",
             lambda b: 100.0 + 0.0 * (b.xs.sum() + b.xt.sum())),
        Case("cdan", "domain loss, discriminator ends in a sigmoid", lambda b: ours.cdan(b, own=True), lambda b: cdan(s, b),
             "features times logits, not probabilities, with a gradient through them; a sum, and the target is 1",
             with_logits),
        Case("mdd", "both terms", margin,
             lambda b: s.deep.MDDLoss(MARGIN)(y_pred_s=b.zs, y_pred_t=b.zt, domain_pred_s=b.zs2, domain_pred_t=b.zt2),
             "the target's term takes all pairs of rows, one's adversary and another's guess; probabilities are smoothed by 0.1",
             margin_of_all_pairs, undone=lambda b: margin_of_all_pairs(b, 0.0, undone=True)),
    ]  # fmt: skip


def median_with_gradient(b: Batch, *, undone: bool = False) -> Tensor:
    """MMD with the median distance, plus 1e-7, a part of the graph."""
    far = torch.cdist(b.xs, b.xs)
    unit = far.median().detach() if undone else far.median() + TINY
    k = [sum((-torch.cdist(x, y) / (scale * unit)).exp() for scale in MEDIAN.scales)
         for x, y in ((b.xs, b.xs), (b.xt, b.xt), (b.xs, b.xt))]  # fmt: skip
    return k[0].mean() + k[1].mean() - 2 * k[2].mean()


def joint_transport(b: Batch) -> Tensor:
    return ours.total(DeepJdot(network=b.network(), weight=1.0, alpha=0.5), b)


def divergences(s: Any) -> list[Case]:
    return [
        Case("coral", "variant=paper", lambda b: coral_loss(b.xs, b.xt), lambda b: s.losses.deepcoral_loss(b.xs, b.xt)),
        Case("mmd", "variant=median", lambda b: ours.mmd(b, MEDIAN, "biased"), lambda b: s.losses.dan_loss(b.xs, b.xt),
             "the median distance has 1e-7 more, and a gradient passes through it", median_with_gradient,
             undone=lambda b: median_with_gradient(b, undone=True)),
        Case("mcc", "temperature=2.5", lambda b: class_confusion(b.zt, 2.5), lambda b: s.losses.mcc_loss(b.zt, T=2.5),
             "adds 1e-7 in the logarithm of the entropy, and a gradient passes through the weights",
             lambda b: ours.confusion(b.zt, 2.5, TINY, through=True), undone=lambda b: ours.confusion(b.zt, 2.5, 0.0)),
        Case("deepjdot", "alpha=0.5", joint_transport,
             lambda b: s.losses.deepjdot_loss(b.labels, b.zt, b.xs, b.xt, 0.5, 1.0)),
    ]  # fmt: skip
