"""Source-free methods that compare target examples with their neighbours: banks of the target's features and predictions."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.nn import functional as F

from tlbench.method.checks import at_least
from tlbench.method.source_free import SourceFreeMethod

if TYPE_CHECKING:
    from tlbench.method.gradient import TargetOutput
    from tlbench.method.pools import Pools
    from tlbench.tasks import Task


class NeighbourMethod(SourceFreeMethod):
    """Base of such methods. The banks are filled before the first step as the test sees the target, and then row by row with
    what each step saw; what they hold has no gradient.

    Args:
        neighbours: K, nearest by the cosine of features, the example itself left out.

    Attributes:
        features_MF, probabilities_MC: of the target, features of length 1.
    """

    looks = 1  # before the first step
    features_MF: Tensor
    probabilities_MC: Tensor

    def __init__(self, *, neighbours: int, **base: Any) -> None:
        super().__init__(**base)
        at_least(1, neighbours=neighbours)
        self.neighbours = neighbours

    def prepare(self, task: Task) -> None:
        n = len(task.target)
        self.register_buffer("features_MF", torch.zeros(n, self.network.feature_dim))
        self.register_buffer("probabilities_MC", torch.zeros(n, self.network.n_classes))

    def refresh(self, pools: Pools) -> None:
        features, probabilities = pools.target()
        self.features_MF.copy_(F.normalize(features, dim=1))
        self.probabilities_MC.copy_(probabilities)

    @abstractmethod
    def terms_of(self, rows_B: Tensor, p_BC: Tensor) -> dict[str, Tensor]:
        """Return the scalars of a batch by name, from its rows and probabilities; the banks know it already."""

    def target_terms(self, target: TargetOutput) -> dict[str, Tensor]:
        assert target.rows is not None
        p_BC = target.logits.softmax(dim=1)
        self.features_MF[target.rows] = F.normalize(target.features.detach(), dim=1)
        self.probabilities_MC[target.rows] = p_BC.detach()
        self.told["classes"] = (torch.bincount(p_BC.argmax(dim=1), minlength=p_BC.shape[1]) > 0).sum()
        return self.terms_of(target.rows, p_BC)

    def nearest(self, rows_N: Tensor, k: int) -> Tensor:
        """Return (N, k) rows of the bank nearest to these rows by cosine, nearest first, themselves left out."""
        likeness_NM = self.features_MF[rows_N] @ self.features_MF.T
        likeness_NM.scatter_(1, rows_N[:, None], -torch.inf)
        return likeness_NM.topk(min(k, likeness_NM.shape[1] - 1), dim=1).indices
