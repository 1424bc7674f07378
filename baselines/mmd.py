"""MMD, in the manner of DAN: bring the feature distributions together under several Gaussian kernels.

Paper    Long et al., Learning Transferable Features with Deep Adaptation Networks, ICML 2015, arXiv:1502.02791;
         estimators: Gretton et al., A Kernel Two-Sample Test, JMLR 2012, eq. 5, lemma 6 and lemma 14
Loss     cross-entropy(source) + weight * MMD^2(features)
Uses     source labels; target inputs only
Departs  1. kernels weighted equally (paper: weights learnt by a quadratic program, eq. 8)
         2. five bandwidths, 1/4 to 4 times the mean squared distance of the batch (paper: 2^-8 to 2^8 in steps of sqrt 2)
         3. unbiased quadratic estimator by default (paper: the linear-time one, here estimator=linear)
         4. one adapted layer, the bottleneck (paper: fc6 to fc8)
Variants five: the above; summed: TLlib's; fixed: DomainBed's; single: pytorch-adapt's; median: SKADA's
Note     an unbiased estimate of a small distance may be negative
See      conf/method/mmd.yaml, docs/methods/mmd.md, tests/baselines/test_mmd.py
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from torch import Tensor

from tlbench.errors import TlbenchError, unknown
from tlbench.functional.kernels import FIVE, FIXED, MEDIAN, SINGLE, SUMMED, Kernel, KernelSet
from tlbench.method import GradientMethod, SourceOutput, TargetOutput

VARIANTS: dict[str, tuple[KernelSet, str]] = {
    "five": (FIVE, "unbiased"),
    "summed": (SUMMED, "cyclic"),
    "fixed": (FIXED, "biased"),
    "single": (SINGLE, "linear"),
    "median": (MEDIAN, "biased"),
}
"""Kernels and estimator of each; `scales` and `estimator`, where they are given, take the place of its own."""


class Mmd(GradientMethod):
    family = "feature"

    def __init__(
        self,
        *,
        weight: float,
        variant: str = "five",
        scales: Sequence[float] | None = None,
        estimator: str | None = None,
        **base: Any,
    ) -> None:
        super().__init__(**base)
        if variant not in VARIANTS:
            raise unknown("variant", variant, VARIANTS, f"method.variant={variant}")
        kernels, own = VARIANTS[variant]
        if estimator is not None and estimator not in ESTIMATORS:
            raise unknown("estimator", estimator, ESTIMATORS, f"method.estimator={estimator}")
        if not weight >= 0 or (scales is not None and (not scales or not min(scales) > 0)):
            raise TlbenchError(f"method.weight must be >= 0 and method.scales > 0, got {weight} and {scales}.")
        self.weight, self.estimator = weight, own if estimator is None else estimator
        self.kernels = kernels if scales is None else replace(kernels, scales=tuple(scales))

    def adaptation_terms(self, source: SourceOutput, target: TargetOutput) -> dict[str, Tensor]:
        kernel = self.kernels.at(source.features, target.features)
        return {"mmd": self.weight * ESTIMATORS[self.estimator](kernel, source.features, target.features)}


def unbiased_mmd(kernel: Kernel, xs_ND: Tensor, xt_MD: Tensor) -> Tensor:
    """Compute the unbiased quadratic-time estimate of MMD^2 (Gretton et al., lemma 6): same-example pairs left out.

    Args:
        kernel: k(x, y), its width set.
        xs_ND: source features, (N, D) with N >= 2.
        xt_MD: target features, (M, D) with M >= 2.

    Raises:
        ValueError: a domain has fewer than two samples.
    """
    _smaller(xs_ND, xt_MD)

    def within(x_ND: Tensor) -> Tensor:
        k = kernel.of_all(x_ND, x_ND)
        return (k.sum() - k.diagonal().sum()) / (len(x_ND) * (len(x_ND) - 1))

    return within(xs_ND) + within(xt_MD) - 2 * kernel.of_all(xs_ND, xt_MD).mean()


def biased_mmd(kernel: Kernel, xs_ND: Tensor, xt_MD: Tensor) -> Tensor:
    """Compute the biased estimate (Gretton et al., eq. 5), |difference of mean embeddings|^2: all pairs. Never below 0."""
    _smaller(xs_ND, xt_MD)
    within = kernel.of_all(xs_ND, xs_ND).mean() + kernel.of_all(xt_MD, xt_MD).mean()
    return within - 2 * kernel.of_all(xs_ND, xt_MD).mean()


def linear_mmd(kernel: Kernel, xs_ND: Tensor, xt_MD: Tensor) -> Tensor:
    """Compute the linear-time estimate (Gretton et al., lemma 14): mean over disjoint pairs of examples of each domain, unbiased.

    The first 2 * floor(min(N, M) / 2) examples of each domain are used; otherwise as `unbiased_mmd`.
    """
    half = _smaller(xs_ND, xt_MD) // 2
    return _paired(kernel, xs_ND[:half], xs_ND[half : 2 * half], xt_MD[:half], xt_MD[half : 2 * half])


def cyclic_mmd(kernel: Kernel, xs_ND: Tensor, xt_MD: Tensor) -> Tensor:
    """Do as `linear_mmd`, but each of the first min(N, M) examples is paired with the next, the last with the first: TLlib's."""
    n = _smaller(xs_ND, xt_MD)
    s, t = xs_ND[:n], xt_MD[:n]
    return _paired(kernel, s, s.roll(-1, 0), t, t.roll(-1, 0))


def _paired(kernel: Kernel, s1: Tensor, s2: Tensor, t1: Tensor, t2: Tensor) -> Tensor:
    k = kernel.of_rows
    return (k(s1, s2) + k(t1, t2) - k(s1, t2) - k(s2, t1)).mean()


ESTIMATORS: dict[str, Callable[[Kernel, Tensor, Tensor], Tensor]] = {
    "unbiased": unbiased_mmd,
    "biased": biased_mmd,
    "linear": linear_mmd,
    "cyclic": cyclic_mmd,
}


def _smaller(xs_ND: Tensor, xt_MD: Tensor) -> int:
    if min(len(xs_ND), len(xt_MD)) < 2:
        raise ValueError(f"MMD needs two or more samples per domain, got {len(xs_ND)} and {len(xt_MD)}.")
    return min(len(xs_ND), len(xt_MD))
