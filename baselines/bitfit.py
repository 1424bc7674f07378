"""BitFit: of the backbone only biases and the affine parts of its norms learn, with the head.

Paper    Ben Zaken, Goldberg & Ravfogel, BitFit: Simple Parameter-efficient Fine-tuning for Transformer-based Masked
         Language-models, ACL 2022, arXiv:2106.10199
Loss     cross-entropy(shots)
Uses     target shots; with init=source the source model
Departs  1. the scales of norms learn too: convolutions before a batch norm have no bias but the norm's (paper: biases alone)
         2. the bottleneck is part of the head
Note     batch norms that learn have statistics that move, as in `fine_tune`
See      conf/method/bitfit.yaml, docs/methods/bitfit.md, tests/baselines/test_tuned_weights.py
"""

from typing import Any

from torch import nn

from tlbench.functional.batch_norms import norm_layers
from tlbench.method.fine_tuned import FineTuned, refuse_fixed
from tlbench.tasks import Task


class Bitfit(FineTuned):
    def __init__(self, **base: Any) -> None:
        super().__init__(**base)
        backbone = self.network.backbone
        moved = {id(p) for p in biases_and_norms(backbone)}
        self.network.fix(p for p in backbone.parameters() if id(p) not in moved)

    def prepare(self, task: Task) -> None:
        refuse_fixed(self.network, "bitfit", "trains biases and norms of a backbone")


def biases_and_norms(module: nn.Module) -> list[nn.Parameter]:
    """Return the parameters called a bias, whatever stands before the word, and those of the layers that normalise."""
    biases = [p for name, p in module.named_parameters() if name.endswith("bias")]
    return biases + [p for norm in norm_layers(module, "all") for p in norm.parameters(recurse=False)]
