"""Fine-tuning: all weights learn from the labelled target examples, from where the network starts; nothing is added.

Paper    none
Loss     cross-entropy(shots)
Uses     target shots; with init=source the source model
Departs  1. backbone weights that are pretrained or a source model's have optim.backbone_lr times the rate, as for every method
Note     init=pretrained is `target_only` to the bit; what the other methods of this kind add is measured against this one
See      conf/method/fine_tune.yaml, docs/methods/fine_tune.md, tests/baselines/test_fine_tuned.py
"""

from tlbench.method.fine_tuned import FineTuned


class FineTune(FineTuned):
    plain = None
