"""Self-taught learning: a dictionary learnt on other unlabelled rows; the shots, written in it, train the classifier.

Paper    Raina, Battle, Lee, Packer & Ng, Self-taught Learning: Transfer Learning from Unlabeled Data, ICML 2007
Map      x -> s argmin_a |x / l - a B|^2 / 2 + alpha |a|_1, B `dim` rows of unit length learnt in the same way on the source and
         the bridges, l the root mean square length of those, s such that their codes have it too. `basis: pca`: B are their
         principal axes and a = x B' / l
Uses     inputs of the source and of the bridges, no label of them; the labelled target shots; no unlabelled target example
Departs  1. the dictionary is learnt in small batches, `rounds` times through the rows (paper: in turn on all)
         2. rows and codes are scaled by their lengths, so that `alpha` and the recipe's C mean the same on all data
         3. the classifier is the recipe's (paper: an SVM, with a Fisher kernel too)
See      conf/method/self_taught.yaml, docs/methods/self_taught.md, tests/baselines/test_self_taught.py
"""

from typing import Any, Self

import numpy as np
from sklearn.decomposition import MiniBatchDictionaryLearning, sparse_encode

from tlbench.data.inputs import Rows, dense
from tlbench.errors import Refused
from tlbench.functional.row_lengths import root_mean_square
from tlbench.functional.subspace import principal_axes
from tlbench.method import EstimatorMethod
from tlbench.method.checks import above_zero, at_least, one_of
from tlbench.seeds import stream
from tlbench.tasks import Labelled, Task


class SelfTaught(EstimatorMethod):
    family = "feature"
    needs_shots = True
    uses_bridges = True

    def __init__(self, *, basis: str, dim: int, alpha: float, rounds: int, **base: Any) -> None:
        super().__init__(**base)
        one_of(("dictionary", "pca"), basis=basis)
        at_least(1, dim=dim, rounds=rounds)
        above_zero(alpha=alpha)
        self.basis, self.dim, self.alpha, self.rounds = basis, dim, alpha, rounds

    def labelled(self, task: Task) -> list[Labelled]:
        return [] if task.shots is None else [task.shots]

    def fit(self, task: Task) -> Self:
        if task.shots is None:
            raise Refused(
                "self_taught needs labelled target examples, but protocol.shots is 0. Set protocol.shots=3, say."
            )
        rows_ND = np.concatenate([dense(rows) for rows in (task.source.inputs, *task.bridges)])
        self.length, self.scale = root_mean_square(rows_ND) or 1.0, 1.0
        self.atoms = self._learnt(rows_ND / self.length)
        codes_NK = self.features(rows_ND, "source")
        if not (own := root_mean_square(codes_NK)) > 0:
            raise Refused(f"At method.alpha={self.alpha:g} every code is 0. Set method.alpha=... lower.")
        self.scale = self.length / own
        left_ND = rows_ND / self.length - codes_NK @ self.atoms
        self.history = [{"used": float((codes_NK != 0).mean()), "left": float(np.square(left_ND).sum(axis=1).mean())}]
        self.classifier.fit(self.features(task.shots.inputs, "target"), task.shots.labels)
        return self

    def _learnt(self, rows_ND: np.ndarray) -> np.ndarray:
        if self.basis == "pca":
            return principal_axes(rows_ND, self.dim).T
        seed = int(stream(self.classifier.seed, "self_taught").integers(2**31))
        learner = MiniBatchDictionaryLearning(
            self.dim, alpha=self.alpha, max_iter=self.rounds, fit_algorithm="lars", random_state=seed, tol=0.0,
            max_no_improvement=None,
        )  # fmt: skip
        return np.asarray(learner.fit(rows_ND).components_)

    def features(self, x_ND: Rows, domain: str) -> np.ndarray:
        x_ND = dense(x_ND) / self.length
        if self.basis == "pca":
            return self.scale * (x_ND @ self.atoms.T)
        return self.scale * sparse_encode(x_ND, self.atoms, algorithm="lasso_lars", alpha=self.alpha)
