"""Frustratingly easy domain adaptation: what the domains share and what is each one's own, learnt as one by one classifier.

Paper    Daume, Frustratingly Easy Domain Adaptation, ACL 2007, arXiv:0907.1815, eq. 1 and section 3.2;
         Evgeniou & Pontil, Regularized Multi-Task Learning, KDD 2004, for `own` other than 1
Map      x of domain k: (x, sqrt(own) x at block k, 0 elsewhere) / sqrt(1 + own); as a kernel
         K (1 + own [same domain]) / (1 + own)
Uses     source labels; the labelled target shots; no unlabelled target example
Departs  1. divided by 1 + own, so that an example keeps its length and the recipe's C its meaning (paper: own = 1, lengths
            grow by sqrt 2, C is chosen on the augmented data)
         2. a source example of an unknown one of S sources, in validation, has 1 / S of its own part in each of their blocks
Note     own = 0 is source_and_target; for own -> inf the domains share the intercept alone, and it is nearly target_only
See      conf/method/feda.yaml, docs/methods/feda.md, tests/baselines/test_feda.py
"""

from typing import Any, Self

import numpy as np
import scipy.sparse as sp

from tlbench.classifiers.estimators import LinearSVM
from tlbench.data.inputs import Rows, stack
from tlbench.errors import Refused
from tlbench.method import EstimatorMethod
from tlbench.method.checks import at_least
from tlbench.tasks import Task


class Feda(EstimatorMethod):
    family = "feature"
    draws = False
    needs_shots = True

    def __init__(self, *, own: float, **base: Any) -> None:
        super().__init__(**base)
        at_least(0, own=own)
        self.own = own

    def fit(self, task: Task) -> Self:
        if task.shots is None:
            raise Refused("feda needs labelled target examples, but protocol.shots is 0. Set protocol.shots=3, say.")
        n_sources = len(task.source_names)
        source_N = np.zeros(len(task.source), dtype=int) if task.source_of is None else task.source_of
        block_N = np.concatenate([source_N, np.full(len(task.shots), n_sources)])
        belongs_NB = np.eye(n_sources + 1)[block_N]
        self.belongs = {
            "source": np.append(np.full(n_sources, 1.0 / n_sources), 0.0),
            "target": belongs_NB[-1],
        }
        rows_ND = stack([task.source.inputs, task.shots.inputs])
        labels_N = np.concatenate([task.source.labels, task.shots.labels])
        if isinstance(self.classifier, LinearSVM):  # of 3 D columns an SVM needs the kernel alone
            self.rows, self.belongs_NB = rows_ND, belongs_NB
            kernel_NN = self.classifier.kernel(rows_ND, rows_ND)
            self.classifier.fit_kernel(shared(kernel_NN, belongs_NB @ belongs_NB.T, self.own), labels_N)
        else:
            self.classifier.fit(augmented(rows_ND, belongs_NB, self.own), labels_N)
        return self

    def features(self, x_ND: Rows, domain: str) -> Rows:
        if isinstance(self.classifier, LinearSVM):
            return x_ND
        return augmented(x_ND, np.tile(self.belongs[domain], (x_ND.shape[0], 1)), self.own)

    def predict_proba(self, x_ND: Rows, domain: str = "target") -> np.ndarray:
        if not isinstance(self.classifier, LinearSVM):
            return super().predict_proba(x_ND, domain)
        kernel_MN = self.classifier.kernel(x_ND, self.rows)
        return self.classifier.proba_of_kernel(shared(kernel_MN, self.belongs_NB @ self.belongs[domain], self.own))


def shared(kernel_MN: np.ndarray, same: np.ndarray, own: float) -> np.ndarray:
    """Return K (1 + own [same domain]) / (1 + own); `same`: (M, N), or (N,) for all rows."""
    return kernel_MN * ((1.0 + own * same) / (1.0 + own))


def augmented(x_ND: Rows, belongs_NB: np.ndarray, own: float) -> Rows:
    """Return (N, (1 + B) D) rows: x, and sqrt(own) x times its share in each of B blocks, all over sqrt(1 + own).

    Args:
        belongs_NB: shares of each row in the domains, 1 in its own. Sparse rows stay sparse.
    """
    parts_N = [np.ones(len(belongs_NB)), *(np.sqrt(own) * belongs_NB.T)]
    if sp.issparse(x_ND):
        return sp.csr_matrix(sp.hstack([sp.diags(part_N / np.sqrt(1.0 + own)) @ x_ND for part_N in parts_N]))
    return np.concatenate([x_ND * part_N[:, None] for part_N in parts_N], axis=1) / np.sqrt(1.0 + own)
