"""The slot for every image model that timm knows."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from tlbench.errors import TlbenchError, unknown


class TimmBackbone(nn.Module):
    """A timm model without its classifier: (B, C, H, W) to (B, out_dim) pooled features.

    Args:
        model: timm's name, such as `resnet50.a1_in1k`.
        pretrained: load the weights that timm names for it (a download at first use).
    """

    def __init__(self, *, input_shape: Sequence[int], model: str, pretrained: bool) -> None:
        super().__init__()
        import timm  # slow to import, and most runs on small data need none of it

        if len(input_shape) != 3:
            raise TlbenchError(
                f"timm model '{model}' needs images, but the data set's examples have shape {tuple(input_shape)}. "
                "Use backbone=mlp or backbone=identity."
            )
        if not timm.is_model(model):
            raise unknown("timm model", model, timm.list_models(f"*{model[:4]}*"), f"backbone.model={model}")
        try:
            self.model = timm.create_model(model, pretrained=pretrained, in_chans=input_shape[0], num_classes=0)
        except OSError as error:
            raise TlbenchError(
                f"The weights of timm model '{model}' could not be loaded ({type(error).__name__}). "
                "Check the network, or set backbone.pretrained=false for random weights."
            ) from error
        self.out_dim: int = self.model.num_features  # type: ignore[assignment]

    def forward(self, x_BCHW: Tensor) -> Tensor:
        return self.model(x_BCHW)
