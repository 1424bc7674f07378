"""AaD: each target prediction is drawn to those of its neighbours and driven from those of the rest of its batch.

Paper    Yang et al., Attracting and Dispersing: A Simple Approach for Source-free Domain Adaptation, NeurIPS 2022,
         arXiv:2205.04183, eq. 5; code: github.com/Albert0147/AaD_SFDA
Loss     - mean_i sum_k q_k . p_i + a(t) mean_i sum_{j != i} p_i . p_j; k of the K nearest of i, q from the bank, j of the batch,
         a(t) = dispersion (1 + 10 t)^-decay at progress t; the gradient passes through both p_i and p_j
Uses     the source model and target inputs; no source example
Departs  1. stage one is the run of `source_only` on the same recipe
         2. an example is left out of its own neighbours by its row (authors: the first of K + 1)
         3. K stays (authors on Office-Home: 3, later 2)
Note     the second term grows with the size of the batch: the authors' factor belongs to 64
See      conf/method/aad.yaml, docs/methods/aad.md, tests/baselines/test_source_free.py
"""

from typing import Any

from torch import Tensor

from tlbench.method.checks import at_least
from tlbench.method.neighbours import NeighbourMethod


class Aad(NeighbourMethod):
    def __init__(self, *, dispersion: float, decay: float, **base: Any) -> None:
        super().__init__(**base)
        at_least(0, dispersion=dispersion, decay=decay)
        self.dispersion, self.decay = dispersion, decay

    def terms_of(self, rows_B: Tensor, p_BC: Tensor) -> dict[str, Tensor]:
        drawn_BC = self.probabilities_MC[self.nearest(rows_B, self.neighbours)].sum(dim=1)
        likeness_BB = p_BC @ p_BC.T
        others_B = likeness_BB.sum(dim=1) - likeness_BB.diagonal()
        factor = self.dispersion * (1 + 10 * self.progress) ** -self.decay
        return {"attraction": -(drawn_BC * p_BC).sum(dim=1).mean(), "dispersion": factor * others_B.mean()}
