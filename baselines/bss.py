"""BSS: features of a batch without their weakest directions, by the smallest singular values.

Paper    Chen et al., Catastrophic Forgetting Meets Negative Transfer: Batch Spectral Shrinkage for Safe Transfer Learning,
         NeurIPS 2019
Loss     cross-entropy(shots) + weight * sum of the squares of the k smallest singular values of the (B, F) features
Uses     target shots; with init=source the source model
Departs  1. features are those that enter the last layer, after the recipe's bottleneck (paper: the backbone's)
         2. it is added to fine-tuning alone (paper: also to l2_sp and delta)
Note     weight=0 is `fine_tune` to the bit. Not `bsp`, which holds the largest singular value down
See      conf/method/bss.yaml, docs/methods/bss.md, tests/baselines/test_tuning_terms.py
"""

from typing import Any

from torch import Tensor

from tlbench.functional.singular_values import smallest_squares
from tlbench.method.checks import at_least
from tlbench.method.fine_tuned import FineTuned, ShotsOutput


class Bss(FineTuned):
    def __init__(self, *, weight: float, k: int, **base: Any) -> None:
        super().__init__(**base)
        at_least(0, weight=weight)
        at_least(1, k=k)
        self.weight, self.k = weight, k

    def tuning_terms(self, shots: ShotsOutput) -> dict[str, Tensor]:
        return {"spectral": self.weight * smallest_squares(shots.features, self.k)} if self.weight else {}
