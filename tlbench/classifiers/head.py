"""The classifier of gradient methods: a bottleneck and a linear layer, trained with the backbone."""

from __future__ import annotations

from typing import Any, Literal

from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils import parametrizations

from tlbench.errors import TlbenchError

NORMS = {"none": None, "batch": nn.BatchNorm1d, "layer": nn.LayerNorm}
ACTIVATIONS = {"relu": nn.ReLU, "sigmoid": nn.Sigmoid, "none": nn.Identity}

LAST = ("linear", "cosine", "weight_norm")


class CosineLayer(nn.Module):
    """Logits W f / (|f| temperature), without a bias (Chen et al., ICLR 2019, arXiv:1904.04232; MME, ICCV 2019, section 3.1)."""

    def __init__(self, width: int, n_classes: int, temperature: float) -> None:
        super().__init__()
        self.weight = nn.Linear(width, n_classes, bias=False).weight
        self.temperature = temperature

    def forward(self, x_BF: Tensor) -> Tensor:
        return F.linear(F.normalize(x_BF, dim=1), self.weight) / self.temperature


class Head(nn.Module):
    """Bottleneck (linear, norm, activation, dropout) and last layer: (B, in_dim) to features (B, F), logits (B, C).

    What methods adapt are the features that enter the last layer.

    Args:
        bottleneck: width F of the bottleneck; 0 = none, the features are the backbone's.
        norm: `none`, `batch` or `layer`, before the ReLU.
        dropout: share of bottleneck features dropped in training.
        activation: `relu`, `sigmoid` or `none`, after the norm.
        last: `linear`; `cosine`, features of length 1 and no bias, over `temperature`; `weight_norm`, rows of the weight as
            length and direction (Salimans & Kingma, NeurIPS 2016, arXiv:1602.07868), as SHOT has it.
        temperature: > 0; of the cosine layer.
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
        activation: Literal["relu", "sigmoid", "none"] = "relu",
        last: Literal["linear", "cosine", "weight_norm"] = "linear",
        temperature: float = 0.05,
    ) -> None:
        super().__init__()
        if bottleneck < 0 or not 0 <= dropout < 1:
            raise TlbenchError(
                f"classifier.bottleneck must be 0 or more and classifier.dropout in [0, 1), got {bottleneck} and {dropout}."
            )
        if norm not in NORMS:
            raise TlbenchError(f"classifier.norm must be {', '.join(NORMS)}, got '{norm}'.")
        if activation not in ACTIVATIONS:
            raise TlbenchError(f"classifier.activation must be {', '.join(ACTIVATIONS)}, got '{activation}'.")
        if last not in LAST or not temperature > 0:
            raise TlbenchError(
                f"classifier.last must be {', '.join(LAST)} and classifier.temperature above 0, got '{last}' and {temperature}."
            )
        self.in_dim, self.feature_dim, self.n_classes = in_dim, bottleneck or in_dim, n_classes
        self._given: dict[str, Any] = {
            "in_dim": in_dim,
            "n_classes": n_classes,
            "bottleneck": bottleneck,
            "dropout": dropout,
        }
        self._how: dict[str, Any] = {"norm": norm, "activation": activation, "last": last, "temperature": temperature}
        layers: list[nn.Module] = []
        if bottleneck:
            kind = NORMS[norm]
            between = [] if kind is None else [kind(bottleneck)]
            layers = [nn.Linear(in_dim, bottleneck), *between, ACTIVATIONS[activation](), nn.Dropout(dropout)]
        self.bottleneck = nn.Sequential(*layers)
        self.last = self.another_last()

    def another_last(self) -> nn.Module:
        """Return a fresh layer of the last one's kind and size, for a method with two classifiers."""
        return _last_layer(self._how["last"], self.feature_dim, self.n_classes, self._how["temperature"])

    def another(self) -> Head:
        """Return a fresh head of this one's kind and size, for a method with several."""
        return type(self)(**self._given, **self._how)

    def forward(self, x_BD: Tensor) -> tuple[Tensor, Tensor]:
        features_BF = self.bottleneck(x_BD)
        return features_BF, self.last(features_BF)


def _last_layer(last: str, width: int, n_classes: int, temperature: float) -> nn.Module:
    if last == "cosine":
        return CosineLayer(width, n_classes, temperature)
    layer = nn.Linear(width, n_classes)
    return parametrizations.weight_norm(layer) if last == "weight_norm" else layer
