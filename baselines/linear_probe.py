"""Linear probe: the last layer alone learns from the labelled target examples; backbone and bottleneck stay as they start.

Paper    none of its own; as one of two stages in Kumar et al., Fine-Tuning can Distort Pretrained Features and Underperform
         Out-of-Distribution, ICLR 2022, arXiv:2202.10054
Loss     cross-entropy(shots)
Uses     target shots; with init=source the source model
Departs  1. trained by the recipe's steps (authors: logistic regression on features, to its end)
         2. features are the bottleneck's, where the recipe has one: with init=pretrained it is as it was drawn
Note     features are as the test sees them: nothing is dropped, and no statistic of a batch norm moves
See      conf/method/linear_probe.yaml, docs/methods/linear_probe.md, tests/baselines/test_fine_tuned.py
"""

from typing import Any

from torch import Tensor

from tlbench.method.fine_tuned import FineTuned, probed


class LinearProbe(FineTuned):
    def __init__(self, **base: Any) -> None:
        super().__init__(**base)
        last = {id(p) for p in self.network.head.last.parameters()}
        self.network.fix(p for p in self.network.parameters() if id(p) not in last)

    def passed(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return probed(self.network, x)
