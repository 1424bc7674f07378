"""RuLSIF: the relative density ratio by least squares, in closed form; with alpha 0 it is uLSIF.

Paper    Yamada et al., Relative Density-Ratio Estimation for Robust Distribution Comparison, NIPS 2011;
         alpha 0: Kanamori, Hido & Sugiyama, A Least-squares Approach to Direct Importance Estimation, JMLR 10, 2009
Weights  w(x) = sum_l theta_l k(x, c_l), theta = max(0, (H + ridge I)^-1 h), an estimate of p_t / (alpha p_t + (1 - alpha) p_s)
Uses     source labels (by the classifier alone); target inputs
Departs  1. width and ridge by five-fold cross-validation for every alpha (JMLR 2009 has leave-one-out in closed form)
         2. no weight is above 1 / alpha, which no relative ratio exceeds
         3. the kernels are in the first `dim` principal axes of both domains; widths are in units of the median distance
         4. weights are scaled to mean 1, flattened and capped (docs/methods/weighting.md)
         5. the classifier is the recipe's, its C chosen without weights
See      conf/method/rulsif.yaml, docs/methods/rulsif.md, tests/baselines/test_instance_weighting.py
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from tlbench.errors import TlbenchError
from tlbench.functional.ratio_mixtures import rulsif_ratio
from tlbench.method import WeightedMethod
from tlbench.method.checks import at_least


class Rulsif(WeightedMethod):
    def __init__(
        self, *, alpha: float, widths: Sequence[float], ridges: Sequence[float], centres: int, **base: Any
    ) -> None:
        super().__init__(**base)
        if not 0 <= alpha < 1:
            raise TlbenchError(f"method.alpha must be 0 or more and below 1, got {alpha}. Set by method.alpha=...")
        for name, values in (("widths", widths), ("ridges", ridges)):
            if not values or not min(values) > 0:
                raise TlbenchError(
                    f"method.{name} must be one or more numbers above 0, got {values}. Set by method.{name}=..."
                )
        at_least(1, centres=centres)
        self.alpha, self.centres = alpha, centres
        self.widths, self.ridges = list(widths), list(ridges)

    def ratio(
        self, source_ND: np.ndarray, target_MD: np.ndarray, rng: np.random.Generator
    ) -> tuple[np.ndarray, dict[str, float]]:
        return rulsif_ratio(
            source_ND, target_MD, rng, alpha=self.alpha, widths=self.widths, ridges=self.ridges, centres=self.centres
        )
