"""Features and predictions together, as a domain classifier sees them (CDAN, and what is built on it).

Paper: Long et al., Conditional Adversarial Domain Adaptation, NeurIPS 2018, arXiv:1705.10667, section 3.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


def multilinear_map(features_ND: Tensor, probabilities_NC: Tensor) -> Tensor:
    """Return (N, D * C) products of each feature with each probability of the same example; probabilities run fastest."""
    return (features_ND[:, :, None] * probabilities_NC[:, None, :]).flatten(1)


def random_multilinear_map(features_ND: Tensor, probabilities_NC: Tensor, map_DK: Tensor, map_CK: Tensor) -> Tensor:
    """Return (N, K) (f R_f) * (p R_p) / sqrt(K), entry by entry (eq. 6): on average, inner products of `multilinear_map`."""
    return (features_ND @ map_DK) * (probabilities_NC @ map_CK) / map_DK.shape[1] ** 0.5


class RandomMap(nn.Module):
    """`random_multilinear_map` with matrices of standard normal entries, drawn once and kept in the checkpoints."""

    map_DK: Tensor
    map_CK: Tensor

    def __init__(self, d: int, c: int, k: int) -> None:
        super().__init__()
        self.register_buffer("map_DK", torch.randn(d, k))
        self.register_buffer("map_CK", torch.randn(c, k))

    def forward(self, features_ND: Tensor, probabilities_NC: Tensor) -> Tensor:
        return random_multilinear_map(features_ND, probabilities_NC, self.map_DK, self.map_CK)
