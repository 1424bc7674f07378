"""TLlib: github.com/thuml/Transfer-Learning-Library."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import ours
import torch
from batch import Batch, C, D
from cases import Case
from peers import commit, module
from torch import Tensor, nn
from torch.nn import functional as F

from baselines.afn import stepwise_loss
from baselines.jan import linear_jmmd, unbiased_jmmd
from baselines.mcd import discrepancy, unbalance
from baselines.mdd import disagreement_loss
from baselines.self_ensembling import consistency, uneven
from tlbench.functional.class_confusion import class_confusion
from tlbench.functional.conditional import multilinear_map
from tlbench.functional.entropy import mean_entropy
from tlbench.functional.kernels import SUMMED
from tlbench.functional.moments import coral_loss, moment_loss
from tlbench.functional.singular_values import squared_spectral_norm
from tlbench.functional.sure_labels import sure_cross_entropy
from tlbench.method.average import Average

TINY, SIGMA, MARGIN = 1e-5, 0.92, 4.0
OFFSET = 1e-6
IN_THE_LOG = "adds 1e-5 in the logarithm of the entropy"
CONSTANT = "adds the constant 2 / (n - 1), in the linear estimate too; gradients are equal"


def peer(folder: Path) -> tuple[str, str, list[Case]]:
    t = SimpleNamespace(**{
        name.rpartition(".")[2]: module(folder, f"tllib.{name}")
        for name in ("alignment.dann", "alignment.cdan", "alignment.dan", "alignment.jan", "alignment.coral", "alignment.mdd",
                     "alignment.mcd", "alignment.bsp", "normalization.afn", "self_training.mcc", "self_training.pseudo_label",
                     "self_training.pi_model", "self_training.self_ensemble", "self_training.mean_teacher", "modules.grl",
                     "modules.kernels", "modules.entropy")
    })  # fmt: skip
    return "TLlib", commit(folder), [*adversaries(t), *kernels(t), *classifiers(t), *targets(t)]


def probability(critic: nn.Module, turn: Any = lambda h: h) -> nn.Module:
    """Return a domain classifier that ends in a sigmoid, as TLlib's do."""
    made = nn.Module()
    made.forward = lambda h: critic(turn(h)).sigmoid()
    return made


def dann(t: Any, b: Batch, iterations: int | None = None) -> Tensor:
    reversal = t.grl.GradientReverseLayer() if iterations is None else None
    loss = t.dann.DomainAdversarialLoss(probability(b.critic(D)), grl=reversal)
    if iterations is not None:
        loss.grl.iter_num = iterations
    return loss(b.xs, b.xt)


def cdan(t: Any, b: Batch, *, random: bool = False, **more: Any) -> Tensor:
    """With columns in our order: features run slowest here, classes there."""
    maps = ours.random_maps()
    critic = b.critic(maps[0].shape[1] if random else D * C)
    turn = (lambda h: h) if random else lambda h: h.view(-1, C, D).transpose(1, 2).flatten(1)
    sizes = (
        {"randomized": True, "num_classes": C, "features_dim": D, "randomized_dim": maps[0].shape[1]} if random else {}
    )
    loss = t.cdan.ConditionalDomainAdversarialLoss(probability(critic, turn), **sizes, **more)
    if random:
        loss.map.Rf, loss.map.Rg = maps
    loss.grl = t.grl.GradientReverseLayer()
    return loss(b.zs, b.xs, b.zt, b.xt)


def pooled(b: Batch, entropy: float | None = None, *, together: bool = True) -> Tensor:
    """CDAN with a mean over the rows of both domains at once, weighted where `entropy` is added in the logarithm."""
    f, p = torch.cat([b.xs, b.xt]), torch.cat(ours.both(b)).detach()
    logits = b.critic(D * C)(multilinear_map(-f + 2 * f.detach(), p)).squeeze(1)  # f forward, -1 backward
    signs = torch.cat([-torch.ones(len(b.xs)), torch.ones(len(b.xt))])
    w = torch.ones_like(logits) if entropy is None else 1 + (-ours.entropies(p, entropy)).exp()
    losses, n = w * F.softplus(signs * logits), len(b.xs)
    if together:
        return losses.sum() / w.sum()
    return (losses[:n].sum() / w[:n].sum() + losses[n:].sum() / w[n:].sum()) / 2


