"""Graphs of nearest neighbours by cosine."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
from sklearn.neighbors import NearestNeighbors

from tlbench.functional.row_lengths import unit_rows


def cosine_graph(x_ND: np.ndarray, neighbours: int) -> sp.csr_matrix:
    """Return (N, N) symmetric weights: the cosine of two rows where either is among the other's nearest `neighbours`, else 0.

    Cosines below 0 count as 0, and no row is its own neighbour.

    Raises:
        ValueError: neighbours is below 1 or not below the number of rows.
    """
    n = len(x_ND)
    if not 1 <= neighbours < n:
        raise ValueError(f"A graph of {n} rows has 1 to {n - 1} neighbours a row, got {neighbours}.")
    unit_ND = unit_rows(x_ND)
    _, near_NP = NearestNeighbors(n_neighbors=neighbours, algorithm="brute").fit(unit_ND).kneighbors()
    row_E, column_E = np.repeat(np.arange(n), neighbours), near_NP.ravel()
    weight_E = np.maximum(np.einsum("ed,ed->e", unit_ND[row_E], unit_ND[column_E]), 0.0)
    one_way_NN = sp.csr_matrix((weight_E, (row_E, column_E)), shape=(n, n))
    return one_way_NN.maximum(one_way_NN.T).tocsr()


def normalised(weights_NN: sp.csr_matrix) -> sp.csr_matrix:
    """Return D^-1/2 W D^-1/2, D the row sums; a row without a neighbour stays zero. I minus it is the normalised Laplacian."""
    degree_N = np.asarray(weights_NN.sum(axis=1)).ravel()
    root_N = np.divide(1.0, np.sqrt(degree_N), out=np.zeros_like(degree_N), where=degree_N > 0)
    return sp.csr_matrix(sp.diags(root_N) @ weights_NN @ sp.diags(root_N))
