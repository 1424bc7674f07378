"""Discriminative joint probability MMD (JPDA): joint probabilities of a class together, of two classes apart.

Paper    Zhang & Wu, Discriminative Joint Probability Maximum Mean Discrepancy for Domain Adaptation, IJCNN 2020,
         arXiv:1912.00320, eqs. 11-18
Map      unit rows of x A, A the first `dim` solutions of (X' M X + ridge I) A = X' H X A Phi, by rising Phi,
         M = R_min / |R_min| - mu R_max / |R_max|; R_min joins the same class of both domains, R_max all pairs of two classes;
         the target's classes are those that the classifier gave in the round before
Uses     source labels; target inputs
Departs  1. rows have unit length before the map, as in the authors' code, and one length after it: the source's root mean square
            length, so that the recipe's C means the same (in that code 1)
         2. the classifier is the recipe's (paper: 1-nearest neighbour)
         3. rounds end where the guesses no longer change: further ones would be the same
Note     M is indefinite: some Phi are negative, and belong to the answer
See      conf/method/jpda.yaml, docs/methods/jpda.md, tests/baselines/test_jda_family.py
"""

from typing import Any

import numpy as np

from tlbench.functional.components import TransferComponents, class_pairs, frobenius
from tlbench.method import ComponentsMethod, Domains
from tlbench.method.checks import at_least


class Jpda(ComponentsMethod):
    def __init__(self, *, mu: float, **base: Any) -> None:
        super().__init__(**base)
        at_least(0, mu=mu)
        self.mu = mu

    def improve(self, problem: TransferComponents, domains: Domains, guesses_M: np.ndarray | None) -> dict[str, float]:
        nothing_M = np.full(len(domains.target_MD), -1)
        z_NQ = class_pairs(domains.labels_N, nothing_M if guesses_M is None else guesses_M, domains.n_classes)
        form_QQ = discriminative_form(z_NQ, domains.n_classes, self.mu)
        self.map = problem.map_of_form(z_NQ, form_QQ, ridge=self.ridge, k=self.dim)
        return {}


def discriminative_form(z_NQ: np.ndarray, n_classes: int, mu: float) -> np.ndarray:
    """Return (2 C, 2 C) S with Z S Z' = R_min / |R_min|_F - mu R_max / |R_max|_F (eqs. 12, 15, 17).

    Z = [source shares, minus target shares], so a class meets itself in R_min with S = 1 within and between the domains, and
    in R_max every other one: C - 1 times within a domain, once across.

    Args:
        z_NQ: see `class_pairs`.
    """
    one, other = np.eye(n_classes), np.ones((n_classes, n_classes)) - np.eye(n_classes)
    same_QQ = np.block([[one, one], [one, one]])
    apart_QQ = np.block([[(n_classes - 1) * one, other], [other, (n_classes - 1) * one]])
    return same_QQ / frobenius(z_NQ, same_QQ) - mu * apart_QQ / frobenius(z_NQ, apart_QQ)
