"""A network cut in two: the stages that are not trained, whose outputs can be kept, and those that are."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import torch
from torch import Tensor, nn

from tlbench.backbones.timm_model import TimmBackbone


class Trunk(nn.Module):
    """The first stages of a network: (B, C, H, W) to (B, out_dim), the outputs of the last of them laid flat.

    Attributes:
        shape: of these outputs before they are laid flat.
    """

    def __init__(self, stages: Sequence[nn.Module], input_shape: Sequence[int]) -> None:
        super().__init__()
        self.layers = nn.Sequential(*stages).requires_grad_(False).eval()
        with torch.inference_mode():
            self.shape = tuple(self.layers(torch.zeros(1, *input_shape)).shape[1:])
        self.out_dim = prod(self.shape)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        return self.layers(x_BCHW).flatten(1)


class Tail(nn.Module):
    """The other stages: what a trunk gives, (B, D), to (B, out_dim) features.

    Attributes:
        before: stages of the whole network that are cut off.
        pretrained: see TimmBackbone.
    """

    def __init__(self, stages: Sequence[nn.Module], shape: Sequence[int], whole: TimmBackbone) -> None:
        super().__init__()
        self.layers, self.shape = nn.Sequential(*stages), tuple(shape)
        self.out_dim, self.pretrained = whole.out_dim, whole.pretrained
        self.before = len(whole.stages()) - len(stages)

    def forward(self, x_BD: Tensor) -> Tensor:
        x_BCHW = x_BD.unflatten(1, self.shape)
        if len(self.shape) == 3:
            x_BCHW = x_BCHW.contiguous(memory_format=torch.channels_last)
        return self.layers(x_BCHW)


def last_stage(backbone: nn.Module) -> list[nn.Parameter]:
    """Return the parameters of the last of two stages or more; none where a network is no such chain."""
    if isinstance(backbone, Tail):
        stages = [list(stage.parameters()) for stage in backbone.layers]
    else:
        stages = backbone.stages() if hasattr(backbone, "stages") else []  # type: ignore[operator]
    return stages[-1] if len(stages) > 1 else []


def cut_before(backbone: nn.Module, last_k: int, input_shape: Sequence[int]) -> tuple[Trunk, Tail] | None:
    """Cut a network before its last k stages; None where it is no chain of stages."""
    stages = backbone.chain() if isinstance(backbone, TimmBackbone) else None
    if stages is None or not 0 < last_k < len(stages):
        return None
    assert isinstance(backbone, TimmBackbone)
    trunk = Trunk(stages[:-last_k], input_shape)
    return trunk, Tail(stages[-last_k:], trunk.shape, backbone)
