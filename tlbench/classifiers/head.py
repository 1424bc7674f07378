"""The classifier of gradient methods: a bottleneck and a linear layer, trained with the backbone."""

from __future__ import annotations

from torch import Tensor, nn

from tlbench.errors import TlbenchError


class Head(nn.Module):
    """Bottleneck (linear, ReLU, dropout) and linear classifier: (B, in_dim) to features (B, F), logits (B, C).

    What methods adapt are the features that enter the last layer.

    Args:
        bottleneck: width F of the bottleneck; 0 = none, the features are the backbone's.
        dropout: share of bottleneck features dropped in training.
    """

    learner = "gradient"

    def __init__(self, *, in_dim: int, n_classes: int, bottleneck: int, dropout: float) -> None:
        super().__init__()
        if bottleneck < 0 or not 0 <= dropout < 1:
            raise TlbenchError(
                f"classifier.bottleneck must be 0 or more and classifier.dropout in [0, 1), got {bottleneck} and {dropout}."
            )
        self.feature_dim = bottleneck or in_dim
        layers = [nn.Linear(in_dim, bottleneck), nn.ReLU(), nn.Dropout(dropout)] if bottleneck else []
        self.bottleneck = nn.Sequential(*layers)
        self.last = nn.Linear(self.feature_dim, n_classes)

    def forward(self, x_BD: Tensor) -> tuple[Tensor, Tensor]:
        features_BF = self.bottleneck(x_BD)
        return features_BF, self.last(features_BF)


class Network(nn.Module):
    """Backbone and head: (B, ...) to features (B, F) and logits (B, C)."""

    def __init__(self, backbone: nn.Module, head: Head) -> None:
        super().__init__()
        self.backbone, self.head = backbone, head

    @property
    def feature_dim(self) -> int:
        return self.head.feature_dim

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return self.head(self.backbone(x))
