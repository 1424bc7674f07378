"""Regularised learning under label shift: black box shift estimation that trusts few examples little.

Paper    Azizzadenesheli, Liu, Yang & Anandkumar, Regularized Learning for Domain Adaptation under Label Shifts, ICLR 2019,
         arXiv:1903.09734
Weights  w = 1 + trust theta; theta >= -1 of least |C theta - (mu - C 1)| + strength rho |theta|, C and mu those of bbse,
         rho = 3 (2 ln(2K / d) / 3n + sqrt(2 ln(2K / d) / n)), d = 0.05, K classes, n examples
Uses     source labels; target inputs
Departs  1. C is cross-fitted, mu the guesses of the classifiers of all folds (paper: a part held out; the authors' code: the
            training examples themselves, where a classifier that fits them makes C diagonal)
         2. `strength` is given (paper: 1; the authors' code chooses it by the true weights, or has 0.001)
         3. w is scaled so that the target's shares sum to 1
         4. `how=correct` is not in the paper; it needs calibrated probabilities
         5. labelled target shots join the source
See      conf/method/rlls.yaml, docs/methods/rlls.md, tests/baselines/test_label_shift.py
"""

from typing import Any

import numpy as np

from tlbench.functional.class_shares import bounded_weights, inverse_condition, rlls_radius
from tlbench.method import CrossFitted, LabelShiftMethod
from tlbench.method.checks import at_least, between
from tlbench.method.cross_fitting import guessed_shares


class Rlls(LabelShiftMethod):
    def __init__(self, *, strength: float, trust: float, **base: Any) -> None:
        super().__init__(**base)
        at_least(0, strength=strength)
        between(0, 1, trust=trust)
        self.strength, self.trust = strength, trust

    def class_weights(self, fitted: CrossFitted, target_MK: np.ndarray) -> tuple[np.ndarray, dict[str, float]]:
        confusion_KK, guessed_K = fitted.confusion_KK, guessed_shares(target_MK)
        rho = self.strength * rlls_radius(fitted.n, len(guessed_K))
        weights_K, theta_K = bounded_weights(confusion_KK, guessed_K, rho, trust=self.trust)
        told = {
            "inverse_condition": inverse_condition(confusion_KK),
            "rho": rho,
            "change": float(np.linalg.norm(theta_K)),
        }
        return weights_K, told
