"""Methods with a domain classifier that sees features and predictions together: CDAN, and what is built on it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from tlbench.errors import TlbenchError
from tlbench.functional.conditional import RandomMap, multilinear_map
from tlbench.functional.entropy import certainty
from tlbench.method.adversary import AdversaryMethod
from tlbench.method.checks import at_least

if TYPE_CHECKING:
    from tlbench.classifiers.network import Network
    from tlbench.method.gradient import SourceOutput, TargetOutput


class ConditionalAdversaryMethod(AdversaryMethod):
    """Base of such methods; its term is `domain`.

    Source: Long et al., NeurIPS 2018, arXiv:1705.10667, section 3. Arguments beside those of `AdversaryMethod`:

    Args:
        entropy: sure examples weigh more.
        randomised: width of a random map in place of all products of features and probabilities, or None.
        conditional: False for a domain classifier that sees the features alone, as DANN's, so that the base may be chosen.
    """

    def __init__(
        self,
        *,
        network: Network,
        hidden: int,
        entropy: bool,
        randomised: int | None,
        conditional: bool = True,
        **base: Any,
    ) -> None:
        at_least(1, hidden=hidden)
        if randomised is not None and (type(randomised) is not int or randomised < 1):
            raise TlbenchError(f"method.randomised must be null or a whole number of 1 or more, got {randomised!r}.")
        d, c = network.feature_dim, network.n_classes
        super().__init__(network=network, hidden=hidden, sees=(randomised or d * c) if conditional else None, **base)
        self.entropy, self.conditional = entropy, conditional
        self.maps = None if randomised is None else RandomMap(d, c, randomised)

    def domain_inputs(
        self, features: Tensor, source: SourceOutput, target: TargetOutput
    ) -> tuple[Tensor, Tensor | None]:
        if not self.conditional:
            return super().domain_inputs(features, source, target)
        probabilities = torch.cat([source.logits, target.logits]).detach().softmax(dim=1)
        joint = multilinear_map if self.maps is None else self.maps
        return joint(features, probabilities), certainty(probabilities) if self.entropy else None
