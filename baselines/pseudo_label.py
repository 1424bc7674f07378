"""Pseudo-labels: target guesses of which the network is sure are labels, for the same view of the examples or for a stronger one.

Paper    Lee, Pseudo-Label, ICML Workshops 2013; the strong view: Sohn et al., FixMatch, NeurIPS 2020, arXiv:2001.07685, eq. 4
Loss     cross-entropy(source) + weight * 1/B sum_i [max p_i > threshold] CE(z'_i, argmax p_i) over all B target examples; p of
         the training view, without a gradient; z' the logits of the same view (`view: weak`, Lee) or of the strong one (FixMatch)
Uses     source labels; target inputs only
Departs  1. the strong view passes by itself, the training view with the source where batch norms are shared (TLlib: three passes)
         2. the weight is constant (Lee: it grows), and a batch has as many target as source examples (FixMatch: seven times)
         3. strong is RandAugment of two operations at 10 over the recipe's own changes; of arrays, noise, shifts and zeros
See      conf/method/pseudo_label.yaml, docs/methods/pseudo_label.md, tests/baselines/test_pseudo_label.py
"""

from typing import Any

from torch import Tensor

from tlbench.functional.sure_labels import sure_cross_entropy
from tlbench.method import GradientMethod, SourceOutput, TargetOutput
from tlbench.method.checks import at_least, one_of

LOOKS = {"weak": ("train",), "strong": ("train", "strong")}


class PseudoLabel(GradientMethod):
    family = "self-training"

    def __init__(self, *, weight: float, threshold: float, view: str, **base: Any) -> None:
        super().__init__(**base)
        at_least(0, weight=weight, threshold=threshold)
        one_of(tuple(LOOKS), view=view)
        self.weight, self.threshold = weight, threshold
        self.target_views = LOOKS[view]

    def adaptation_terms(self, source: SourceOutput, target: TargetOutput) -> dict[str, Tensor]:
        logits = target.logits if "strong" not in target.inputs else self.seen(target.inputs["strong"])[1]
        loss, kept = sure_cross_entropy(logits, target.logits, self.threshold)
        self.told["kept"] = kept
        return {"pseudo": self.weight * loss}
