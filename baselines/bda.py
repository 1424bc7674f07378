"""Balanced distribution adaptation: JDA with a balance of the marginal and the classes' differences.

Paper    Wang et al., Balanced Distribution Adaptation for Transfer Learning, ICDM 2017, arXiv:1807.00516, eqs. 5-10
Map      unit rows of x A, A as in JDA with M = (1 - mu) C M_0 + mu sum of M_c
Uses     source labels; target inputs
Departs  1. M is divided by its Frobenius norm, and M_0 counts C times, as in the authors' code
         2. M is that of its round alone; the authors' released MATLAB code mixes in the M of the round before
         3. `mu: estimated` is d_c / (d_0 + d_c) with proxy A-distances of all rows and, on average, of each class, as the same
            authors' MEDA has it (the paper leaves the estimate to cross-validation, which has no target labels to go by)
         4. `weighted` is W-BDA: mu = 1, the target's class means times P_t(c) / P_s(c), P_t of the guesses, as in that code
         5. where mu is 1 the first guesses are those of the classifier without a map
         6. rows have one length after the map, the source's root mean square length; the classifier is the recipe's, as in jda
See      conf/method/bda.yaml, docs/methods/bda.md, tests/baselines/test_jda_family.py
"""

from typing import Any

import numpy as np

from tlbench.functional.components import TransferComponents, class_differences, mean_difference
from tlbench.functional.divergence import class_balance
from tlbench.functional.row_lengths import unit_rows
from tlbench.method import ComponentsMethod, Domains
from tlbench.method.checks import balance


class Bda(ComponentsMethod):
    def __init__(self, *, mu: float | str, weighted: bool, **base: Any) -> None:
        super().__init__(**base)
        self.mu, self.weighted = 1.0 if weighted else balance(mu), weighted

    def improve(self, problem: TransferComponents, domains: Domains, guesses_M: np.ndarray | None) -> dict[str, float]:
        mu = 0.0
        if guesses_M is None and self.mu == 1.0:
            guesses_M = self.guess(domains)
        e_NQ = mean_difference(len(domains.source_ND), len(domains.target_MD)) * np.sqrt(domains.n_classes)
        if guesses_M is not None:
            mu = self._mu(domains, guesses_M)
            by_class_NC = class_differences(domains.labels_N, guesses_M, domains.n_classes)
            if self.weighted:
                by_class_NC = weighted_differences(by_class_NC, domains.labels_N, guesses_M)
            e_NQ = np.concatenate([np.sqrt(1 - mu) * e_NQ, np.sqrt(mu) * by_class_NC], axis=1)
        self.map = problem.map(e_NQ, ridge=self.ridge, k=self.dim)
        return {"mu": mu}

    def _mu(self, domains: Domains, guesses_M: np.ndarray) -> float:
        if isinstance(self.mu, float):
            return self.mu
        source_ND, target_MD = unit_rows(domains.source_ND), unit_rows(domains.target_MD)
        return class_balance(source_ND, domains.labels_N, target_MD, guesses_M)


def weighted_differences(e_NC: np.ndarray, labels_N: np.ndarray, guesses_M: np.ndarray) -> np.ndarray:
    """Return class differences in which the target's mean of class c counts P_t(c) / P_s(c) times (W-BDA).

    Args:
        e_NC: see `class_differences`.
    """
    n, classes = len(labels_N), range(e_NC.shape[1])
    source_C, target_C = (np.equal.outer(part, classes).mean(axis=0) for part in (labels_N, guesses_M))
    weight_C = np.divide(target_C, source_C, out=np.zeros_like(source_C), where=source_C > 0)
    return np.concatenate([e_NC[:n], e_NC[n:] * weight_C])
