"""KLIEP: weights under which the target is likeliest, as a sum of Gaussian kernels at target examples.

Paper    Sugiyama et al., Direct Importance Estimation for Covariate Shift Adaptation, AISM 2008
Weights  w(x) = sum_l a_l k(x, c_l), a >= 0: max sum_j log w(z_j) under mean_i w(x_i) = 1
Uses     source labels (by the classifier alone); target inputs
Departs  1. solved by Newton's steps to a certified gap (paper: gradient ascent and projection)
         2. the kernels are in the first `dim` principal axes of both domains; widths are in units of the median distance
         3. while a width is chosen, held-out target examples are no centres either
         4. weights are flattened and capped (docs/methods/weighting.md)
         5. the classifier is the recipe's, its C chosen without weights
See      conf/method/kliep.yaml, docs/methods/kliep.md, tests/baselines/test_instance_weighting.py
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from tlbench.errors import Refused, TlbenchError
from tlbench.functional.ratio_mixtures import kliep_ratio
from tlbench.method import WeightedMethod
from tlbench.method.checks import at_least


class Kliep(WeightedMethod):
    revision = 2

    def __init__(self, *, widths: Sequence[float], centres: int, **base: Any) -> None:
        super().__init__(**base)
        if not widths or not min(widths) > 0:
            raise TlbenchError(
                f"method.widths must be one or more numbers above 0, got {widths}. Set by method.widths=..."
            )
        at_least(1, centres=centres)
        self.widths, self.centres = list(widths), centres

    def ratio(
        self, source_ND: np.ndarray, target_MD: np.ndarray, rng: np.random.Generator
    ) -> tuple[np.ndarray, dict[str, float]]:
        try:
            return kliep_ratio(source_ND, target_MD, rng, widths=self.widths, centres=self.centres)
        except ValueError as error:
            raise Refused(f"kliep: {error} Set by method.widths={self.widths}.") from error
