"""A network of one hidden layer that reconstructs its inputs and tells their classes: losses, gradient, training.

h = tanh(x W + b),   reconstruction x^ = h V + c,   class probabilities p = softmax(h U + d)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from scipy.special import log_softmax


@dataclass(frozen=True)
class Layers:
    """Weights and biases: W (D, K), b (K,), V (K, D), c (D,), U (K, C), d (C,)."""

    encoder: np.ndarray
    encoder_bias: np.ndarray
    decoder: np.ndarray
    decoder_bias: np.ndarray
    head: np.ndarray
    head_bias: np.ndarray

    @property
    def arrays(self) -> list[np.ndarray]:
        return [self.encoder, self.encoder_bias, self.decoder, self.decoder_bias, self.head, self.head_bias]

    def flat(self) -> np.ndarray:
        """Return all numbers in one vector (P,)."""
        return np.concatenate([array.ravel() for array in self.arrays])

    def like(self, flat_P: np.ndarray) -> Layers:
        """Return layers of the same shapes with these numbers."""
        ends = np.cumsum([array.size for array in self.arrays])[:-1]
        pieces = np.split(flat_P, ends)
        return Layers(*(piece.reshape(array.shape) for piece, array in zip(pieces, self.arrays, strict=True)))


@dataclass(frozen=True)
class Said:
    """What a network says of rows: hidden (N, K), what is left of the rows, x^ - x (N, D), and log probabilities (N, C)."""

    hidden: np.ndarray
    left: np.ndarray
    log_p: np.ndarray

    @property
    def reconstruction(self) -> np.ndarray:
        """(N,) squared length of what is left."""
        return np.square(self.left).sum(axis=1)

    @property
    def entropy(self) -> np.ndarray:
        """(N,) entropy of the class probabilities, in nats."""
        return -(np.exp(self.log_p) * self.log_p).sum(axis=1)

    def cross_entropy(self, targets_NC: np.ndarray) -> np.ndarray:
        """Return (N,) for one-hot rows; 0 where a row is of zeros."""
        return -(targets_NC * self.log_p).sum(axis=1)


@dataclass(frozen=True)
class Weighed:
    """Rows (N, D), one-hot classes (N, C) with zeros where none is known, and how much each loss of a row counts, (N,) each."""

    rows: np.ndarray
    targets: np.ndarray
    by_class: np.ndarray
    by_entropy: np.ndarray
    by_reconstruction: np.ndarray


def drawn_layers(n_features: int, dim: int, n_classes: int, rng: np.random.Generator) -> Layers:
    """Return layers before training: directions of about unit length in the encoder, zeros in all else, so that no class and
    no feature differs from another before training."""
    encoder_DK = rng.normal(size=(n_features, dim)) / np.sqrt(n_features)
    return Layers(
        encoder_DK,
        np.zeros(dim),
        np.zeros((dim, n_features)),
        np.zeros(n_features),
        np.zeros((dim, n_classes)),
        np.zeros(n_classes),
    )


def said_of(layers: Layers, x_ND: np.ndarray) -> Said:
    """Return what the network says of rows (N, D)."""
    hidden_NK = np.tanh(x_ND @ layers.encoder + layers.encoder_bias)
    left_ND = hidden_NK @ layers.decoder + layers.decoder_bias - x_ND
    return Said(hidden_NK, left_ND, log_softmax(hidden_NK @ layers.head + layers.head_bias, axis=1))


def objective(layers: Layers, given: Weighed, decay: float) -> tuple[float, Layers]:
    """Return the weighted sum of the rows' losses + decay / 2 (|W|^2 + |V|^2 + |U|^2), and its gradient, as layers."""
    said = said_of(layers, given.rows)
    p_NC = np.exp(said.log_p)
    value = (
        given.by_class @ said.cross_entropy(given.targets)
        + given.by_entropy @ said.entropy
        + given.by_reconstruction @ said.reconstruction
        + decay / 2 * sum(np.square(array).sum() for array in (layers.encoder, layers.decoder, layers.head))
    )
    known_N = given.by_class * given.targets.sum(axis=1)
    scores_NC = (
        known_N[:, None] * p_NC
        - given.by_class[:, None] * given.targets
        - given.by_entropy[:, None] * p_NC * (said.log_p + said.entropy[:, None])  # dH / dz_j = -p_j (ln p_j + H)
    )
    left_ND = 2 * given.by_reconstruction[:, None] * said.left
    inner_NK = (left_ND @ layers.decoder.T + scores_NC @ layers.head.T) * (1 - said.hidden**2)
    slope = Layers(
        given.rows.T @ inner_NK + decay * layers.encoder,
        inner_NK.sum(axis=0),
        said.hidden.T @ left_ND + decay * layers.decoder,
        left_ND.sum(axis=0),
        said.hidden.T @ scores_NC + decay * layers.head,
        scores_NC.sum(axis=0),
    )
    return float(value), slope


def trained(layers: Layers, given: Weighed, *, decay: float, steps: int, tolerance: float) -> tuple[Layers, float]:
    """Return the layers after L-BFGS on all weights together, and the objective there, never above the one at the start.

    It ends where a step lowers the objective by less than `tolerance` (of it, where it is above 1), or after `steps` of them.
    """

    def at(flat_P: np.ndarray) -> tuple[float, np.ndarray]:
        value, slope = objective(layers.like(flat_P), given, decay)
        return value, slope.flat()

    options = {"maxiter": steps, "maxfun": 10 * steps, "ftol": tolerance, "gtol": 0.0}
    found = minimize(at, layers.flat(), jac=True, method="L-BFGS-B", options=options)
    return layers.like(found.x), float(found.fun)
