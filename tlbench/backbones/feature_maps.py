"""Which layers of a backbone give feature maps, and the maps of a pass."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from tlbench.backbones.cut import Tail
from tlbench.backbones.timm_model import TimmBackbone


@dataclass(frozen=True)
class MapLayer:
    """A layer whose outputs have channels.

    Attributes:
        channels: their number, where it tells which axis is theirs; None: they are the second axis.
    """

    module: nn.Module
    channels: int | None = None

    def axis(self, output: Tensor) -> int:
        """Return the axis of the channels: the last one of tokens, and of maps that have them there."""
        last = self.channels is not None and (output.ndim == 3 or output.shape[1] != self.channels)
        return output.ndim - 1 if last else 1

    def by_channel(self, output: Tensor) -> Tensor:
        """Return an output as (B, C, places): maps, sequences, tokens, or rows, which have one place."""
        return output.movedim(self.axis(output), 1).reshape(len(output), output.shape[self.axis(output)], -1)


def map_layers(backbone: nn.Module) -> list[MapLayer]:
    """Return the layers in the order of depth: a timm model's stages as it names them, the stages that are left of a network
    whose first ones are kept, and of another network its activations. None for a backbone without weights."""
    if isinstance(backbone, TimmBackbone):
        model: Any = backbone.model
        stages = getattr(model, "feature_info", None) or []
        return [MapLayer(model.get_submodule(info["module"]), info["num_chs"]) for info in stages]
    if isinstance(backbone, Tail):
        return [MapLayer(stage) for stage in backbone.layers]
    return [MapLayer(m) for m in backbone.modules() if isinstance(m, nn.ReLU)]


@contextmanager
def maps_of(layers: Sequence[MapLayer]) -> Iterator[list[Tensor]]:
    """Collect what the layers give in a pass, (B, C, places) each, in their order."""
    found: list[Tensor] = [torch.empty(0)] * len(layers)

    def keep(place: int) -> Any:
        def hook(module: nn.Module, given: Any, output: Tensor) -> None:
            found[place] = layers[place].by_channel(output)

        return hook

    hooks = [layer.module.register_forward_hook(keep(place)) for place, layer in enumerate(layers)]
    try:
        yield found
    finally:
        for hook in hooks:
            hook.remove()


@contextmanager
def without_channel(layer: MapLayer, channel: int) -> Iterator[None]:
    """Let one channel of a layer's outputs be 0."""

    def hook(module: nn.Module, given: Any, output: Tensor) -> Tensor:
        changed = output.clone()
        changed.select(layer.axis(output), channel).zero_()
        return changed

    handle = layer.module.register_forward_hook(hook)
    try:
        yield
    finally:
        handle.remove()
