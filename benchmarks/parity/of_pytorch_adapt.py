"""pytorch-adapt: github.com/KevinMusgrave/pytorch-adapt."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import ours
import torch
from batch import Batch, C, D
from cases import Case
from peers import commit, module
from torch import Tensor
from torch.nn import functional as F

from baselines.afn import stepwise_loss
from baselines.bnm import VARIANTS as DIVISORS
from baselines.cst import tsallis_loss
from baselines.jan import unbiased_jmmd
from baselines.mcd import discrepancy, sliced_discrepancy
from baselines.nwd import mean_norm
from tlbench.functional.class_confusion import class_confusion
from tlbench.functional.conditional import multilinear_map, random_multilinear_map
from tlbench.functional.entropy import mean_entropy
from tlbench.functional.kernels import SINGLE, bandwidth
from tlbench.functional.moments import coral_loss
from tlbench.functional.singular_values import nuclear_norm, squared_spectral_norm


def peer(folder: Path) -> tuple[str, str, list[Case]]:
    layers, hooks = (module(folder / "src", f"pytorch_adapt.{part}") for part in ("layers", "hooks"))
    return "pytorch-adapt", commit(folder), [*adversaries(layers, hooks), *kernels(layers), *predictions(layers)]


def domain_losses(hooks: Any, layers: Any, b: Batch) -> tuple[Tensor, Tensor]:
    """The losses of single examples, source and target, behind the peer's reversal; the source is 1, as the caller may choose."""
    critic, reversal = b.critic(D), layers.GradientReversal()
    _, losses = hooks.DomainLossHook(d_loss_fn=wide)({
        "src_imgs": b.xs, "target_imgs": b.xt, "G": reversal, "D": lambda f: critic(f).squeeze(1),
        "src_domain": torch.ones(len(b.xs)), "target_domain": torch.zeros(len(b.xt)),
    }, {})  # fmt: skip
    return losses["src_domain_loss"], losses["target_domain_loss"]


def wide(logits: Tensor, labels: Tensor) -> Tensor:
    """Its own default, on labels that it has made single."""
    return F.binary_cross_entropy_with_logits(logits, labels.to(logits), reduction="none")


def entropy_weighted(layers: Any, b: Batch) -> Tensor:
    """Its CDAN+E: each domain's losses under weights of which the largest is 1, and their mean."""
    weigh = layers.EntropyWeights(normalizer=layers.MaxNormalizer(detach=True))
    means = []
    for f, z, sign in ((b.xs, b.zs, -1), (b.xt, b.zt, 1)):
        h = multilinear_map(layers.GradientReversal()(f), z.detach().softmax(dim=1))
        means.append((weigh(z.detach()) * F.softplus(sign * b.critic(D * C)(h).squeeze(1))).mean())
    return sum(means) / 2


def mean_over_largest(b: Batch, *, undone: bool = False) -> Tensor:
    """Ours with each domain's loss times (mean weight / largest weight), which is what a sum of 1 is short of."""
    means = []
    for f, z, sign in ((b.xs, b.zs, -1), (b.xt, b.zt, 1)):
        p = z.detach().softmax(dim=1)
        weight = 1 + (-ours.entropies(p, 0.0)).exp()
        losses = F.softplus(sign * b.critic(D * C)(multilinear_map(2 * f.detach() - f, p)).squeeze(1))
        means.append((weight * losses).sum() / weight.sum() * (1.0 if undone else weight.mean() / weight.max()))
    return sum(means) / 2


def randomised(layers: Any, b: Batch) -> Tensor:
    maps, its = ours.random_maps(), layers.RandomizedDotProduct([D, C], 16)
    its.rand_mat0, its.rand_mat1 = maps
    return its(b.xs, b.zs.softmax(dim=1))


def adversaries(layers: Any, hooks: Any) -> list[Case]:
    return [
        Case("dann", "variant=constant", ours.dann, lambda b: sum(x.mean() for x in domain_losses(hooks, layers, b)) / 2,
             "its hook names two losses, whose weights are a setting there; here half each"),
        Case("cdan", "the map of randomised=16, one draw",
             lambda b: random_multilinear_map(b.xs, b.zs.softmax(dim=1), *ours.random_maps()),
             lambda b: randomised(layers, b)),
        Case("cdan", "entropy=true", lambda b: ours.cdan(b, entropy=True), lambda b: entropy_weighted(layers, b),
             "the largest weight of a domain is 1, not their sum", mean_over_largest,
             undone=lambda b: mean_over_largest(b, undone=True)),
        Case("bsp", "spectral term", lambda b: squared_spectral_norm(b.xs) + squared_spectral_norm(b.xt),
             lambda b: layers.BatchSpectralLoss()(b.xs) + layers.BatchSpectralLoss()(b.xt)),
    ]  # fmt: skip


