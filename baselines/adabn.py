"""AdaBN: a source model whose batch norms have the statistics of the whole target.

Paper    Li et al., Revisiting Batch Normalization For Practical Domain Adaptation, arXiv:1603.04779, 2016, section 3
Loss     none
Uses     the source model and all unlabelled target inputs
Departs  1. statistics in one pass, in which each batch is normalised by its own on the way (authors: moving averages of a pass)
         2. biased variances, as a batch normalises itself: with the target in one batch this is `bn_adapt` to rounding
See      conf/method/adabn.yaml, docs/methods/adabn.md, tests/baselines/test_online_methods.py
"""

from collections.abc import Iterable
from typing import Any

from torch import Tensor

from tlbench.functional.batch_norms import WholeStatistics, batch_norms
from tlbench.method.checks import at_least
from tlbench.method.online import OnlineMethod, needed, probabilities, without_gradient


class Adabn(OnlineMethod):
    family = "feature"
    sees = frozenset({"target"})
    draws = False

    def __init__(self, *, batch_size: int, **base: Any) -> None:
        super().__init__(**base)
        at_least(2, batch_size=batch_size)
        self.batch_size = batch_size

    def learn(self, batches: Iterable[Tensor]) -> None:
        norms = needed(batch_norms(self.network), "adabn", "batch norms")
        collectors = [WholeStatistics(norm) for norm in norms]
        for norm in norms:
            norm.training, norm.track_running_stats = True, False
        for x in batches:
            without_gradient(self, x)
        for norm, collector in zip(norms, collectors, strict=True):
            norm.training, norm.track_running_stats = False, True
            collector.settle()

    def predict(self, x: Tensor) -> Tensor:
        return probabilities(without_gradient(self, x)[1])
