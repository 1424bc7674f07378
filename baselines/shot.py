"""SHOT: a source model whose last layer stays, and features that make its predictions sure, spread and true to their clusters.

Paper    Liang et al., Do We Really Need to Access the Source Data? Source Hypothesis Transfer for Unsupervised Domain
         Adaptation, ICML 2020, arXiv:2002.08546, eq. 3 to 7; code: github.com/tim-learn/SHOT
Loss     mean entropy of p - diversity * entropy of mean p + pseudo * cross-entropy(p, cluster label), p of a target batch
Uses     the source model and target inputs; no source example
Departs  1. stage one is the run of `source_only` on the same recipe, which so has the method's own head and label smoothing
            (classifier=shot, optim=shot), as it is after its last step (authors: the best epoch on held-out source examples)
         2. entropies by log-softmax, without 1e-5 inside the logarithm
         3. a class that the first round of labels leaves empty takes no example (authors: it has the centre 0, whose cosine is
            no number)
Note     pseudo=0 is SHOT-IM. Cluster labels are worked out `intervals` times in a run, from the whole target as the test sees it
See      conf/method/shot.yaml, docs/methods/shot.md, tests/baselines/test_source_free.py
"""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from tlbench.functional.entropy import mean_entropy
from tlbench.method import TargetOutput
from tlbench.method.checks import at_least
from tlbench.method.pools import Pools
from tlbench.method.source_free import SourceFreeMethod
from tlbench.tasks import Task


class Shot(SourceFreeMethod):
    labels_M: Tensor

    def __init__(
        self, *, diversity: float, pseudo: float, intervals: int, skip_first: bool, threshold: int, **base: Any
    ) -> None:
        super().__init__(**base)
        at_least(0, diversity=diversity, pseudo=pseudo, threshold=threshold)
        at_least(1, intervals=intervals)
        self.diversity, self.pseudo, self.intervals = diversity, pseudo, intervals
        self.skip_first, self.threshold = skip_first, threshold
        self.looks = intervals if pseudo else None
        self.network.head.last.requires_grad_(False)

    def prepare(self, task: Task) -> None:
        self.register_buffer("labels_M", torch.zeros(len(task.target), dtype=torch.long))

    def refresh(self, pools: Pools) -> None:
        self.labels_M.copy_(cluster_labels(*pools.target(), threshold=self.threshold))

    def target_terms(self, target: TargetOutput) -> dict[str, Tensor]:
        mean_C = target.logits.softmax(dim=1).mean(dim=0)
        terms = {
            "entropy": mean_entropy(target.logits),
            "diversity": -self.diversity * torch.special.entr(mean_C).sum(),
        }
        if self.pseudo and not (self.skip_first and self.progress * self.intervals < 1):
            assert target.rows is not None
            terms["pseudo"] = self.pseudo * F.cross_entropy(target.logits, self.labels_M[target.rows])
        return terms


def cluster_labels(features_ND: Tensor, probabilities_NC: Tensor, *, threshold: int = 0) -> Tensor:
    """Return (N,) the class whose centre each example is nearest to by cosine (eq. 5 and 6), after two rounds of centres.

    The first centres are means by the predictions, the second by the first labels. Features have a constant 1 appended and
    length 1 then.

    Args:
        features_ND, probabilities_NC: of the whole target.
        threshold: only classes that more examples than this are predicted as have a centre.
    """
    ones_N1 = features_ND.new_ones(len(features_ND), 1)
    rows_NE = F.normalize(torch.cat([features_ND, ones_N1], dim=1), dim=1)
    n_classes = probabilities_NC.shape[1]
    counts_C = torch.bincount(probabilities_NC.argmax(dim=1), minlength=n_classes)
    shares_NC, open_C = probabilities_NC, counts_C > threshold
    if not open_C.any():
        open_C = counts_C > 0
    for _ in range(2):
        centres_CE = shares_NC.T @ rows_NE / (1e-8 + shares_NC.sum(dim=0))[:, None]
        likeness_NC = rows_NE @ F.normalize(centres_CE, dim=1).T
        labels_N = likeness_NC.masked_fill(~open_C, -torch.inf).argmax(dim=1)
        shares_NC = F.one_hot(labels_N, n_classes).to(rows_NE.dtype)
        open_C = open_C & (shares_NC.sum(dim=0) > 0)
    return labels_N
