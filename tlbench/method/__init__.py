"""Base classes of methods: what a method says of itself, and the shapes it may have."""

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
