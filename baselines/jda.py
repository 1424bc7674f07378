"""Joint distribution adaptation: transfer components in which the means of the domains and of each class agree.

Paper    Long et al., Transfer Feature Learning with Joint Distribution Adaptation, ICCV 2013, eqs. 7-10, algorithm 1
Map      unit rows of x A, A the first `dim` solutions of max tr(A' X' H X A), A' (X' M X + ridge I) A = I,
         M = C M_0 + sum of M_c; the target's classes are those that the classifier gave in the round before
Uses     source labels; target inputs
Departs  1. M_0 counts C times and M is divided by its Frobenius norm, as in the authors' code (paper: sum from c = 0)
         2. rows have unit length before the map, as in that code, and one length after it: the source's root mean square length,
            so that the recipe's C means the same (in that code 1)
         3. the classifier is the recipe's (paper: 1-nearest neighbour)
         4. rounds stop where the guesses no longer change: further ones would be the same
See      conf/method/jda.yaml, docs/methods/jda.md, tests/baselines/test_subspace_methods.py
"""

import copy
from typing import Any

import numpy as np

from tlbench.errors import TlbenchError
from tlbench.functional.components import TransferComponents, class_differences, mean_difference
from tlbench.method import MappedMethod
from tlbench.method.mapped import unit_rows


class Jda(MappedMethod):
    family = "feature"
    draws = False

    def __init__(self, *, ridge: float, kernel: str, rounds: int, **base: Any) -> None:
        super().__init__(**base)
        if rounds < 1 or not ridge > 0:
            raise TlbenchError(f"method.rounds must be 1 or more and method.ridge above 0, got {rounds} and {ridge}.")
        if kernel not in ("linear", "primal"):
            raise TlbenchError(f"method.kernel must be linear or primal, got {kernel!r}.")
        self.ridge, self.kernel, self.rounds = ridge, kernel, rounds

    def learn(self, source_ND: np.ndarray, labels_N: np.ndarray, target_MD: np.ndarray, n_classes: int) -> None:
        both_ND = unit_rows(np.concatenate([source_ND, target_MD]))
        whole_N1 = np.sqrt(n_classes) * mean_difference(len(source_ND), len(target_MD))
        components, guesses, e_NQ = TransferComponents(both_ND, self.kernel), None, whole_N1
        self.history = []
        self.length = float(np.sqrt(np.square(source_ND).sum(axis=1).mean()))
        for _ in range(self.rounds):
            self.map = components.map(e_NQ, ridge=self.ridge, k=self.dim)
            classifier = copy.copy(self.classifier).fit(self.mapped(source_ND, "source"), labels_N)
            before, guesses = guesses, classifier.predict_proba(self.mapped(target_MD, "target")).argmax(axis=1)
            changed = 1.0 if before is None else float((guesses != before).mean())
            self.history.append({"guesses_changed": changed})
            if changed == 0:
                break
            e_NQ = np.concatenate([whole_N1, class_differences(labels_N, guesses, n_classes)], axis=1)

    def mapped(self, x_ND: np.ndarray, domain: str) -> np.ndarray:
        return self.length * unit_rows(unit_rows(x_ND) @ self.map)
