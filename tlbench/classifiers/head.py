"""The classifier of gradient methods: a bottleneck and a linear layer, trained with the backbone."""

from __future__ import annotations

from typing import Literal

from torch import Tensor, nn

from tlbench.errors import TlbenchError

NORMS = {"none": None, "batch": nn.BatchNorm1d, "layer": nn.LayerNorm}
ACTIVATIONS = {"relu": nn.ReLU, "sigmoid": nn.Sigmoid}


class Head(nn.Module):
    """Bottleneck (linear, norm, activation, dropout) and linear classifier: (B, in_dim) to features (B, F), logits (B, C).

    What methods adapt are the features that enter the last layer.

    Args:
        bottleneck: width F of the bottleneck; 0 = none, the features are the backbone's.
        norm: `none`, `batch` or `layer`, before the ReLU.
        dropout: share of bottleneck features dropped in training.
        activation: `relu` or `sigmoid`, after the norm.
    """

    learner = "gradient"

    def __init__(
        self,
        *,
        in_dim: int,
        n_classes: int,
        bottleneck: int,
        dropout: float,
        norm: Literal["none", "batch", "layer"] = "none",
        activation: Literal["relu", "sigmoid"] = "relu",
    ) -> None:
        super().__init__()
        if bottleneck < 0 or not 0 <= dropout < 1:
            raise TlbenchError(
                f"classifier.bottleneck must be 0 or more and classifier.dropout in [0, 1), got {bottleneck} and {dropout}."
            )
        if norm not in NORMS:
            raise TlbenchError(f"classifier.norm must be {', '.join(NORMS)}, got '{norm}'.")
        if activation not in ACTIVATIONS:
            raise TlbenchError(f"classifier.activation must be {' or '.join(ACTIVATIONS)}, got '{activation}'.")
        self.feature_dim, self.n_classes = bottleneck or in_dim, n_classes
        layers: list[nn.Module] = []
        if bottleneck:
            kind = NORMS[norm]
            between = [] if kind is None else [kind(bottleneck)]
            layers = [nn.Linear(in_dim, bottleneck), *between, ACTIVATIONS[activation](), nn.Dropout(dropout)]
        self.bottleneck = nn.Sequential(*layers)
        self.last = nn.Linear(self.feature_dim, n_classes)

    def forward(self, x_BD: Tensor) -> tuple[Tensor, Tensor]:
        features_BF = self.bottleneck(x_BD)
        return features_BF, self.last(features_BF)
