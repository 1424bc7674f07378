"""Black box shift estimation: the class shares under which the classifier's guesses on the target are as frequent as they are.

Paper    Lipton, Wang & Smola, Detecting and Correcting for Label Shift with Black Box Predictors, ICML 2018, arXiv:1802.03916,
         proposition 2
Weights  w = C^-1 mu, negative ones 0; C_ij the share of held-out examples with guess i and label j, mu the shares of guesses on
         the target; then the source is reweighted by w_y, or p(y | x) w_y taken (`how`)
Uses     source labels; target inputs
Departs  1. C is cross-fitted, mu the guesses of the classifiers of all folds (paper: a half of the source held out)
         2. where C is singular, w is the solution nearest to 1 (paper: no answer)
         3. w is scaled so that the target's shares sum to 1 after the cut
         4. `how=correct` is not in the paper; it needs calibrated probabilities
         5. labelled target shots join the source
See      conf/method/bbse.yaml, docs/methods/bbse.md, tests/baselines/test_label_shift.py
"""

import numpy as np

from tlbench.functional.class_shares import inverse_condition, solved_weights
from tlbench.method import CrossFitted, LabelShiftMethod
from tlbench.method.cross_fitting import guessed_shares


class Bbse(LabelShiftMethod):
    def class_weights(self, fitted: CrossFitted, target_MK: np.ndarray) -> tuple[np.ndarray, dict[str, float]]:
        weights_K = solved_weights(fitted.confusion_KK, guessed_shares(target_MK))
        told = {
            "inverse_condition": inverse_condition(fitted.confusion_KK),
            "cut": float((weights_K == 0).mean()),
        }
        return weights_K, told
