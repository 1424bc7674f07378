"""SAR: Tent on the sure examples alone, at weights where the entropy around is low too, and back to the source before a collapse.

Paper    Niu et al., Towards Stable Test-Time Adaptation in Dynamic Wild World, ICLR 2023, arXiv:2302.12400 (number from memory),
         eq. 2 to 5; code: github.com/mr-eggplant/SAR
Loss     mean entropy of the examples whose entropy is below margin * log C, before and after a climb of rho (SAM), whole loss
Uses     the source model and each batch of the stream, on its arrival; a batch is predicted before the step that it causes
Departs  1. the moving average of the loss is forgotten with the weights (authors: the caller writes the old one back, so that
            each batch is a new reset until it has risen)
         2. a batch without a sure example causes no step (authors: the mean of none, which is no number)
         3. norm layers of all stages but the last, and not the head's; of a network that is no chain of stages, all
See      conf/method/sar.yaml, docs/methods/sar.md, tests/baselines/test_online_methods.py
"""

import math
from typing import Any

from torch import Tensor, nn

from tlbench.backbones.cut import last_stage
from tlbench.functional.entropy import entropies
from tlbench.method.checks import above_zero, at_least
from tlbench.method.entropy_stream import EntropyStream
from tlbench.method.online import probabilities
from tlbench.method.phases import Ascent, climb, descend, gradients

KEPT = 0.9
"""Share of the moving average of the loss that a batch leaves."""


class Sar(EntropyStream):
    def __init__(self, *, rho: float, margin: float, floor: float, **base: Any) -> None:
        super().__init__(**base)
        at_least(0, rho=rho, floor=floor)
        above_zero(margin=margin)
        self.rho, self.margin, self.floor = rho, margin, floor
        self.average: float | None = None

    def trained_layers(self) -> list[nn.Module]:
        late = {id(p) for p in (*last_stage(self.network.backbone), *self.network.head.parameters())}
        layers = super().trained_layers()
        early = [layer for layer in layers if not any(id(p) in late for p in layer.parameters())]
        return early if last_stage(self.network.backbone) else layers

    def predict(self, x: Tensor) -> Tensor:
        logits = self.network(x)[1].float()
        most = self.margin * math.log(logits.shape[1])
        entropy_B = entropies(logits)
        sure_B = entropy_B.detach() < most
        self.told["sure"] = sure_B.float().mean()
        if sure_B.any():
            self._step(x, entropy_B[sure_B].mean(), sure_B, most)
        if self.average is not None and self.average < self.floor:
            self.reset()
        return probabilities(logits)

    def _step(self, x: Tensor, loss: Tensor, sure_B: Tensor, most: float) -> None:
        before = climb(gradients(loss, self.moved), Ascent(lambda: loss, self.moved, self.rho))
        entropy_B = entropies(self.network(x)[1].float())
        still_B = sure_B & (entropy_B.detach() < most)
        found = gradients(entropy_B[still_B].mean(), self.moved) if still_B.any() else []
        descend(before)
        if not found:
            return
        value = float(entropy_B.detach()[still_B].mean())
        self.average = value if self.average is None else KEPT * self.average + (1 - KEPT) * value
        self.optimizer.zero_grad()
        for parameter, gradient in found:
            parameter.grad = gradient
        self.optimizer.step()

    def reset(self) -> None:
        super().reset()
        self.average = None
