"""Base classes of methods: what a method says of itself, and the shapes it may have."""

from tlbench.method.base import Method
from tlbench.method.estimator import EstimatorMethod
from tlbench.method.gradient import GradientMethod, SourceOutput, TargetOutput
from tlbench.method.mapped import MappedMethod
from tlbench.method.reference import Reference
from tlbench.method.weighted import WeightedMethod

__all__ = [
    "EstimatorMethod",
    "GradientMethod",
    "MappedMethod",
    "Method",
    "Reference",
    "SourceOutput",
    "TargetOutput",
    "WeightedMethod",
]
