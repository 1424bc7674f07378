"""Backbones that are fitted to the inputs of a task before anything is trained on their features."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from tlbench.data.inputs import Inputs
from tlbench.errors import TlbenchError


@runtime_checkable
class FittedBackbone(Protocol):
    """A frozen backbone whose weights are a function of the inputs that a method may see, and of nothing else.

    Labels never reach it, nor does what is kept for validation or test.
    """

    def fit_inputs(self, source: Inputs, target: Inputs) -> None:
        """Set the weights from (N, ...) source and (M, ...) unlabelled target training inputs."""


def check_fitted(name: str, mode: str, *, augmented: bool, kept: bool = False, private: bool = False) -> None:
    """Raise TlbenchError where a fitted backbone would be trained, see inputs that change from step to step, or be kept,
    or where the source's inputs are in nobody's reach."""
    if mode != "frozen":
        raise TlbenchError(
            f"backbone={name} is fitted to the inputs and not trained, got backbone.mode={mode}. Use backbone.mode=frozen."
        )
    if kept:
        raise TlbenchError(
            f"backbone={name} is fitted to a pair's inputs and in no file of a model. Use keep_model=false."
        )
    if private:
        raise TlbenchError(
            f"backbone={name} is fitted to the inputs of both domains, and protocol.source=private hides the source's."
        )
    if augmented:
        raise TlbenchError(f"backbone={name} is fitted to inputs that stay as they are. Use augment=plain.")
