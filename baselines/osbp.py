"""OSBP: the last layer takes each target example for unknown with probability 1/2, the features lead it away, to either side.

Paper    Saito et al., Open Set Domain Adaptation by Backpropagation, ECCV 2018, arXiv:1804.10427, section 3;
         code: github.com/ksaito-ut/OPDA_BP
Loss     cross-entropy(source), K + 1 outputs + weight * mean over target examples of -t log u - (1 - t) log(1 - u);
         t = `boundary`, u = the last output of softmax(last layer(R(f))); R the identity forward, -1 times the gradient backward
Uses     source labels; target inputs only; no example that is known to be unknown
Departs  1. the features are the recipe's bottleneck, on the recipe's backbone (authors on VisDA: two layers on a fixed one)
         2. the rate is the recipe's (authors: 0.001)
Note     the reversal has strength 1 from the first step on, as in the authors' code. log u and log(1 - u) are taken from the
         logits: u is soon 0 or 1, where 1 - u has no digit left
See      conf/method/osbp.yaml, docs/methods/osbp.md, tests/baselines/test_unknown_classes.py
"""

from typing import Any

from torch import Tensor

from tlbench.errors import TlbenchError
from tlbench.functional.adversarial import reverse_gradient
from tlbench.method import GradientMethod, SourceOutput, TargetOutput
from tlbench.method.checks import at_least


class Osbp(GradientMethod):
    family = "adversarial"
    has_unknown_output = True

    def __init__(self, *, weight: float, boundary: float, **base: Any) -> None:
        super().__init__(**base)
        at_least(0, weight=weight)
        if not 0 < boundary < 1:
            raise TlbenchError(
                f"method.boundary must be above 0 and below 1, got {boundary}. Set by method.boundary=..."
            )
        self.weight, self.boundary = weight, boundary

    def adaptation_terms(self, source: SourceOutput, target: TargetOutput) -> dict[str, Tensor]:
        logits = self.network.head.last(reverse_gradient(target.features, 1.0))
        self.told["unknown"] = (logits.argmax(dim=1) == logits.shape[1] - 1).float().mean()
        return {"boundary": self.weight * boundary_loss(logits, self.boundary)}


def boundary_loss(logits_NC: Tensor, t: float) -> Tensor:
    """Return the mean of -t log u - (1 - t) log(1 - u), u the last column of softmax: least where u = t (eq. 4, from memory)."""
    total_N = logits_NC.logsumexp(dim=1)
    log_unknown_N = logits_NC[:, -1] - total_N
    log_known_N = logits_NC[:, :-1].logsumexp(dim=1) - total_N
    return -(t * log_unknown_N + (1 - t) * log_known_N).mean()
