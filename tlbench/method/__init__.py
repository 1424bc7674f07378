"""Base classes of methods: what a method says of itself, and the shapes it may have.

A name brings its module at its first use: a method that is fitted on arrays need not wait for torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tlbench.method.adapted import AdaptedRidgeMethod
    from tlbench.method.adversary import AdversaryMethod
    from tlbench.method.base import Method
    from tlbench.method.boosted import BoostedMethod
    from tlbench.method.class_shift import LabelShiftMethod
    from tlbench.method.conditional_adversary import ConditionalAdversaryMethod
    from tlbench.method.cross_fitting import CrossFitted
    from tlbench.method.estimator import EstimatorMethod
    from tlbench.method.gradient import GradientMethod, SourceOutput, TargetOutput
    from tlbench.method.guessing import ComponentsMethod, Domains, GuessingMethod
    from tlbench.method.mapped import MappedMethod
    from tlbench.method.moved import MovedMethod, TransportedMethod
    from tlbench.method.reference import Reference
    from tlbench.method.transferred import TransferredMethod
    from tlbench.method.weighted import WeightedMethod

PLACES = {
    "AdaptedRidgeMethod": "adapted",
    "AdversaryMethod": "adversary",
    "BoostedMethod": "boosted",
    "ComponentsMethod": "guessing",
    "ConditionalAdversaryMethod": "conditional_adversary",
    "CrossFitted": "cross_fitting",
    "Domains": "guessing",
    "EstimatorMethod": "estimator",
    "GradientMethod": "gradient",
    "GuessingMethod": "guessing",
    "LabelShiftMethod": "class_shift",
    "MappedMethod": "mapped",
    "Method": "base",
    "MovedMethod": "moved",
    "Reference": "reference",
    "SourceOutput": "gradient",
    "TargetOutput": "gradient",
    "TransferredMethod": "transferred",
    "TransportedMethod": "moved",
    "WeightedMethod": "weighted",
}
"""The module of each name."""

__all__ = [
    "AdaptedRidgeMethod",
    "AdversaryMethod",
    "BoostedMethod",
    "ComponentsMethod",
    "ConditionalAdversaryMethod",
    "CrossFitted",
    "Domains",
    "EstimatorMethod",
    "GradientMethod",
    "GuessingMethod",
    "LabelShiftMethod",
    "MappedMethod",
    "Method",
    "MovedMethod",
    "Reference",
    "SourceOutput",
    "TargetOutput",
    "TransferredMethod",
    "TransportedMethod",
    "WeightedMethod",
]


def __getattr__(name: str) -> Any:
    if name not in PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{PLACES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *PLACES})
