"""Logistic regression of the target whose coefficients are drawn to the source's in place of 0: fine-tuning's convex twin.

Paper    Chelba & Acero, Adaptation of Maximum Entropy Capitalizer: Little Data Can Help a Lot, Computer Speech and Language 20,
         2006, section 4: a Gaussian prior whose mean is the model of the background data
Loss     sum over shots of -log p(y | x) + |V|^2 / (2 C), p = softmax((strength W_s + V) x + b), W_s the source's coefficients
Uses     source labels, through W_s alone; the labelled target shots; no unlabelled target example
Departs  1. the intercepts b are free, as the recipe's classifier has them (paper: all parameters have the prior)
         2. one variance C for all coefficients, the recipe's, which is chosen on the source (paper: on held-out target data)
         3. classes without a shot have probability 0, to which a free intercept would take them; a class that the source lacks
            has W_s = 0
Note     strength 0 is target_only; C -> 0 is the source's W_s with other intercepts
See      conf/method/prior_logistic.yaml, docs/methods/prior_logistic.md, tests/baselines/test_model_transfer.py
"""

import numpy as np

from tlbench.classifiers.estimators import Logistic
from tlbench.classifiers.linear_model import LinearModel
from tlbench.functional.anchored import anchored_logistic
from tlbench.method import TransferredMethod

TINY = np.finfo(float).tiny


class PriorLogistic(TransferredMethod):
    built_on = Logistic
    classifier: Logistic

    def adapt(
        self, source: LinearModel, x_MD: np.ndarray, labels_M: np.ndarray
    ) -> tuple[LinearModel, dict[str, float]]:
        anchor_KD = self.strength * (source.coef_KD - source.coef_KD.mean(axis=0))
        places_M = np.searchsorted(source.seen_K, labels_M)
        coef_KD, intercept_K = anchored_logistic(x_MD, places_M, anchor_KD, C=self.classifier.C)
        moved, kept = np.square(coef_KD - anchor_KD).sum(), np.square(anchor_KD).sum()
        told = {"moved": float(moved / max(moved + kept, TINY))}
        return LinearModel(coef_KD, intercept_K, source.seen_K), told
