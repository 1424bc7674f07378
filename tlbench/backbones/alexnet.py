"""AlexNet up to fc7, which timm does not have: the network of the first deep papers on Office-31."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn

from tlbench.backbones.weights import load_weights, not_loaded
from tlbench.errors import TlbenchError

FC8 = "classifier.6"
"""torchvision's name of the last layer, which is the head's."""


class AlexNet(nn.Module):
    """torchvision's AlexNet without its last layer: (B, 3, H, W) to (B, 4096), fc7 after its ReLU.

    Its layers keep torchvision's names, so that files of its weights fit.

    Args:
        pretrained: load torchvision's ImageNet weights (a download at first use).
        weights: a file of weights to load instead, see `load_weights`.

    Attributes:
        pretrained: whether the weights come from elsewhere: then they get a smaller learning rate.
    """

    out_dim = 4096
    features: nn.Sequential
    avgpool: nn.Module
    classifier: nn.Sequential

    def __init__(self, *, input_shape: Sequence[int], pretrained: bool, weights: str | None = None) -> None:
        super().__init__()
        from torchvision.models import alexnet  # slow to import, and most runs on small data need none of it

        if len(input_shape) != 3 or input_shape[0] != 3:
            raise TlbenchError(
                f"backbone=alexnet needs images of 3 channels, but the data set's examples have shape {tuple(input_shape)}."
            )
        self.pretrained = pretrained or weights is not None
        whole: Any = _pretrained() if pretrained and weights is None else alexnet(weights=None)
        self.features, self.avgpool, self.classifier = whole.features, whole.avgpool, whole.classifier[:-1]
        if weights is not None:
            load_weights(self, weights, (FC8,))

    def forward(self, x_BCHW: Tensor) -> Tensor:
        return self.classifier(self.avgpool(self.features(x_BCHW)).flatten(1))

    def stages(self) -> list[list[nn.Parameter]]:
        """Return the parameters of conv1 to conv5, fc6 and fc7, a layer each."""
        layers = [*self.features, *self.classifier]
        return [parameters for layer in layers if (parameters := list(layer.parameters()))]


def _pretrained() -> Any:
    from torchvision.models import AlexNet_Weights, alexnet

    try:
        return alexnet(weights=AlexNet_Weights.IMAGENET1K_V1)
    except Exception as error:  # whatever the hub's client raises without a network
        raise not_loaded("torchvision's weights of AlexNet", error) from error
