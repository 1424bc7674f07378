"""LP-FT: a linear probe first, then all weights, from the last layer that the probe has found.

Paper    Kumar et al., Fine-Tuning can Distort Pretrained Features and Underperform Out-of-Distribution, ICLR 2022,
         arXiv:2202.10054
Loss     cross-entropy(shots)
Uses     target shots; with init=source the source model
Departs  1. both parts share the run's steps: share * steps for the probe, so that the budget is that of the references (authors:
            logistic regression to its end, and then as many epochs as fine-tuning has)
         2. the rate of the second part is a factor of the recipe's (authors: the best of a grid)
         3. the optimiser goes on: what it keeps of the last layer stays, and of the other weights it has nothing yet
Note     share=1 is `linear_probe`, share=0 with second_lr=1 is `fine_tune`, to the bit. Each part has the
         whole schedule
See      conf/method/lp_ft.yaml, docs/methods/lp_ft.md, tests/baselines/test_fine_tuned.py
"""

from collections.abc import Callable
from typing import Any

from torch import Tensor

from tlbench.method.checks import above_zero, between
from tlbench.method.fine_tuned import FineTuned, probed


class LpFt(FineTuned):
    def __init__(self, *, share: float, second_lr: float, **base: Any) -> None:
        super().__init__(**base)
        between(0, 1, share=share)
        above_zero(second_lr=second_lr)
        self.share, self.second_lr = share, second_lr

    def passed(self, x: Tensor) -> tuple[Tensor, Tensor]:
        # without a gradient a weight stays, and the optimiser keeps nothing of it: no second optimiser is needed
        return probed(self.network, x) if self.progress < self.share else super().passed(x)

    def rate(self, schedule: Callable[[float], float], p: float) -> float:
        if p < self.share:
            return schedule(p / self.share)
        return self.second_lr * schedule((p - self.share) / (1 - self.share) if self.share < 1 else 1.0)
