"""CDAC: target examples whose features peak alike are drawn together by the features and apart by the last layer.

Paper    Li et al., Cross-Domain Adaptive Clustering for Semi-Supervised Domain Adaptation, CVPR 2021, arXiv:2104.09415, section 3
Loss     cross-entropy(source and shots) - clustering * mean over all pairs i, j of BCE(p_i . p'_j, s_ij)
         + pseudo * 1/B sum_i [max p_i > threshold] CE(z''_i, argmax p_i) + w(t) * mean over rows and classes of (p' - p'')^2;
         p of the training view, p' and p'', z'' of two strong ones; s_ij is 1 where the `top` largest features of i and j are the
         same ones, else 0; the first mean is of softmax(last layer(R(f))), R the identity forward and -1 times the gradient
         backward; w(t) = consistency * exp(-5 (1 - t / rampup)^2) after t steps, `consistency` from t = rampup on
Uses     source labels; labelled target shots; inputs of the other target examples
Departs  1. one update for all terms (authors: one for the cross-entropy, then one for the others)
         2. the features are the recipe's bottleneck (authors: the backbone's 512, and two layers for AlexNet)
         3. of equal features the first counts as the larger (authors: as it comes)
         4. strong is RandAugment of two operations at 10 over the recipe's own changes; of arrays, noise, shifts and zeros
         5. a guess counts above the threshold (authors: at the threshold too)
Note     1e-7 is added in the logarithms of BCE, as in the authors' code: the last layer raises BCE, which has no bound without;
         its recipe is that of mme, and the references have it too
See      conf/method/cdac.yaml, docs/methods/cdac.md, tests/baselines/test_cdac.py
"""

import math
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from tlbench.errors import TlbenchError
from tlbench.functional.adversarial import reverse_gradient
from tlbench.functional.sure_labels import sure_cross_entropy
from tlbench.method import GradientMethod, SourceOutput, TargetOutput
from tlbench.method.checks import at_least

TINY = 1e-7


class Cdac(GradientMethod):
    family = "adversarial"
    target_views = ("train", "strong", "strong_again")

    def __init__(
        self,
        *,
        clustering: float,
        pseudo: float,
        threshold: float,
        consistency: float,
        rampup: int,
        top: int,
        **base: Any,
    ) -> None:
        super().__init__(**base)
        at_least(0, clustering=clustering, pseudo=pseudo, threshold=threshold, consistency=consistency, rampup=rampup)
        width = self.network.feature_dim
        if not 1 <= top <= width:
            raise TlbenchError(
                f"method.top must be from 1 to the {width} features that there are, got {top}. Set by method.top=..."
            )
        self.clustering, self.pseudo, self.threshold = clustering, pseudo, threshold
        self.consistency, self.rampup, self.top = consistency, rampup, top

    def adaptation_terms(self, source: SourceOutput, target: TargetOutput) -> dict[str, Tensor]:
        (strong, logits), (_, logits_again) = (self.seen(target.inputs[name]) for name in self.target_views[1:])
        sure, self.told["kept"] = sure_cross_entropy(logits_again, target.logits, self.threshold)
        alike = same_peaks(target.features, self.top)
        self.told["alike"] = alike.mean()
        distance = F.mse_loss(logits.softmax(dim=1), logits_again.softmax(dim=1))
        return {
            "clustering": -self.clustering * pair_loss(self._turned(target.features), self._turned(strong), alike),
            "pseudo": self.pseudo * sure,
            "consistency": self.consistency * ramp(self.progress * self.steps, self.rampup) * distance,
        }

    def _turned(self, features_BF: Tensor) -> Tensor:
        """Return (B, C) probabilities through which the features get the opposite gradient."""
        return self.network.head.last(reverse_gradient(features_BF, 1.0)).softmax(dim=1)


def same_peaks(features_BF: Tensor, top: int) -> Tensor:
    """Return (B, B) 1 where the `top` largest features of two rows are the same ones, in whatever order, else 0; no gradient.

    Of equal features the first counts as the larger.
    """
    order_BF = features_BF.argsort(dim=1, descending=True, stable=True)
    peaks_BF = torch.zeros_like(features_BF).scatter(1, order_BF[:, :top], 1.0)
    return (peaks_BF @ peaks_BF.T == top).to(features_BF.dtype)


def pair_loss(p_BC: Tensor, q_BC: Tensor, alike_BB: Tensor) -> Tensor:
    """Return the mean over pairs (i, j) of the binary cross-entropy of p_i . q_j with `alike_ij`: the adaptive clustering loss.

    Args:
        p_BC, q_BC: probabilities of two views.
        alike_BB: 1 or 0.
    """
    # summed one by one: a product of matrices in less than full precision would leave nothing of 1 - p . q near 1
    same_BB = (p_BC[:, None] * q_BC[None]).sum(dim=2).clamp(max=1.0)
    return -(alike_BB * (same_BB + TINY).log() + (1 - alike_BB) * (1 - same_BB + TINY).log()).mean()


def ramp(done: float, length: float) -> float:
    """Return exp(-5 (1 - done / length)^2) after `done` steps, 1 from `length` on (Laine & Aila, ICLR 2017, arXiv:1610.02242)."""
    return 1.0 if done >= length else math.exp(-5.0 * (1.0 - done / length) ** 2)