def adversaries(t: Any) -> list[Case]:
    columns = "the map's columns in another order, which the discriminator's first layer takes up"
    return [
        Case("dann", "domain loss", ours.dann, lambda b: dann(t, b)),
        Case("dann", "variant=iterations, after 500 iterations",
             lambda b: ours.dann(b, variant="iterations", progress=0.5, steps=1000), lambda b: dann(t, b, 500)),
        Case("cdan", "domain loss", ours.cdan, lambda b: cdan(t, b), columns),
        Case("cdan", "domain loss of unequal batches", ours.cdan, lambda b: cdan(t, b),
             "a mean over the rows of both domains at once", pooled, (8, 5),
             lambda b: pooled(b, together=False)),
        Case("cdan", "randomised=16, one draw", lambda b: ours.cdan(b, maps=ours.random_maps()),
             lambda b: cdan(t, b, random=True)),
        Case("cdan", "entropy=true", lambda b: ours.cdan(b, entropy=True), lambda b: cdan(t, b, entropy_conditioning=True),
             f"{IN_THE_LOG}, and weighs over both domains at once", lambda b: pooled(b, TINY),
             undone=lambda b: pooled(b, 0.0, together=False)),
        Case("bsp", "spectral term", lambda b: squared_spectral_norm(b.xs) + squared_spectral_norm(b.xt),
             lambda b: t.bsp.BatchSpectralPenalizationLoss()(b.xs, b.xt)),
    ]  # fmt: skip


def dan(t: Any, b: Batch, linear: bool) -> Tensor:
    widths = [t.kernels.GaussianKernel(alpha=2.0**k) for k in range(-3, 2)]
    return t.dan.MultipleKernelMaximumMeanDiscrepancy(widths, linear=linear)(b.xs, b.xt)


def jan(t: Any, b: Batch, linear: bool) -> Tensor:
    widths = [t.kernels.GaussianKernel(alpha=2.0**k) for k in range(-3, 2)]
    fixed = (t.kernels.GaussianKernel(sigma=SIGMA, track_running_stats=False),)
    (ps, pt), joint = ours.both(b), t.jan.JointMultipleKernelMaximumMeanDiscrepancy((widths, fixed), linear=linear)
    return joint((b.xs, ps), (b.xt, pt))


def joint(b: Batch, estimate: Any, scales: Any) -> Tensor:
    ps, pt = ours.both(b)
    return estimate((b.xs, ps), (b.xt, pt), scales, SIGMA)


def added(b: Batch) -> float:
    return 2 / (len(b.xs) - 1)


def kernels(t: Any) -> list[Case]:
    summed = "five kernels are summed, their unit is the mean over n^2 pairs; 2 / (n - 1) is added"
    return [
        Case("mmd", "variant=summed (linear=True)", lambda b: ours.mmd(b, SUMMED, "cyclic"), lambda b: dan(t, b, True),
             CONSTANT, lambda b: ours.mmd(b, SUMMED, "cyclic") + added(b)),
        Case("mmd", "variant=summed, estimator=unbiased", lambda b: ours.mmd(b, SUMMED, "unbiased"),
             lambda b: dan(t, b, False), CONSTANT, lambda b: ours.mmd(b, SUMMED, "unbiased") + added(b)),
        Case("jan", "estimator=unbiased", lambda b: joint(b, unbiased_jmmd, ours.SCALES), lambda b: jan(t, b, False),
             summed, lambda b: 5 * joint(b, unbiased_jmmd, ours.shrunk(b)) + added(b)),
        Case("jan", "estimator=linear (linear=True)", lambda b: joint(b, linear_jmmd, ours.SCALES), lambda b: jan(t, b, True),
             f"n pairs of neighbours in place of n / 2 disjoint ones; {summed}",
             lambda b: 5 * ours.joint_pairs(b, SIGMA, ours.shrunk(b)) + added(b),
             undone=lambda b: ours.joint_pairs(b, SIGMA, ours.SCALES, halves=True)),
        Case("coral", "variant=mean", lambda b: moment_loss(b.xs, b.xt), lambda b: correlation(t, b)),
        Case("coral", "variant=paper", lambda b: coral_loss(b.xs, b.xt), lambda b: correlation(t, b),
             "no factor 1/4, and the squared difference of the means is added",
             lambda b: 4 * coral_loss(b.xs, b.xt) + (b.xs.mean(0) - b.xt.mean(0)).square().mean()),
        Case("afn", "variant=stepwise", lambda b: stepwise_loss(b.xs, 1.0) + stepwise_loss(b.xt, 1.0),
             lambda b: t.afn.AdaptiveFeatureNorm(1.0)(b.xs) + t.afn.AdaptiveFeatureNorm(1.0)(b.xt)),
    ]  # fmt: skip


