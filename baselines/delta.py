"""DELTA: feature maps of the shots stay near those of the network's start, channel by channel.

Paper    Li et al., DELTA: Deep Learning Transfer using Feature Map with Attention for Convolutional Networks, ICLR 2019,
         arXiv:1901.09229
Loss     cross-entropy(shots) + weight / 2 * sum over layers and examples of C / places * sum_j a_j |map_j - its start|^2
         + head / 2 * |head|^2
Uses     target shots; with init=source the source model
Departs  1. maps are the outputs of stages, or of activations where a network has none (authors: of a stage's last convolution)
         2. a_j is the same for all channels unless attention=loss, which asks the source's head by how much its loss on the shots
            rises without a channel's outputs (authors: without its filter, with a head fitted on the target beforehand)
         3. the start is seen in evaluation mode, so that batch norms alone make a distance at the first step
Variants of the sum over a batch. sum: as the authors' code and TLlib have it, so that `weight` is for one batch size; mean
Note     weight decay would pull weights to 0 besides: the recipe has none. weight=0 and head=0 is `fine_tune` to the bit
See      conf/method/delta.yaml, docs/methods/delta.md, tests/baselines/test_tuning_terms.py
"""

from typing import Any

import torch
from torch import Tensor

from tlbench.backbones.feature_maps import map_layers, maps_of, without_channel
from tlbench.errors import Refused
from tlbench.functional.weight_penalties import squared_length
from tlbench.method.checks import at_least, one_of
from tlbench.method.fine_tuned import FineTuned, Kept, ShotsOutput, refuse_fixed
from tlbench.method.pools import Pools
from tlbench.tasks import Task

VARIANTS = ("sum", "mean")
TEMPERATURE = 5.0


class Delta(FineTuned):
    def __init__(
        self, *, weight: float, head: float, layers: int, attention: str, variant: str = "sum", **base: Any
    ) -> None:
        super().__init__(**base)
        at_least(0, weight=weight, head=head)
        at_least(1, layers=layers)
        one_of(("uniform", "loss"), attention=attention)
        one_of(VARIANTS, variant=variant)
        if attention == "loss" and self.init != "source":
            raise Refused(
                f"method.attention=loss asks a head that knows the classes, and with method.init={self.init} it is fresh. Set "
                "method.init=source, or method.attention=uniform."
            )
        self.weight, self.head, self.n_layers = weight, head, layers
        self.attention, self.variant = attention, variant
        self.looks = 1 if weight and attention == "loss" else None  # before the first step
        self._maps: tuple[list[Tensor], list[Tensor]] = ([], [])

    def prepare(self, task: Task) -> None:
        assert task.shots is not None
        refuse_fixed(self.network, "delta", "compares feature maps of a backbone with those of its start")
        self.start = Kept(self.network.backbone)
        self.layers = map_layers(self.network.backbone)[-self.n_layers :]
        self.start_layers = map_layers(self.start.module)[-self.n_layers :]
        if not self.layers:
            raise Refused(
                "delta compares feature maps, and this backbone has no stages and no ReLU that would give some."
            )
        self.labels_N = torch.as_tensor(task.shots.labels)
        with maps_of(self.start_layers) as maps, torch.no_grad():
            self.start.module(torch.zeros(2, *task.input_shape))
        for place, x in enumerate(maps):
            self.register_buffer(f"attention_{place}", torch.full((x.shape[1],), 1 / x.shape[1]))

    def refresh(self, pools: Pools) -> None:
        whole = self._loss(pools)
        for place, layer in enumerate(self.layers):
            rises = []
            for channel in range(len(self._attention(place))):
                with without_channel(layer, channel):
                    rises.append(self._loss(pools) - whole)
            self._attention(place).copy_((torch.stack(rises) / TEMPERATURE).softmax(dim=0))

    def _attention(self, place: int) -> Tensor:
        return self.get_buffer(f"attention_{place}")

    def _loss(self, pools: Pools) -> Tensor:
        p_NC = pools.labelled(0)[1]
        right_N = p_NC.gather(1, self.labels_N.to(p_NC.device)[:, None])
        return -right_N.clamp_min(torch.finfo(p_NC.dtype).tiny).log().mean()

    def passed(self, x: Tensor) -> tuple[Tensor, Tensor]:
        if not self.weight:
            return super().passed(x)
        with maps_of(self.start_layers) as before, torch.no_grad():
            self.start.module(x)
        with maps_of(self.layers) as now:
            found = super().passed(x)
        self._maps = now, before
        return found

    def tuning_terms(self, shots: ShotsOutput) -> dict[str, Tensor]:
        terms, (now, before) = {}, self._maps
        self._maps = [], []
        if self.weight:
            pairs = enumerate(zip(now, before, strict=True))
            gaps_B = sum(map_distance(x.float(), y.float(), self._attention(n)) for n, (x, y) in pairs)
            assert isinstance(gaps_B, Tensor)
            terms["maps"] = self.weight / 2 * (gaps_B.sum() if self.variant == "sum" else gaps_B.mean())
        if self.head:
            terms["head"] = self.head / 2 * squared_length(self.network.head.parameters())
        return terms


def map_distance(x_BCP: Tensor, y_BCP: Tensor, attention_C: Tensor) -> Tensor:
    """Compute (B,) C / P * sum_j a_j |x_j - y_j|^2 over channels j with P places each; a_j = 1 / C leaves |x - y|^2 / P."""
    squares_BC = (x_BCP - y_BCP).square().mean(dim=2)
    return x_BCP.shape[1] * (squares_BC * attention_C).sum(dim=1)
