"""Projective model transfer SVM: a linear SVM of the target's shots that pays for what is not along the source's vector.

Paper    Aytar & Zisserman, Tabula Rasa: Model Transfer for Object Category Detection, ICCV 2011, eqs. 4-5 (numbers from memory)
Loss     for each class against the rest: |w|^2 / 2 + strength |P w|^2 + C sum over shots of max(0, 1 - y (w'x + b)) under
         w_s'w >= 0, P = I - w_s w_s' / |w_s|^2, w_s the source's vector
Uses     source labels, through w_s alone; the labelled target shots; no unlabelled target example
Departs  1. several classes: one against the rest, the highest score wins (paper: detectors of one class)
         2. a class that the source lacks has a plain SVM, strength 0; classes without a shot have probability 0
         3. C is the recipe's, chosen on the source
Note     it is a plain SVM on rows whose part across w_s is divided by sqrt(1 + 2 strength): a kernel. Where w_s'w < 0 comes
         out, the minimum lies on the edge w_s'w = 0, since the problem is convex: a second fit without the part along w_s
See      conf/method/pmt_svm.yaml, docs/methods/pmt_svm.md, tests/baselines/test_model_transfer.py
"""

import numpy as np

from tlbench.classifiers.estimators import LinearSVM
from tlbench.classifiers.linear_model import LinearModel, one_against_rest, svm_dual
from tlbench.method import TransferredMethod

TINY = np.finfo(float).tiny


class PmtSvm(TransferredMethod):
    built_on = LinearSVM
    classifier: LinearSVM

    def adapt(
        self, source: LinearModel, x_MD: np.ndarray, labels_M: np.ndarray
    ) -> tuple[LinearModel, dict[str, float]]:
        kernel_MM, edge, along = x_MD @ x_MD.T, [], []

        def solve(place: int, positive_M: np.ndarray) -> tuple[np.ndarray, float]:
            unit_D, length = source.coef_KD[place], np.linalg.norm(source.coef_KD[place])
            if length == 0:
                dual_M, b = svm_dual(self.classifier, kernel_MM, positive_M)
                return x_MD.T @ dual_M, b
            unit_D = unit_D / length
            score_M = x_MD @ unit_D
            across_MM = (kernel_MM - np.outer(score_M, score_M)) / (1.0 + 2.0 * self.strength)
            dual_M, b = svm_dual(self.classifier, across_MM + np.outer(score_M, score_M), positive_M)
            forward = float(score_M @ dual_M)
            edge.append(float(forward < 0))
            if forward < 0:
                dual_M, b = svm_dual(self.classifier, across_MM, positive_M)
                forward = 0.0
            across_D = (x_MD.T @ dual_M - (score_M @ dual_M) * unit_D) / (1.0 + 2.0 * self.strength)
            along.append(forward**2 / max(forward**2 + float(across_D @ across_D), TINY))
            return forward * unit_D + across_D, b

        model = one_against_rest(labels_M, solve)
        return model, {"along": float(np.mean(along or [0.0])), "edge": float(np.mean(edge or [0.0]))}