def interleaved(b: Batch) -> Tensor:
    """Ours on rows in such an order that its disjoint pairs are (0, 1), (2, 3) and so on."""
    kernel = SINGLE.at(b.xs, b.xt)
    order = torch.cat([torch.arange(0, len(b.xs), 2), torch.arange(1, len(b.xs), 2)])
    return ours.ESTIMATORS["linear"](kernel, b.xs[order], b.xt[order])


def joint(b: Batch, *, medians: bool) -> Tensor:
    (ps, pt), width = ours.both(b), bandwidth(b.xs, b.xt).item()
    scales = [ours.squared_median(b.xs) / width] if medians else ours.SCALES
    sigma = (ours.squared_median(ps) / 2) ** 0.5 if medians else 0.92
    return unbiased_jmmd((b.xs, ps), (b.xt, pt), scales, sigma)


def their_joint(layers: Any, b: Batch) -> Tensor:
    ps, pt = ours.both(b)
    return layers.MMDLoss(mmd_type="quadratic")([b.xs, ps], [b.xt, pt])


def kernels(layers: Any) -> list[Case]:
    return [
        Case("mmd", "variant=single, estimator=unbiased (quadratic)", lambda b: ours.mmd(b, SINGLE, "unbiased"),
             lambda b: layers.MMDLoss(mmd_type="quadratic")(b.xs, b.xt)),
        Case("mmd", "variant=single (linear)", lambda b: ours.mmd(b, SINGLE, "linear"),
             lambda b: layers.MMDLoss(mmd_type="linear")(b.xs, b.xt), "pairs are rows 0 and 1, 2 and 3; here i and i + n / 2",
             interleaved),
        Case("jan", "estimator=unbiased (quadratic)", lambda b: joint(b, medians=False), lambda b: their_joint(layers, b),
             "one kernel a layer, each with the median squared distance of its source rows, as the paper",
             lambda b: joint(b, medians=True)),
        Case("coral", "variant=paper", lambda b: coral_loss(b.xs, b.xt), lambda b: layers.CORALLoss()(b.xs, b.xt)),
        Case("afn", "variant=stepwise", lambda b: stepwise_loss(b.xs, 1.0) + stepwise_loss(b.xt, 1.0),
             lambda b: layers.AdaptiveFeatureNorm()(b.xs) + layers.AdaptiveFeatureNorm()(b.xt)),
    ]  # fmt: skip


def nuclear(b: Batch) -> Tensor:
    p = b.zt.softmax(dim=1)
    return -nuclear_norm(p) / DIVISORS["batch"](*p.shape)


def predictions(layers: Any) -> list[Case]:
    return [
        Case("bnm", "variant=batch", nuclear, lambda b: layers.BNMLoss()(b.zt)),
        Case("mcd", "discrepancy", lambda b: discrepancy(b.zt.softmax(dim=1), b.zt2.softmax(dim=1)),
             lambda b: layers.MCDLoss()(b.zt, b.zt2)),
        Case("mcd", "variant=sliced, one draw", lambda b: sliced_discrepancy(b.zt.softmax(dim=1), b.zt2.softmax(dim=1)),
             lambda b: layers.SlicedWasserstein()(b.zt.softmax(dim=1), b.zt2.softmax(dim=1))),
        Case("cst", "Tsallis term, alpha=2, over C", lambda b: tsallis_loss(b.zt, 2.0, 2.5) / C,
             lambda b: layers.MCCLoss(2.5)(b.zt), "of its MCC, which the term is at alpha 2 but for the factor"),
        Case("nwd", "the two norms, without the reversal",
             lambda b: mean_norm(b.zt.softmax(dim=1)) - mean_norm(b.zs.softmax(dim=1)),
             lambda b: layers.BNMLoss()(b.zs) - layers.BNMLoss()(b.zt), "of its BNM loss, which is such a norm"),
        Case("mcc", "temperature=2.5", lambda b: class_confusion(b.zt, 2.5), lambda b: layers.MCCLoss(2.5)(b.zt)),
        Case("entropy_min", "mean entropy", lambda b: mean_entropy(b.zt), lambda b: layers.EntropyLoss()(b.zt)),
    ]  # fmt: skip
