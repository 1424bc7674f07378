"""Adaptive SVM: a linear SVM of the target's shots that is drawn to the source's vector in place of 0.

Paper    Yang, Yan & Hauptmann, Cross-Domain Video Concept Detection Using Adaptive SVMs, ACM Multimedia 2007;
         Aytar & Zisserman, Tabula Rasa: Model Transfer for Object Category Detection, ICCV 2011, eq. 2 (number from memory)
Loss     for each class against the rest: |v|^2 / 2 + C sum over shots of max(0, 1 - y (strength f_s(x) + v'(x, 1))),
         f_s the source's score
Uses     source labels, through f_s alone; the labelled target shots; no unlabelled target example
Departs  1. the intercept is the entry of v at a constant 1: it is drawn to the source's as the others are, and the dual has no
            equality
         2. f_s is as the recipe's classifier gives it, as in the first paper (second: its vector has length 1, so that the
            unit of the features has a say)
         3. several classes: one against the rest, the highest score wins (papers: detectors of one class)
         4. a class that the source lacks has f_s = 0; classes without a shot have probability 0
         5. C is the recipe's, chosen on the source
See      conf/method/asvm.yaml, docs/methods/asvm.md, tests/baselines/test_model_transfer.py
"""

import numpy as np

from tlbench.classifiers.estimators import LinearSVM
from tlbench.classifiers.linear_model import LinearModel, one_against_rest
from tlbench.functional.quadratic import box_qp
from tlbench.method import TransferredMethod

TOLERANCE = 1e-10
"""Of the dual's gap, relative."""


class Asvm(TransferredMethod):
    built_on = LinearSVM
    classifier: LinearSVM

    def adapt(
        self, source: LinearModel, x_MD: np.ndarray, labels_M: np.ndarray
    ) -> tuple[LinearModel, dict[str, float]]:
        kernel_MM, gaps, used = x_MD @ x_MD.T + 1.0, [], []

        def solve(place: int, positive_M: np.ndarray) -> tuple[np.ndarray, float]:
            w_D, b = self.strength * source.coef_KD[place], self.strength * source.intercept_K[place]
            sign_M = np.where(positive_M, 1.0, -1.0)
            margin_M = 1.0 - sign_M * (x_MD @ w_D + b)
            dual_M, gap = box_qp(kernel_MM * np.outer(sign_M, sign_M), margin_M, upper=self.classifier.C, tol=TOLERANCE)
            gaps.append(gap)
            used.append(float((dual_M > 0).mean()))
            return w_D + x_MD.T @ (sign_M * dual_M), b + float(sign_M @ dual_M)

        model = one_against_rest(labels_M, solve)
        return model, {"used": float(np.mean(used)), "gap": max(gaps)}
