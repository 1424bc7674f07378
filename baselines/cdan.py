"""CDAN: a domain classifier that sees features and predictions together, by gradient reversal.

Paper    Long et al., Conditional Adversarial Domain Adaptation, NeurIPS 2018, arXiv:1705.10667, section 3
Loss     cross-entropy(source) + weight * [BCE(D(h_s), 1) + BCE(D(h_t), 0)] / 2, h = R(f) x softmax(logits), flattened;
         R is the identity forward and -lambda backward, lambda = 2 / (1 + exp(-gamma p)) - 1
Uses     source labels; target inputs only
Departs  1. no gradient passes through the probabilities, neither in h nor in the entropy weights (paper: says nothing of it)
         2. the discriminator's learning rate is the head's
         3. the domain loss is the mean of the two domains' losses (paper: their sum, which is weight=2)
         4. entropy weights count in proportion to their domain's sum (paper: as they are, between 1 and 2)
         5. the random map is taken where it is asked for (paper: where features x classes > 4096)
Note     entropy=true is CDAN+E; with one class h = f, and the method is DANN
See      conf/method/cdan.yaml, docs/methods/cdan.md, tests/baselines/test_cdan.py
"""

from typing import Any

import torch
from torch import Tensor, nn

from tlbench.errors import TlbenchError
from tlbench.functional.adversarial import domain_loss, reversal_strength, reverse_gradient
from tlbench.functional.entropy import certainty
from tlbench.method import GradientMethod, SourceOutput, TargetOutput


class Cdan(GradientMethod):
    family = "adversarial"

    def __init__(
        self, *, weight: float, gamma: float, hidden: int, entropy: bool, randomised: int | None, **base: Any
    ) -> None:
        super().__init__(**base)
        if not (weight >= 0 and gamma > 0 and hidden >= 1):
            raise TlbenchError(
                f"method.weight >= 0, method.gamma > 0 and method.hidden >= 1 are needed, got {weight}, {gamma}, {hidden}."
            )
        if randomised is not None and (type(randomised) is not int or randomised < 1):
            raise TlbenchError(f"method.randomised must be null or a whole number of 1 or more, got {randomised!r}.")
        self.weight, self.gamma, self.entropy = weight, gamma, entropy
        d, c = self.network.feature_dim, self.network.n_classes
        self.discriminator = nn.Sequential(
            nn.Linear(randomised or d * c, hidden),
            nn.ReLU(),
            nn.Linear(hidden, hidden),
            nn.ReLU(),
            nn.Linear(hidden, 1),
        )
        self.maps = None if randomised is None else RandomMap(d, c, randomised)

    def adaptation_terms(self, source: SourceOutput, target: TargetOutput) -> dict[str, Tensor]:
        strength = reversal_strength(self.progress, self.gamma)
        features = reverse_gradient(torch.cat([source.features, target.features]), strength)
        probabilities = torch.cat([source.logits, target.logits]).detach().softmax(dim=1)
        joint = multilinear_map if self.maps is None else self.maps
        logits = self.discriminator(joint(features, probabilities)).squeeze(1)
        weights = certainty(probabilities) if self.entropy else None
        return {"domain": self.weight * domain_loss(logits, len(source.features), weights)}


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
