"""mSDA: stacked denoising autoencoders with the corruption marginalised out, so that each layer is a linear system.

Paper    Chen, Xu, Weinberger & Sha, Marginalized Denoising Autoencoders for Domain Adaptation, ICML 2012, arXiv:1206.4683
Layer    W = E[P] E[Q]^-1 (eqs. 4 to 6), h = tanh(W [x; 1]); the constant is never corrupted
Output   the input and the h of all layers, side by side
Uses     source and target training inputs, no labels
Departs  1. fitted in 64 bits, kept and applied in 32
         2. all features are reconstructed at once (section 5 of the paper has an approximation for more features than that takes)
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
import torch
from scipy.linalg import lapack
from torch import Tensor, nn

from tlbench.backbones.kept_fits import kept_fit
from tlbench.data.inputs import Inputs, dense_float32
from tlbench.errors import TlbenchError

WIDEST = 20_000
"""Features of the input at most: a layer inverts a matrix of that side, 3 GB."""
WORTH_KEEPING = 1_000
"""Features from which on a fit takes longer than to read it from a file."""


class MSDA(nn.Module):
    """(B, ...) inputs, D numbers each, to (B, (layers + 1) * D). Nothing in it is trained; it has no weights until it is fitted.

    Args:
        layers: 1 or more.
        corruption: probability p that a feature is set to 0, in [0, 1).
        ridge: added to the diagonal of E[Q], which is a sum over examples; > 0, or 0 where no feature is constantly 0. The
            constant has none.
    """

    def __init__(self, *, input_shape: Sequence[int], layers: int, corruption: float, ridge: float) -> None:
        super().__init__()
        if layers < 1:
            raise TlbenchError(f"backbone.layers must be 1 or more, got {layers}.")
        if not 0 <= corruption < 1 or not ridge >= 0:
            raise TlbenchError(
                f"backbone.corruption must be in [0, 1) and backbone.ridge 0 or more, got {corruption} and {ridge}."
            )
        self.width = int(np.prod(input_shape))
        if self.width > WIDEST:
            raise TlbenchError(
                f"backbone=msda reconstructs all features from all others and takes up to {WIDEST}, but an example has "
                f"{self.width}. Use another backbone."
            )
        self.layers, self.corruption, self.ridge = layers, float(corruption), float(ridge)
        self.out_dim = (layers + 1) * self.width
        self.fitted_to: str | None = None
        self.register_buffer("maps", torch.empty(0))

    def fit_inputs(self, source: Inputs, target: Inputs) -> None:
        """Fit all layers to the rows of both. Their order is without effect, so a pair and its reverse have one fit."""
        rows_ND, digest = _in_own_order(np.concatenate([_flat(source), _flat(target)]))
        key = hashlib.sha256(f"1 {digest} {self.layers} {self.corruption!r} {self.ridge!r}".encode()).hexdigest()[:20]
        if key == self.fitted_to:
            return

        def fit() -> np.ndarray:
            return stacked_maps(rows_ND, self.layers, self.corruption, self.ridge)

        maps = kept_fit("msda", key, fit) if self.width >= WORTH_KEEPING else fit()
        self.maps, self.fitted_to = torch.from_numpy(maps), key

    def forward(self, x: Tensor) -> Tensor:
        if self.fitted_to is None:
            raise TlbenchError("backbone=msda was not fitted to inputs. Use backbone.mode=frozen.")
        layers = [x.flatten(1)]
        for map_DE in self.maps:
            layers.append(torch.tanh(nn.functional.linear(layers[-1], map_DE[:, :-1], map_DE[:, -1])))
        return torch.cat(layers, dim=1)


def stacked_maps(x_ND: np.ndarray, layers: int, corruption: float, ridge: float) -> np.ndarray:
    """Return the maps of all layers, (layers, D, D + 1) float32, each fitted to the outputs of the one before."""
    h_ND, d = x_ND.astype(np.float64), x_ND.shape[1]
    maps = np.empty((layers, d, d + 1), dtype=np.float32)
    for layer in range(layers):
        maps[layer] = map_DE = denoising_map(h_ND, corruption, ridge)
        if layer + 1 < layers:
            h_ND = np.tanh(h_ND @ map_DE[:, :-1].T + map_DE[:, -1])
    return maps


def denoising_map(x_ND: np.ndarray, corruption: float, ridge: float) -> np.ndarray:
    """Return the W (D, D + 1) of least expected sum over rows of |x - W [x~; 1]|^2 plus ridge |W without its last column|^2.

    x~ is x with each feature set to 0 with probability p = corruption, independently. With the scatter S of [x; 1] and q = 1 - p
    (1 for the constant): E[P]_ij = S_ij q_j; E[Q]_ij = q_i S_ij q_j, but q_i S_ii on the diagonal (the paper's eq. 5).
    For the features, (1 - p) E[P] is E[Q] + ridge less a diagonal d_i = p (1 - p) S_ii + ridge, hence
    W = (I - diag(d) (E[Q] + ridge)^-1) / (1 - p): one inverse in place of D + 1 right-hand sides, a third of the work.

    Raises:
        TlbenchError: the matrix is singular, which a ridge prevents.
    """
    n, d = x_ND.shape
    q_E = np.append(np.full(d, 1.0 - corruption), 1.0)
    ones_ND = np.column_stack([x_ND, np.ones(n)])
    corrupted_EE = ones_ND.T @ ones_ND
    own_D = corrupted_EE.diagonal()[:d].copy()
    corrupted_EE *= q_E[:, None]
    corrupted_EE *= q_E
    corrupted_EE[range(d), range(d)] = (1.0 - corruption) * own_D + ridge
    inverse_EE = _inverse(corrupted_EE)
    map_DE = (corruption * (1.0 - corruption) * own_D + ridge)[:, None] * -inverse_EE[:d]
    map_DE[range(d), range(d)] += 1.0
    return map_DE / (1.0 - corruption)


def _inverse(matrix_EE: np.ndarray) -> np.ndarray:
    """Compute the inverse of a symmetric positive definite matrix, which is overwritten."""
    # transposed: in LAPACK's order, uncopied
    factor_EE, failed = lapack.dpotrf(matrix_EE.T, lower=True, overwrite_a=True)
    if not failed:
        inverse_EE, failed = lapack.dpotri(factor_EE, lower=True, overwrite_c=True)
    if failed:
        raise TlbenchError("backbone=msda has a singular matrix to invert. Set a larger backbone.ridge, such as 1e-5.")
    inverse_EE = np.tril(inverse_EE)
    return inverse_EE + np.tril(inverse_EE, -1).T


def _flat(inputs: Inputs) -> np.ndarray:
    return dense_float32(inputs).reshape(inputs.shape[0], -1)


def _in_own_order(rows_ND: np.ndarray) -> tuple[np.ndarray, str]:
    """Sort rows by a hash of their content, so that sums are rounded alike in any order, and return a hash of them all, too."""
    digests = [hashlib.sha256(row.data).digest() for row in rows_ND]
    order = sorted(range(len(digests)), key=digests.__getitem__)
    return rows_ND[order], hashlib.sha256(b"".join(digests[i] for i in order)).hexdigest()
