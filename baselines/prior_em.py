"""Prior correction by EM: the class shares under which the target is most likely.

Paper    Saerens, Latinne & Decaestecker, Adjusting the Outputs of a Classifier to New a Priori Probabilities, Neural Computation
         14(1), 2002, section 2.2; calibration and p_y of Alexandari, Kundaje & Shrikumar, ICML 2020, arXiv:1901.06852
Weights  q / p, p_y the mean held-out probability of class y, q <- mean over target examples z of q_y p(y | z) / p_y, over its
         sum; then p(y | x) q_y / p_y, or the source reweighted by q_y / p_y (`how`)
Uses     source labels; target inputs
Departs  1. the probabilities are cross-fitted: p(y | z) of the target are those of the classifiers of all folds, pooled
            (Saerens: one classifier; Alexandari et al.: one, and a validation set)
         2. `how=reweight` is not in these papers
         3. at most 1000 rounds, to 1e-8
         4. labelled target shots join the source
See      conf/method/prior_em.yaml, docs/methods/prior_em.md, tests/baselines/test_label_shift.py
"""

import numpy as np

from tlbench.functional.class_shares import mixture_shares
from tlbench.method import CrossFitted, LabelShiftMethod


class PriorEM(LabelShiftMethod):
    def class_weights(self, fitted: CrossFitted, target_MK: np.ndarray) -> tuple[np.ndarray, dict[str, float]]:
        shares_K, rounds = mixture_shares(fitted.calibration(target_MK), fitted.prior_K)
        return shares_K / fitted.prior_K, {"rounds": rounds}
