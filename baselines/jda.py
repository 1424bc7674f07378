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

import numpy as np

from tlbench.functional.components import TransferComponents, class_differences, mean_difference
from tlbench.method import ComponentsMethod, Domains


class Jda(ComponentsMethod):
    def improve(self, problem: TransferComponents, domains: Domains, guesses_M: np.ndarray | None) -> dict[str, float]:
        e_NQ = np.sqrt(domains.n_classes) * mean_difference(len(domains.source_ND), len(domains.target_MD))
        if guesses_M is not None:
            by_class_NC = class_differences(domains.labels_N, guesses_M, domains.n_classes)
            e_NQ = np.concatenate([e_NQ, by_class_NC], axis=1)
        self.map = problem.map(e_NQ, ridge=self.ridge, k=self.dim)
        return {}
