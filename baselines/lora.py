"""LoRA: the backbone stays, and beside each of its layers a change of low rank learns, with the head.

Paper    Hu et al., LoRA: Low-Rank Adaptation of Large Language Models, ICLR 2022, arXiv:2106.09685
Loss     cross-entropy(shots)
Uses     target shots; with init=source the source model
Departs  1. all linear layers of the backbone, and convolutions without groups, have a change (paper: projections of attention)
         2. convolutions that pad by themselves, as TensorFlow's do, have none
         3. no dropout before A
Note     B is 0 at first: step 0 is the start. Batch norms of the backbone keep their statistics, as all of their weights stay
See      conf/method/lora.yaml, docs/methods/lora.md, tests/baselines/test_tuned_weights.py
"""

from typing import Any

from torch import nn

from tlbench.errors import Refused
from tlbench.functional.low_rank import LowRank, takes_low_rank
from tlbench.method.checks import above_zero, at_least
from tlbench.method.fine_tuned import FineTuned
from tlbench.tasks import Task


class Lora(FineTuned):
    def __init__(self, *, rank: int, alpha: float, **base: Any) -> None:
        super().__init__(**base)
        at_least(1, rank=rank)
        above_zero(alpha=alpha)
        backbone = self.network.backbone
        layers: list[Any] = [m for m in backbone.modules() if takes_low_rank(m) and m.weight.requires_grad]
        self.adapters = nn.ModuleList(LowRank(layer, rank=rank, scale=alpha / rank) for layer in layers)
        self.network.fix(backbone.parameters())

    def prepare(self, task: Task) -> None:
        if not len(self.adapters):
            raise Refused(
                "lora changes linear layers and convolutions of the backbone, and none of them is trained here. Use a backbone "
                "that has some, with backbone.mode=finetune."
            )
