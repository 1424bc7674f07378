"""NRC: each target prediction is drawn to those of its neighbours, and most to those that have it as a neighbour too.

Paper    Yang et al., Exploiting the Intrinsic Neighborhood Structure for Source-free Domain Adaptation, NeurIPS 2021,
         arXiv:2110.04202, eq. 3 to 7; code: github.com/Albert0147/NRC_SFDA
Loss     - mean_i sum_k A_ik q_k . p_i - r mean_i sum_k sum_m q_m . p_i + sum_c p_c log p_c; k of the K nearest of i, m of the KK
         nearest of k, q from the bank, p_c the batch's mean probability; A_ik = 1 where i is among the KK nearest of k, else r
Uses     the source model and target inputs; no source example
Departs  1. stage one is the run of `source_only` on the same recipe
         2. an example is left out of its own neighbours by its row (authors: the first of K + 1, another where two are equal)
         3. K and KK stay (authors on Office-Home: 3 and 2, from half the run on 5 and 4)
         4. printed losses lack the constant sum of q log q
Variants paper: A as above; visda_script: A_ik = r for all, as the authors' script for VisDA has it, where filling a view of A
         reaches A itself
See      conf/method/nrc.yaml, docs/methods/nrc.md, tests/baselines/test_source_free.py
"""

from typing import Any

import torch
from torch import Tensor

from tlbench.method.checks import at_least, between, one_of
from tlbench.method.neighbours import NeighbourMethod

VARIANTS = ("paper", "visda_script")


class Nrc(NeighbourMethod):
    def __init__(self, *, expanded: int, affinity: float, balance: float, variant: str = "paper", **base: Any) -> None:
        super().__init__(**base)
        at_least(1, expanded=expanded)
        at_least(0, balance=balance)
        between(0, 1, affinity=affinity)
        one_of(VARIANTS, variant=variant)
        self.expanded, self.affinity, self.balance, self.variant = expanded, affinity, balance, variant

    def terms_of(self, rows_B: Tensor, p_BC: Tensor) -> dict[str, Tensor]:
        near_BK = self.nearest(rows_B, self.neighbours)
        far_BKL = self.nearest(near_BK.flatten(), self.expanded).view(*near_BK.shape, -1)
        mutual_BK = (far_BKL == rows_B[:, None, None]).any(dim=2)
        if self.variant == "visda_script":
            mutual_BK = torch.zeros_like(mutual_BK)
        weight_BK = torch.where(mutual_BK, 1.0, self.affinity)
        q_MC, mean_C = self.probabilities_MC, p_BC.mean(dim=0)
        drawn_BC = (weight_BK[..., None] * q_MC[near_BK]).sum(dim=1)
        further_BC = self.affinity * q_MC[far_BKL].sum(dim=(1, 2))
        self.told["mutual"] = mutual_BK.float().mean()
        return {
            "neighbours": -(drawn_BC * p_BC).sum(dim=1).mean(),
            "expanded": -(further_BC * p_BC).sum(dim=1).mean(),
            "balance": -self.balance * torch.special.entr(mean_C).sum(),
        }
