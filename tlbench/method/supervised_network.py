"""A reference as a network: apart from the references themselves, which need no torch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tlbench.method.gradient import GradientMethod

if TYPE_CHECKING:
    from tlbench.tasks import Labelled, Task


class SupervisedNetwork(GradientMethod):
    """A network trained on labelled sets alone."""

    needs_target = False
    stacks = ()

    def __init__(
        self, *, examples: list[Labelled], domains: tuple[str, ...] = ("source", "target"), **base: Any
    ) -> None:
        super().__init__(**base)
        self.examples, self.domains = examples, domains

    def labelled(self, task: Task) -> list[Labelled]:
        return self.examples
