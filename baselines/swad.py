"""SWAD: the mean risk of the sources, and weights averaged at each step over the valley of the loss on held-out examples.

Paper    Cha et al., SWAD: Domain Generalization by Seeking Flat Minima, NeurIPS 2021, arXiv:2102.08604, algorithm 1
Loss     mean of the sources' cross-entropies; what predicts has the mean of the weights after each step from where the loss on
         held-out source examples is the least of `n_converge` looks to before `n_tolerance` looks that are all above
         `tolerance_ratio` times the mean of those
Uses     labels and domains of the sources, their held-out part too (protocol.source_val); no target example
Departs  1. no valley: the mean of the weights since the last look, as in the authors' code (algorithm 1: of the whole run)
         2. the authors' code begins earlier where losses before the least were low, and counts some looks twice; algorithm 1 here
         3. batch norms of the average see each step's batch, without a gradient and with nothing dropped (code: norms that learn
            see 500 batches after the run; its default leaves their statistics as they came: backbone.batch_norm=frozen)
         4. the loss after the last step is not looked at, and training goes on after the valley, without effect
See      conf/method/swad.yaml, docs/methods/swad.md, tests/baselines/test_swad.py
"""

from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F
from torch.nn.modules.batchnorm import _BatchNorm

from tlbench.errors import Refused
from tlbench.method import SourceOutput
from tlbench.method.checks import at_least
from tlbench.method.generalising import GeneralisingMethod
from tlbench.method.phases import without_chance
from tlbench.method.pools import Pools
from tlbench.method.valley import Valley
from tlbench.method.views import TargetBatch
from tlbench.tasks import Task


class Swad(GeneralisingMethod):
    family = "parameter"
    labels_V: Tensor
    shares_V: Tensor

    def __init__(self, *, checks: int, n_converge: int, n_tolerance: int, tolerance_ratio: float, **base: Any) -> None:
        super().__init__(**base)
        at_least(1, checks=checks, n_converge=n_converge, n_tolerance=n_tolerance, tolerance_ratio=tolerance_ratio)
        self.looks = checks
        self.valley = Valley(self.network, n_converge=n_converge, n_tolerance=n_tolerance, ratio=tolerance_ratio)

    def prepare(self, task: Task) -> None:
        super().prepare(task)
        if task.source_val is None:
            raise Refused(
                "swad looks at the loss of held-out source examples, and there are none. Use protocol=inductive with "
                "protocol.source_val=0.2, say."
            )
        labels = task.source_val.labels
        self.register_buffer("labels_V", torch.as_tensor(labels), persistent=False)
        self.register_buffer("shares_V", equal_shares(task.source_val_of, len(labels)), persistent=False)
        self.valley.make_room()

    def refresh(self, pools: Pools) -> None:
        if not self.done:
            return
        assert pools.held_out is not None
        losses_V = F.cross_entropy(pools.held_out(self.network), self.labels_V, reduction="none")
        self.valley.look(losses_V @ self.shares_V)

    @property
    def done(self) -> int:
        """Steps behind."""
        return round(self.progress * self.steps)

    def domain_terms(self, domains: list[SourceOutput]) -> dict[str, Tensor]:
        self.told["averaged"] = self.valley.averaged.float()
        if self.look_every is not None and self.done >= self.look_every:
            self.told["held_out"] = self.valley.losses[-1].clone()
        return {}

    def losses(self, labelled: list[tuple[Tensor, Tensor]], target: TargetBatch[Tensor] | None) -> dict[str, Tensor]:
        average = self.valley.network
        if any(m.training and m.track_running_stats for m in average.modules() if isinstance(m, _BatchNorm)):
            average.see("source")
            with torch.no_grad(), without_chance(average):
                average(torch.cat([x for x, _ in labelled]))
        return super().losses(labelled, target)

    def after_step(self) -> None:
        self.valley.follow(self.network)

    def outputs(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the average's features and probabilities."""
        features, logits = self.valley.network(x)
        return features.float(), logits.float().softmax(dim=1)


def equal_shares(of: np.ndarray | None, n: int) -> Tensor:
    """Return (n,) weights of examples that make a sum the mean over domains of the mean over each one's examples."""
    _, place, counts = np.unique(np.zeros(n) if of is None else of, return_inverse=True, return_counts=True)
    return torch.as_tensor(1.0 / (len(counts) * counts[place]), dtype=torch.float32)
