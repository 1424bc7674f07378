"""BSP: an adversary whose features keep no direction far longer than the others, by their largest singular value.

Paper    Chen et al., Transferability vs. Discriminability: Batch Spectral Penalization for Adversarial Domain Adaptation,
         ICML 2019, PMLR 97
Loss     cross-entropy(source) + weight * domain loss + beta * (s(F_s)^2 + s(F_t)^2), s the largest singular value of a domain's
         (B, F) features, not centred
Uses     source labels; target inputs only
Departs  1. those of dann, or of cdan with base=cdan
         2. where several singular values are the largest, they share the gradient
Variants of the adversary (base). dann: sees features; cdan: sees features and predictions together
Note     beta=0 is dann or cdan to the bit; the paper's k, of singular values that are penalised, is 1
See      conf/method/bsp.yaml, docs/methods/bsp.md, tests/baselines/test_bsp.py
"""

from typing import Any

from torch import Tensor

from tlbench.errors import Refused
from tlbench.functional.singular_values import squared_spectral_norm
from tlbench.method import ConditionalAdversaryMethod, SourceOutput, TargetOutput
from tlbench.method.checks import at_least, one_of


class Bsp(ConditionalAdversaryMethod):
    stacks = ("weight",)

    def __init__(self, *, beta: float, base: str, entropy: bool, randomised: int | None, **shared: Any) -> None:
        at_least(0, beta=beta)
        one_of(("dann", "cdan"), base=base)
        for name, value, plain in (("entropy", entropy, "false"), ("randomised", randomised, "null")):
            if value and base == "dann":
                raise Refused(f"method.{name}={value} has no say with method.base=dann. Leave it at {plain}.")
        super().__init__(entropy=entropy, randomised=randomised, conditional=base == "cdan", **shared)
        self.beta = beta

    def adaptation_terms(self, source: SourceOutput, target: TargetOutput) -> dict[str, Tensor]:
        terms = super().adaptation_terms(source, target)
        if self.beta:
            spectral = squared_spectral_norm(source.features) + squared_spectral_norm(target.features)
            terms["spectral"] = self.beta * spectral
        return terms
