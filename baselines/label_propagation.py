"""Label propagation: labels flow from the source along a graph of neighbours of both domains' rows.

Paper    Zhou et al., Learning with Local and Global Consistency, NIPS 2003, section 2
Flow     F = (1 - alpha) (I - alpha S)^-1 Y, S the normalised weights of the cosine graph of source, shots and target rows, each
         column of Y over its number of labelled rows; a row has the class of its largest share
Uses     source labels; target inputs; shots, as labelled rows
Departs  1. the graph is of nearest neighbours by cosine (paper: Gaussian weights of all pairs)
         2. a new row has the mean of its neighbours' F, weighted by its cosines to them (paper: none)
         3. a row that no label reaches has the class of the nearest labelled row: classifier=nearest_neighbour, on which the
            method is built, on rows of unit length
See      conf/method/label_propagation.yaml, docs/methods/label_propagation.md, tests/baselines/test_label_propagation.py
"""

from typing import Any, Self

import numpy as np
import scipy.sparse as sp
from scipy.sparse.linalg import splu
from sklearn.neighbors import NearestNeighbors

from tlbench.classifiers.estimators import NearestNeighbour
from tlbench.data.inputs import Rows, dense
from tlbench.functional.graph import cosine_graph, normalised
from tlbench.functional.known_rows import KnownRows
from tlbench.functional.row_lengths import unit_rows
from tlbench.method import EstimatorMethod
from tlbench.method.checks import at_least, between
from tlbench.tasks import Task


class LabelPropagation(EstimatorMethod):
    family = "self-training"
    draws = False
    built_on = NearestNeighbour

    def __init__(self, *, alpha: float, neighbours: int, **base: Any) -> None:
        super().__init__(**base)
        between(0, 0.999999, alpha=alpha)
        at_least(1, neighbours=neighbours)
        self.alpha, self.neighbours = alpha, neighbours

    def fit(self, task: Task) -> Self:
        labelled_LD = unit_rows(np.concatenate([dense(part.inputs) for part in self.labelled(task)]))
        labels_L = np.concatenate([part.labels for part in self.labelled(task)])
        self.classifier.fit(labelled_LD, labels_L)
        self.rows_ND = np.concatenate([labelled_LD, unit_rows(dense(task.target))])
        self.near = min(self.neighbours, len(self.rows_ND) - 1)
        weights_NN = normalised(cosine_graph(self.rows_ND, self.near))
        y_NC = np.zeros((len(self.rows_ND), task.n_classes))
        y_NC[np.arange(len(labels_L)), labels_L] = 1.0
        self.flow_NC = propagated(weights_NN, y_NC / np.maximum(y_NC.sum(axis=0), 1), self.alpha)
        target_MC = self.flow_NC[len(labels_L) :]
        self.history = [{"unreached": float((target_MC.max(axis=1) <= 0).mean())}]
        shares_MC = self._shares(target_MC, self.rows_ND[len(labels_L) :])
        self.known = KnownRows(dense(task.target), shares_MC)
        return self

    def _shares(self, flow_NC: np.ndarray, x_ND: np.ndarray) -> np.ndarray:
        """Return shares of the classes; those of the nearest labelled row where nothing flows."""
        total_N1 = flow_NC.sum(axis=1, keepdims=True)
        reached_N1 = total_N1 > 0
        return np.where(reached_N1, flow_NC / np.where(reached_N1, total_N1, 1), self.classifier.predict_proba(x_ND))

    def predict_proba(self, x_ND: Rows, domain: str = "target") -> np.ndarray:
        given_ND = dense(x_ND)
        x_ND = unit_rows(given_ND)
        _, near_NP = NearestNeighbors(n_neighbors=self.near, algorithm="brute").fit(self.rows_ND).kneighbors(x_ND)
        cosine_NP = np.maximum((x_ND[:, None] * self.rows_ND[near_NP]).sum(axis=2), 0.0)
        mean_NC = (cosine_NP[:, :, None] * self.flow_NC[near_NP]).sum(axis=1)
        return self.known.put_into(self._shares(mean_NC, x_ND), given_ND)


def propagated(weights_NN: sp.csr_matrix, y_NC: np.ndarray, alpha: float) -> np.ndarray:
    """Return (N, C) F = (1 - alpha) (I - alpha S)^-1 Y, at least 0, for normalised symmetric weights S and 0 <= alpha < 1."""
    system_NN = sp.csc_matrix(sp.identity(weights_NN.shape[0]) - alpha * weights_NN)
    return np.maximum((1 - alpha) * splu(system_NN).solve(y_NC), 0.0)
