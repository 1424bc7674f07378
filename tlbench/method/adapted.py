"""Kernel ridge regression adapted in rounds: each fit from the classes that the target was given under the one before."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np
import scipy.sparse as sp

from tlbench.classifiers.closed_forms import KernelRidge
from tlbench.classifiers.estimators import NearestNeighbour
from tlbench.data.inputs import dense
from tlbench.functional.adapted_ridge import AdaptedRidge
from tlbench.functional.components import class_differences, mean_difference
from tlbench.functional.divergence import class_balance
from tlbench.functional.graph import cosine_graph, normalised
from tlbench.functional.row_lengths import unit_rows
from tlbench.method.checks import at_least, balance
from tlbench.method.estimator import EstimatorMethod
from tlbench.method.guessing import Domains

if TYPE_CHECKING:
    from tlbench.data.inputs import Rows
    from tlbench.tasks import Task


class AdaptedRidgeMethod(EstimatorMethod):
    """Base of such methods; they may map the features first.

    The first guesses are those of the nearest source example. Labelled target shots are labelled rows beside the source's; the
    domains' differences are those of the source and of the unlabelled target.

    Args:
        mu: weight of the classes' differences, 1 - mu of the marginal one; `estimated` from distances in each round.
        match: weight of the differences of the domains, >= 0.
        rho: weight of the graph of neighbours, >= 0; 0 for none.
        neighbours: of each row in that graph.
        rounds: at most; they end where the guesses no longer change.
    """

    built_on = KernelRidge
    classifier: KernelRidge

    def __init__(self, *, mu: float | str, match: float, rho: float, neighbours: int, rounds: int, **base: Any) -> None:
        super().__init__(**base)
        at_least(0, match=match, rho=rho)
        at_least(1, neighbours=neighbours, rounds=rounds)
        self.mu, self.match, self.rho = balance(mu), match, rho
        self.neighbours, self.rounds = neighbours, rounds

    def learn_map(self, source_ND: np.ndarray, target_MD: np.ndarray) -> None:
        """Learn a map of features, if the method has one."""

    def mapped(self, x_ND: np.ndarray) -> np.ndarray:
        """Map rows of either domain."""
        return x_ND

    def features(self, x_ND: Rows, domain: str) -> np.ndarray:
        return self.mapped(dense(x_ND))

    def fit(self, task: Task) -> Self:
        self.learn_map(dense(task.source.inputs), dense(task.target))
        sets = [task.source.inputs] + ([] if task.shots is None else [task.shots.inputs])
        labelled_LK = np.concatenate([self.features(x, "source") for x in sets])
        labels_L = np.concatenate([part.labels for part in self.labelled(task)])
        target_MK, n = self.features(task.target, "target"), len(task.source)
        domains = Domains(labelled_LK[:n], labels_L[:n], target_MK, task.n_classes)
        rows_NK = np.concatenate([labelled_LK, target_MK])
        targets_NC = np.zeros((len(rows_NK), task.n_classes))
        targets_NC[np.arange(len(labels_L)), labels_L] = 1.0
        coefficients_NC = self._rounds(domains, rows_NK, targets_NC)
        self.classifier.set_solution(rows_NK, coefficients_NC, np.unique(labels_L))
        return self

    def _rounds(self, domains: Domains, rows_NK: np.ndarray, targets_NC: np.ndarray) -> np.ndarray:
        """Return (N, C) coefficients after the last round; rows are the source's, the shots' and the target's."""
        n, m = len(domains.source_ND), len(domains.target_MD)
        kernel_NN = self.classifier.kernel(rows_NK, rows_NK)
        laplacian = sp.identity(len(rows_NK)) - self._graph(rows_NK) if self.rho else None
        ridge = AdaptedRidge(kernel_NN, targets_NC, laplacian, rho=self.rho, ridge=self.classifier.ridge)
        guesses_M, self.history = nearest_source(domains), []
        for _ in range(self.rounds):
            mu = self._mu(domains, guesses_M)
            e_AQ = np.concatenate(
                [
                    np.sqrt((1 - mu) * domains.n_classes) * mean_difference(n, m),
                    np.sqrt(mu) * class_differences(domains.labels_N, guesses_M, domains.n_classes),
                ],
                axis=1,
            )
            e_AQ = e_AQ / np.sqrt(np.linalg.norm(e_AQ.T @ e_AQ))
            e_NQ = np.concatenate([e_AQ[:n], np.zeros((len(rows_NK) - n - m, e_AQ.shape[1])), e_AQ[n:]])
            coefficients_NC = ridge.solve(e_NQ, self.match)
            before, guesses_M = guesses_M, (kernel_NN[-m:] @ coefficients_NC).argmax(axis=1)
            changed = float((guesses_M != before).mean())
            self.history.append({"guesses_changed": changed, "mu": mu})
            if changed == 0:
                break
        return coefficients_NC

    def _graph(self, rows_NK: np.ndarray) -> sp.csr_matrix:
        return normalised(cosine_graph(rows_NK, min(self.neighbours, len(rows_NK) - 1)))

    def _mu(self, domains: Domains, guesses_M: np.ndarray) -> float:
        if isinstance(self.mu, float):
            return self.mu
        return class_balance(domains.source_ND, domains.labels_N, domains.target_MD, guesses_M)


def nearest_source(domains: Domains) -> np.ndarray:
    """Return (M,) classes of the nearest source rows, all of unit length."""
    nearest = NearestNeighbour(n_classes=domains.n_classes, seed=0)
    nearest.fit(unit_rows(domains.source_ND), domains.labels_N)
    return nearest.predict_proba(unit_rows(domains.target_MD)).argmax(axis=1)