def correlation(t: Any, b: Batch) -> Tensor:
    return t.coral.CorrelationAlignmentLoss()(b.xs, b.xt)


def margin(b: Batch, offset: float | None = None) -> Tensor:
    """MDD of an adversary's logits, the second ones; with an offset in the second logarithm."""
    agree, guess = F.cross_entropy(b.zs2, b.zs.argmax(dim=1)), b.zt.argmax(dim=1)
    if offset is None:
        return MARGIN * agree + disagreement_loss(b.zt2, guess)
    other = 1 - b.zt2.softmax(dim=1).gather(1, guess[:, None])
    return MARGIN * agree - (other + offset).clamp(max=1).log().mean()


def classifiers(t: Any) -> list[Case]:
    two = (lambda b: ours.both(b)[1], lambda b: b.zt2.softmax(dim=1))
    return [
        Case("mdd", "both terms", margin,
             lambda b: -t.mdd.ClassificationMarginDisparityDiscrepancy(MARGIN)(b.zs, b.zs2, b.zt, b.zt2),
             "adds 1e-6 in the logarithm of 1 - p and cuts it at 0", lambda b: margin(b, OFFSET),
             undone=lambda b: margin(b, 0.0)),
        Case("mcd", "discrepancy", lambda b: discrepancy(two[0](b), two[1](b)),
             lambda b: t.mcd.classifier_discrepancy(two[0](b), two[1](b))),
        Case("mcd", "balance", lambda b: unbalance(two[0](b)), lambda b: t.mcd.entropy(two[0](b))),
        Case("mcc", "temperature=2.5", lambda b: class_confusion(b.zt, 2.5),
             lambda b: t.mcc.MinimumClassConfusionLoss(2.5)(b.zt), IN_THE_LOG, lambda b: ours.confusion(b.zt, 2.5, TINY),
             undone=lambda b: ours.confusion(b.zt, 2.5, 0.0)),
        Case("entropy_min", "mean entropy", lambda b: mean_entropy(b.zt),
             lambda b: t.entropy.entropy(b.zt.softmax(dim=1), reduction="mean"), IN_THE_LOG,
             lambda b: ours.entropies(b.zt.softmax(dim=1), TINY).mean(),
             undone=lambda b: ours.entropies(b.zt.softmax(dim=1), 0.0).mean()),
    ]  # fmt: skip


def agreement(b: Batch) -> Tensor:
    return consistency(b.zt.softmax(dim=1), b.zt2.softmax(dim=1).detach(), 0.9)[0]


def their_agreement(t: Any, b: Batch) -> Tensor:
    taught = b.zt2.softmax(dim=1).detach()
    return t.pi_model.L2ConsistencyLoss()(b.zt.softmax(dim=1), taught, (taught.max(dim=1).values > 0.9).float())


def averaged(b: Batch, start: Any, follow: Any) -> Tensor:
    """Weights of a teacher after three steps of a network."""
    network = b.network()
    teacher = start(network)
    for _ in range(3):
        with torch.no_grad():
            for weight in network.parameters():
                weight.add_(torch.randn(weight.shape))
        follow(teacher, network)
    kept = getattr(teacher, "teacher", None) or teacher.module
    return torch.cat([weight.flatten() for weight in kept.parameters()])


def targets(t: Any) -> list[Case]:
    return [
        Case("pseudo_label", "threshold=0.9", lambda b: sure_cross_entropy(b.zt2, b.zt, 0.9)[0],
             lambda b: t.pseudo_label.ConfidenceBasedSelfTrainingLoss(0.9)(b.zt2, b.zt)[0]),
        Case("self_ensembling", "consistency", agreement, lambda b: their_agreement(t, b),
             "a sum over classes in place of a mean", lambda b: C * agreement(b)),
        Case("self_ensembling", "balance, variant=tllib", lambda b: uneven(b.zt.softmax(dim=1)).mean(),
             lambda b: t.self_ensemble.ClassBalanceLoss(C)(b.zt.softmax(dim=1))),
        Case("self_ensembling", "the teacher's weights after three steps",
             lambda b: averaged(b, Average, lambda teacher, network: teacher.follow(network, 0.9)),
             lambda b: averaged(b, lambda net: t.mean_teacher.EMATeacher(net, 0.9), lambda teacher, _: teacher.update()),
             "weights only: its running statistics of batch norms are the teacher's own batches'"),
    ]  # fmt: skip
