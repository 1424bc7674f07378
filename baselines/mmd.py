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

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from torch import Tensor

from tlbench.errors import TlbenchError, unknown
from tlbench.functional.kernels import FIVE, FIXED, MEDIAN, SINGLE, SUMMED, KernelSet
from tlbench.functional.mmd_estimates import ESTIMATORS
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
    stacks = ("weight",)

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
