"""Surgical fine-tuning: one block of the network learns from the labelled target examples; all else stays as the source left it.

Paper    Lee, Chen, Tajwar, Kumar, Yao, Liang & Finn, Surgical Fine-Tuning Improves Adaptation to Distribution Shifts, ICLR 2023,
         arXiv:2210.11466, section 2
Loss     cross-entropy(shots)
Uses     target shots; the source model
Departs  1. which block learns is given, or searched under the rule of selection (paper: each in turn, and the best)
         2. blocks are the stages that `backbone.last_k` counts, and the layers of small networks; `head` has the bottleneck in it
         3. batch norms that stay keep their statistics, too, and normalise by them
Note     an early stage for a shift of the inputs, a middle one for one of features, the head for one of labels (paper's finding)
See      conf/method/surgical.yaml, docs/methods/surgical.md, tests/baselines/test_surgical.py
"""

from collections.abc import Sequence
from typing import Any

from torch import nn

from tlbench.backbones.stages import stages_of
from tlbench.errors import Refused, TlbenchError
from tlbench.method.fine_tuned import FineTuned
from tlbench.tasks import Task

HEAD = "head"


class Surgical(FineTuned):
    def __init__(self, *, stages: int | Sequence[int] | str, init: str, **base: Any) -> None:
        super().__init__(init=init, **base)
        self.stages = numbers(stages)
        if init != "source" and self.stages:
            raise TlbenchError(
                f"method.init={init} has a fresh head, which method.stages={stages} would leave as it was drawn. Use "
                "method.init=source, or method.stages=head."
            )
        self._refusal = refusal(self.network.backbone, self.stages) if self.stages else None
        self.network.fix(rest_of(self.network, self.stages))

    def prepare(self, task: Task) -> None:
        if self._refusal is not None:
            raise Refused(self._refusal)


def numbers(stages: int | Sequence[int] | str) -> list[int]:
    """Return the stages that are asked for, none for the head. Raises TlbenchError for what is neither."""
    if stages == HEAD:
        return []
    found: list[Any] = list(stages) if isinstance(stages, Sequence) else [stages]
    if not found or not all(type(number) is int and number >= 0 for number in found):
        raise TlbenchError(
            f"method.stages must be head, the number of a stage from 0 on, or a list of some, got {stages!r}. Set by "
            "method.stages=..."
        )
    return found


def refusal(backbone: nn.Module, stages: Sequence[int]) -> str | None:
    """Return why these stages of a backbone cannot be what learns, None if they can; asked before anything is fixed."""
    if not any(p.requires_grad for p in backbone.parameters()):
        return "surgical trains a stage of the backbone, and none of its weights is trained here. Use backbone.mode=finetune."
    found = stages_of(backbone)
    if not found:
        return (
            f"surgical trains a stage of the backbone, and {type(backbone).__name__} has none. Use backbone=lenet, say."
        )
    if max(stages) >= len(found):
        return (
            f"method.stages must be from 0 to {len(found) - 1} for the {len(found)} stages of this backbone, got "
            f"{max(stages)}. Set by method.stages=..."
        )
    for number in stages:
        if not any(p.requires_grad for p in found[number]):
            return (
                f"method.stages asks for stage {number}, of which backbone.mode=last_k trains nothing. Use "
                "backbone.mode=finetune, or a later stage."
            )
    return None


def rest_of(network: nn.Module, stages: Sequence[int]) -> list[nn.Parameter]:
    """Return all parameters but those of the stages, or but the head's where there are none; unknown numbers have none."""
    found = stages_of(network.backbone)  # type: ignore[arg-type]
    chosen = [p for number in stages if number < len(found) for p in found[number]]
    moved = {id(p) for p in (chosen if stages else network.head.parameters())}  # type: ignore[union-attr]
    return [p for p in network.parameters() if id(p) not in moved]
