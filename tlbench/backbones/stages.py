"""Which weights of a backbone are trained."""

from __future__ import annotations

from typing import Any

from torch import nn

from tlbench.backbones.alexnet import AlexNet
from tlbench.backbones.timm_model import TimmBackbone
from tlbench.errors import TlbenchError

HOW = ("mode", "last_k", "batch_norm", "checkpoint", "input_size")
"""Keys of a backbone config that its class does not take: how it is trained, from which weights, on images of what size."""


def is_frozen(group: dict[str, Any]) -> bool:
    """Tell whether a backbone has weights, and none of them is trained."""
    return group["mode"] == "frozen" and group["name"] != "identity"


def fixed_parameters(backbone: nn.Module, group: dict[str, Any]) -> list[nn.Parameter]:
    """Return those that are not trained: all of them, or all but those of the last k stages."""
    if group["mode"] == "finetune":
        return []
    if group["mode"] == "frozen":
        return list(backbone.parameters())
    stages = backbone.stages() if isinstance(backbone, AlexNet | TimmBackbone) else []
    last = int(group.get("last_k", 0))
    if not 1 <= last <= len(stages):
        raise TlbenchError(
            f"backbone.mode=last_k trains the last backbone.last_k stages, but backbone '{group['name']}' has "
            f"{len(stages)} and last_k is {last}."
        )
    return [p for stage in stages[: len(stages) - last] for p in stage]
