"""Estimator methods that weigh source examples by an estimate of the density ratio, and fit the recipe's classifier so."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from tlbench.data.inputs import pooled
from tlbench.errors import Refused, TlbenchError
from tlbench.functional.reweighting import effective_share, tamed_weights
from tlbench.functional.subspace import principal_axes
from tlbench.method.checks import above_zero
from tlbench.method.estimator import EstimatorMethod
from tlbench.method.mapped import dense
from tlbench.seeds import stream

if TYPE_CHECKING:
    from tlbench.tasks import Task

EQUAL = 1e-6
"""Weights that differ by less are one weight: the classifier gets none, and the fit is that of the reference to the bit."""
NOTHING = 1e-6
"""Of the mean: ratios below count as zero in the history."""


class WeightedMethod(EstimatorMethod, ABC):
    """Base of such methods: they estimate p_target(x) / p_source(x) at the source examples; no label has a part in it.

    Weights are made of the ratio by `tamed_weights`. Labelled target shots, where there are any, join the source with
    `shot_weight` each. All weights together have mean 1, so that the classifier's C means the same as without them.
    The history is one row: `ess` (effective share of the weights), `largest` (share of the largest weight), `flattened` (the
    exponent), `zero` (share of source examples whose ratio is below 1e-6 of the mean), and what the method adds.

    Args:
        cap: no source weight is larger, in units of their mean; above 1.
        min_ess: least effective sample size, as a share of the source examples, in [0, 1].
        dim: the ratio is estimated in so many principal axes of both domains; None: in the features as they are.
        shot_weight: of a labelled target example, where a source example has 1 on average; above 0.

    Attributes:
        weights: (N,) of the source examples, mean 1, after `fit`.
    """

    family = "instance"
    weighs = True

    def __init__(self, *, cap: float, min_ess: float, dim: int | None, shot_weight: float, **base: Any) -> None:
        super().__init__(**base)
        if not cap > 1:
            raise TlbenchError(f"method.cap must be above 1, the mean of the weights, got {cap}. Set by method.cap=...")
        if not 0 <= min_ess <= 1:
            raise TlbenchError(f"method.min_ess must be within 0 and 1, got {min_ess}. Set by method.min_ess=...")
        if dim is not None and dim < 1:
            raise TlbenchError(f"method.dim must be 1 or more, or null, got {dim}. Set by method.dim=...")
        above_zero(shot_weight=shot_weight)
        self.cap, self.min_ess, self.dim, self.shot_weight = cap, min_ess, dim, shot_weight
        self.weights: np.ndarray | None = None

    @abstractmethod
    def ratio(
        self, source_ND: np.ndarray, target_MD: np.ndarray, rng: np.random.Generator
    ) -> tuple[np.ndarray, dict[str, float]]:
        """Return (N,) the estimated ratio, >= 0 and in any unit, and what of it is to be kept in the history."""

    def fit(self, task: Task) -> Self:
        seen = in_axes(dense(task.source.inputs), dense(task.target), self.dim)
        ratio_N, own = self.ratio(*seen, stream(self.classifier.seed, "density ratio"))
        if not (np.isfinite(ratio_N).all() and ratio_N.any()):
            raise Refused(f"{type(self).__name__} finds no source example that is like the target's.")
        self.weights, flattened = tamed_weights(ratio_N, cap=self.cap, min_ess=self.min_ess)
        self.history = [
            {
                "ess": effective_share(self.weights),
                "largest": float(self.weights.max() / self.weights.sum()),
                "flattened": flattened,
                "zero": float((ratio_N < NOTHING * ratio_N.mean()).mean()),
                **own,
            }
        ]
        sets, weights = [task.source], self.weights
        if task.shots is not None:
            sets.append(task.shots)
            weights = np.concatenate([weights, np.full(len(task.shots), self.shot_weight)])
        inputs, labels = pooled(sets)
        self.classifier.fit(inputs, labels, None if np.ptp(weights) < EQUAL else weights / weights.mean())
        return self

    def forget(self) -> None:
        super().forget()
        self.weights = None


def in_axes(source_ND: np.ndarray, target_MD: np.ndarray, dim: int | None) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows in the first `dim` principal axes of both domains together; as they are if no more features."""
    if dim is None or dim >= source_ND.shape[1]:
        return source_ND, target_MD
    both_PD = np.concatenate([source_ND, target_MD])
    mapped_PK = (both_PD - both_PD.mean(axis=0)) @ principal_axes(both_PD, dim)
    return mapped_PK[: len(source_ND)], mapped_PK[len(source_ND) :]
