"""Which weights of a backbone are trained."""

from __future__ import annotations

from typing import Any

from torch import nn

from tlbench.backbones.alexnet import AlexNet
from tlbench.backbones.cut import Tail
from tlbench.backbones.small import MLP, LeNet
from tlbench.backbones.time_series import CNN1D
from tlbench.backbones.timm_model import TimmBackbone
from tlbench.errors import TlbenchError


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


def stages_of(backbone: nn.Module) -> list[list[nn.Parameter]]:
    """Return the parameters of each stage, in the order of depth; none for a backbone that has no stages.

    A small network's are its layers, each with the norm after it. Stages that were cut off are empty lists, so that the
    numbers of the others are those of the whole.
    """
    if isinstance(backbone, Tail):
        return [[] for _ in range(backbone.before)] + [list(stage.parameters()) for stage in backbone.layers]
    if isinstance(backbone, LeNet | MLP | CNN1D):
        return _by_layers(backbone)
    return backbone.stages() if hasattr(backbone, "stages") else []  # type: ignore[operator]


def _by_layers(chain: nn.Module) -> list[list[nn.Parameter]]:
    found: list[list[nn.Parameter]] = []
    for module in chain.modules():
        own = list(module.parameters(recurse=False))
        if isinstance(module, nn.Linear | nn.Conv1d | nn.Conv2d):
            found.append(own)
        elif own:
            found[-1] += own
    return found
