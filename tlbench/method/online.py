"""Methods that adapt while they predict: test-time adaptation of a source model to a stream."""

from __future__ import annotations

import copy
from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import torch
from torch import Tensor

from tlbench.errors import Refused
from tlbench.method.base import Start
from tlbench.method.gradient import GradientMethod

if TYPE_CHECKING:
    from tlbench.tasks import Labelled, Task


L = TypeVar("L")


class OnlineMethod(GradientMethod):
    """Base of such methods: the stream is all that they see of the target, and the source model all of the source.

    They are not trained by steps. `configure` is called once, `predict` for each batch of the stream, `reset` before each batch
    but the first where the protocol is episodic.

    Attributes:
        batch_size: target examples that pass together in `learn`.
    """

    online = True
    sees = frozenset()
    needs_target = False
    batch_size: int = 64
    domains = ("target",)

    @classmethod
    def starts_from(cls, parameters: Mapping[str, Any]) -> Start:
        return "source_model"

    def labelled(self, task: Task) -> list[Labelled]:
        return []

    def configure(self) -> None:
        """Get the network, in evaluation mode, ready for the stream. Raises Refused where it lacks what the method adapts."""

    def learn(self, batches: Iterable[Tensor]) -> None:
        """Look at the unlabelled target before the stream; only of a method that `sees` it, which no online protocol allows."""

    @abstractmethod
    def predict(self, x: Tensor) -> Tensor:
        """Return (B, C) class probabilities of a batch on its arrival; what is learnt from it counts from the next one on."""

    def remember(self) -> None:
        """Keep the state that `reset` goes back to."""
        self._first = copy.deepcopy(self.state_dict())

    def reset(self) -> None:
        """Go back to the source model as it was configured; a method with more state than parameters and buffers adds to it."""
        self.load_state_dict(self._first)


def needed(layers: Sequence[L], method: str, what: str) -> Sequence[L]:
    """Return these layers. Raises Refused where there are none."""
    if not layers:
        raise Refused(
            f"{method} adapts {what}, and what is trained of this network has none. Use a backbone that has some, with "
            "backbone.mode=finetune, or classifier=office."
        )
    return layers


def probabilities(logits_BC: Tensor) -> Tensor:
    """Return the class probabilities that a stream is given for an answer."""
    return logits_BC.detach().float().softmax(dim=1)


@torch.no_grad()
def without_gradient(method: OnlineMethod, x: Tensor) -> tuple[Tensor, Tensor]:
    """Return features and logits of a batch."""
    features, logits = method.network(x)
    return features.float(), logits.float()
