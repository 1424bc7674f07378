"""Gradient methods that tune a network on labelled target examples alone: model transfer."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch import Tensor, nn

from tlbench.classifiers.network import Network
from tlbench.errors import Refused
from tlbench.method.base import Start
from tlbench.method.checks import one_of
from tlbench.method.gradient import GradientMethod

if TYPE_CHECKING:
    from tlbench.method.views import TargetBatch
    from tlbench.tasks import Labelled, Task

INITS = ("pretrained", "source")


@dataclass(frozen=True)
class ShotsOutput:
    """A batch of labelled target examples after the network: features (B, F), logits (B, C), labels (B,)."""

    features: Tensor
    logits: Tensor
    labels: Tensor


class FineTuned(GradientMethod):
    """Base of such methods. They see no source example: what they have of it is the network that they start from.

    The primary reference is `target_only`, so that under `init: source` the gain over it is the value of the source; the gain
    over `fine_tune` of the same start (`plain`) is the value of what a method adds.

    Args:
        init: `pretrained`, the backbone as it comes and a fresh head; `source`, the network that the reference without shots was
            trained to on the same recipe.
    """

    family = "parameter"
    sees = frozenset({"shots"})
    needs_shots = True
    needs_target = False
    domains = ("target",)
    plain: ClassVar[str | None] = "fine_tune"

    def __init__(self, *, init: str, **base: Any) -> None:
        super().__init__(**base)
        one_of(INITS, init=init)
        self.init = init

    @classmethod
    def starts_from(cls, parameters: Mapping[str, Any]) -> Start:
        return "source_model" if parameters.get("init") == "source" else "backbone"

    def labelled(self, task: Task) -> list[Labelled]:
        return [] if task.shots is None else [task.shots]

    def tuning_terms(self, shots: ShotsOutput) -> dict[str, Tensor]:
        """Return the scalars to add to the classification loss, by name, each with its weight in it; none unless overridden."""
        return {}

    def passed(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return features (B, F) and logits (B, C) of a step's batch."""
        ((features, logits),) = self.network.each([x], ["target"])
        return features, logits

    def losses(self, labelled: list[tuple[Tensor, Tensor]], target: TargetBatch[Tensor] | None) -> dict[str, Tensor]:
        ((inputs, labels),) = labelled
        features, logits = self.passed(inputs)
        terms = {"classification": self.classification(logits, labels)}
        with torch.autocast(logits.device.type, enabled=False):
            more = self.tuning_terms(ShotsOutput(features.float(), logits.float(), labels))
        return terms | more


class Kept(nn.Module):
    """A frozen copy of a module as it is now, which stays in evaluation mode whatever becomes of what it is a part of."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = copy.deepcopy(module).requires_grad_(False)
        self.eval()

    def train(self, mode: bool = True) -> Kept:
        return super().train(False)


def probed(network: Network, x: Tensor) -> tuple[Tensor, Tensor]:
    """Return features as the test sees them, which no gradient reaches, and logits, which train the last layer alone.

    No statistic of a batch norm moves, in the backbone or the bottleneck.
    """
    with _at_rest(network), torch.no_grad():
        network.see("target")
        features_BF = network.head.bottleneck(network.backbone(x))
    return features_BF, network.head.last(features_BF)


@contextmanager
def _at_rest(module: nn.Module) -> Iterator[None]:
    lively = [m for m in module.modules() if m.training]
    for part in lively:
        part.training = False
    try:
        yield
    finally:
        for part in lively:
            part.training = True


def refuse_fixed(network: Network, method: str, what: str) -> None:
    """Raise Refused where no weight of the backbone is trained, and a method that works on it has nothing to do."""
    if not any(p.requires_grad for p in network.backbone.parameters()):
        raise Refused(f"{method} {what}, and none of its weights is trained here. Use backbone.mode=finetune.")
