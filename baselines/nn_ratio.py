"""Nearest-neighbour ratio: a source example weighs one, and one more for each target example that it is the nearest to.

Paper    Loog, Nearest Neighbor-Based Importance Weighting, MLSP 2012
Weights  w_i = added + #{j: x_i is the source example nearest to z_j}
Uses     source labels (by the classifier alone); target inputs
Departs  1. equal source examples share what is nearest to them (paper: no word of ties)
         2. weights are scaled to mean 1, flattened and capped (docs/methods/weighting.md)
         3. the classifier is the recipe's, its C chosen without weights
See      conf/method/nn_ratio.yaml, docs/methods/nn_ratio.md, tests/baselines/test_instance_weighting.py
"""

from typing import Any

import numpy as np

from tlbench.functional.ratio import nearest_ratio
from tlbench.method import WeightedMethod
from tlbench.method.checks import at_least


class NnRatio(WeightedMethod):
    draws = False

    def __init__(self, *, added: float, **base: Any) -> None:
        super().__init__(**base)
        at_least(0, added=added)
        self.added = added

    def ratio(
        self, source_ND: np.ndarray, target_MD: np.ndarray, rng: np.random.Generator
    ) -> tuple[np.ndarray, dict[str, float]]:
        weights_N = nearest_ratio(source_ND, target_MD, added=self.added)
        return weights_N, {"reached": float((weights_N > self.added).mean())}
