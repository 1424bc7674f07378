"""Methods that are trained on the known classes and have a rule of their own for what is of none of them."""

from __future__ import annotations

from abc import abstractmethod

from torch import Tensor

from tlbench.functional.unknown_column import with_unknown
from tlbench.method.gradient import GradientMethod


class RejectingMethod(GradientMethod):
    """Base of such methods: the network has K outputs, and predictions K + 1 columns where the data set has an unknown class.

    On a closed set they are those of the network, and the rule has no say.
    """

    has_rule = True

    @abstractmethod
    def unknown_share(self, features_BF: Tensor, logits_BK: Tensor) -> Tensor:
        """Return (B,) numbers in [0, 1] that are above 1/2 just where the rule says `unknown`."""

    def outputs(self, x: Tensor) -> tuple[Tensor, Tensor]:
        features, logits = (found.float() for found in self.network(x))
        probabilities = logits.softmax(dim=1)
        if self.open_set:
            probabilities = with_unknown(probabilities, self.unknown_share(features, logits))
        return features, probabilities
