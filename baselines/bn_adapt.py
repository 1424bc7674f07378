"""Batch norms by what passes at test time: a source model normalises each batch by its own statistics, or by a mixture.

Paper    Nado et al., Evaluating Prediction-Time Batch Normalization for Robustness under Covariate Shift, arXiv:2006.10963, 2020;
         Schneider et al., Improving Robustness against Common Corruptions by Covariate Shift Adaptation, NeurIPS 2020,
         arXiv:2006.16971, eq. 3
Loss     none: a batch norm has (1 - alpha) source + alpha batch statistics
Uses     the source model and each batch of the stream, on its arrival
Departs  1. a mixture has the biased variance of the batch, as a batch normalises itself (ports: the unbiased one)
         2. a channel of which a batch has a single value is normalised by the source's statistics
Variants batch: alpha is 1; mix: alpha as given
See      conf/method/bn_adapt.yaml, docs/methods/bn_adapt.md, tests/baselines/test_online_methods.py
"""

from typing import Any

from torch import Tensor

from tlbench.functional.batch_norms import batch_norms, use_batch_statistics, use_mixed_statistics
from tlbench.method.checks import between, one_of
from tlbench.method.online import OnlineMethod, needed, probabilities, without_gradient

VARIANTS = ("batch", "mix")


class BnAdapt(OnlineMethod):
    family = "feature"
    draws = False

    def __init__(self, *, variant: str = "batch", alpha: float, **base: Any) -> None:
        super().__init__(**base)
        one_of(VARIANTS, variant=variant)
        between(0, 1, alpha=alpha)
        self.variant, self.alpha = variant, alpha

    def configure(self) -> None:
        for norm in needed(batch_norms(self.network), "bn_adapt", "batch norms"):
            if self.variant == "batch":
                use_batch_statistics(norm)
            else:
                use_mixed_statistics(norm, self.alpha)

    def predict(self, x: Tensor) -> Tensor:
        return probabilities(without_gradient(self, x)[1])
