"""EasyTL: nearest class mean after CORAL, with every class asked to have one target example at least.

Paper    Wang et al., Easy Transfer Learning by Exploiting Intra-domain Structures, ICME 2019, arXiv:1904.01376, eqs. 1-5
Map      source rows recoloured to the target's covariance (CORAL, ridge 1)
Program  min sum_cj d_cj p_cj over p >= 0, sum_c p_cj = 1 for each target row j, sum_j p_cj >= 1 for each class c;
         d the Euclidean distance of row j to the mean of class c
Uses     source labels; target inputs; shots join the recoloured source as they are
Departs  1. new examples, which no program knows, get the class of the nearest mean
         2. a class that no labelled example has is left out of the program
Note     where every class is the nearest of some row, the program's answer is the nearest mean's: the constraint binds nowhere.
         `program_moved` of the history is the share of target rows for which it does
See      conf/method/easytl.yaml, docs/methods/easytl.md, tests/baselines/test_easytl.py
"""

from typing import Any, Self

import numpy as np
import scipy.sparse as sp
from scipy.optimize import linprog

from tlbench.classifiers.closed_forms import NearestMean
from tlbench.data.inputs import Rows, dense
from tlbench.errors import Refused
from tlbench.functional.known_rows import KnownRows
from tlbench.functional.powers import recolour, times_power
from tlbench.method import EstimatorMethod
from tlbench.method.checks import above_zero, one_of
from tlbench.tasks import Task


class EasyTL(EstimatorMethod):
    family = "feature"
    draws = False
    built_on = NearestMean
    classifier: NearestMean

    def __init__(self, *, align: str, ridge: float, program: bool, **base: Any) -> None:
        super().__init__(**base)
        one_of(("coral", "none"), align=align)
        above_zero(ridge=ridge)
        self.align, self.ridge, self.program = align, ridge, program

    def fit(self, task: Task) -> Self:
        self.source, self.target = dense(task.source.inputs), dense(task.target)
        aligned = self.align == "coral"
        blocks = [recolour(self.source, self.target, self.ridge) if aligned else self.source]
        if task.shots is not None:
            blocks.append(dense(task.shots.inputs))
        labels = np.concatenate([part.labels for part in self.labelled(task)])
        self.classifier.fit(np.concatenate(blocks), labels)
        self.moved = KnownRows(self.target[:0], self.target[:0])
        if self.program:
            self.moved = self._solved()
            self.history = [{"program_moved": len(self.moved) / len(self.target)}]
        return self

    def _solved(self) -> KnownRows:
        """Return the program's shares of each target row whose class is not that of the nearest mean."""
        distances_MK = np.sqrt(self.classifier.distances(self.target))
        if len(self.target) < distances_MK.shape[1]:
            raise Refused(
                f"easytl asks for a target example of each of {distances_MK.shape[1]} classes, and there are "
                f"{len(self.target)} examples. Set method.program=false."
            )
        shares_MK = class_program(distances_MK)
        moved = shares_MK.argmax(axis=1) != distances_MK.argmin(axis=1)
        return KnownRows(self.target[moved], self.classifier.in_columns(shares_MK[moved], self.classifier.seen_K))

    def features(self, x_ND: Rows, domain: str) -> np.ndarray:
        x_ND = dense(x_ND)
        if domain == "target" or self.align == "none":
            return x_ND
        return times_power(times_power(x_ND, self.source, self.ridge, -0.5), self.target, self.ridge, 0.5)

    def predict_proba(self, x_ND: Rows, domain: str = "target") -> np.ndarray:
        probabilities_NC = super().predict_proba(x_ND, domain)
        return self.moved.put_into(probabilities_NC, dense(x_ND)) if domain == "target" else probabilities_NC


def class_program(distances_MK: np.ndarray) -> np.ndarray:
    """Return (M, K) shares p of the classes in each row: least sum of p d, rows sum to 1, each class to 1 or more (eqs. 2-5).

    Raises:
        ValueError: there are fewer rows than classes, so no shares will do.
    """
    m, k = distances_MK.shape
    if m < k:
        raise ValueError(f"{m} rows cannot hold one of each of {k} classes.")
    rows = sp.kron(sp.identity(m), np.ones((1, k)), format="csr")
    classes = sp.kron(np.ones((1, m)), sp.identity(k), format="csr")
    solved = linprog(distances_MK.ravel(), A_ub=-classes, b_ub=-np.ones(k), A_eq=rows, b_eq=np.ones(m), method="highs")
    return solved.x.reshape(m, k)
