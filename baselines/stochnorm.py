"""StochNorm: batch norms of which each channel takes the batch's statistics or its running ones, by chance.

Paper    Kou et al., Stochastic Normalization, NeurIPS 2020
Loss     cross-entropy(shots)
Uses     target shots; with init=source the source model
Departs  1. the draw is torch's, of the run's seed (authors: numpy's of the whole process)
         2. the running branch has the gradient of the statistics that it used (TLlib: of those after the batch's update)
         3. where the backbone's batch norms are frozen by the recipe they stay so
Note     p=1 is `fine_tune` to the bit; p=0 trains with running statistics alone, which the batches go on moving
See      conf/method/stochnorm.yaml, docs/methods/stochnorm.md, tests/baselines/test_tuned_weights.py
"""

from typing import Any

from tlbench.errors import Refused
from tlbench.functional.batch_norms import batch_norms, choose_statistics
from tlbench.method.checks import between
from tlbench.method.fine_tuned import FineTuned
from tlbench.tasks import Task


class Stochnorm(FineTuned):
    def __init__(self, *, p: float, **base: Any) -> None:
        super().__init__(**base)
        between(0, 1, p=p)
        if p < 1:
            for norm in batch_norms(self.network):
                choose_statistics(norm, p)

    def prepare(self, task: Task) -> None:
        if not any(norm.training for norm in batch_norms(self.network)):
            raise Refused(
                "stochnorm changes batch norms in training, and this network trains none. Use a backbone that has some with "
                "backbone.mode=finetune and backbone.batch_norm=shared, or classifier.norm=batch."
            )
