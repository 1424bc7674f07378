"""MMD, in the manner of DAN: bring the feature distributions together under several Gaussian kernels.

Paper    Long et al., Learning Transferable Features with Deep Adaptation Networks, ICML 2015, arXiv:1502.02791;
         estimators: Gretton et al., A Kernel Two-Sample Test, JMLR 2012, lemma 6 and lemma 14
Loss     cross-entropy(source) + weight * MMD^2(features)
Uses     source labels; target inputs only
Departs  1. kernels weighted equally (paper: weights learnt by a quadratic program, eq. 8)
         2. five bandwidths, 1/4 to 4 times the mean squared distance of the batch (paper: 2^-8 to 2^8 in steps of sqrt 2)
         3. unbiased quadratic estimator by default (paper: the linear-time one, here estimator=linear)
         4. one adapted layer, the bottleneck (paper: fc6 to fc8)
Note     an unbiased estimate of a small distance may be negative
See      conf/method/mmd.yaml, docs/methods/mmd.md, tests/baselines/test_mmd.py
"""

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from tlbench.errors import TlbenchError, unknown
from tlbench.functional.kernels import bandwidth, kernel, squared_distances
from tlbench.method import GradientMethod, SourceOutput, TargetOutput

ESTIMATORS = ("unbiased", "linear")


class Mmd(GradientMethod):
    family = "feature"

    def __init__(self, *, weight: float, scales: Sequence[float], estimator: str, **base: Any) -> None:
        super().__init__(**base)
        if estimator not in ESTIMATORS:
            raise unknown("estimator", estimator, ESTIMATORS, f"method.estimator={estimator}")
        if not weight >= 0 or not scales or not min(scales) > 0:
            raise TlbenchError(f"method.weight must be >= 0 and method.scales > 0, got {weight} and {list(scales)}.")
        self.weight, self.scales, self.estimator = weight, list(scales), estimator

    def adaptation_terms(self, source: SourceOutput, target: TargetOutput) -> dict[str, Tensor]:
        estimate = unbiased_mmd if self.estimator == "unbiased" else linear_mmd
        return {"mmd": self.weight * estimate(source.features, target.features, self.scales)}


def unbiased_mmd(xs_ND: Tensor, xt_MD: Tensor, scales: Sequence[float]) -> Tensor:
    """Unbiased quadratic-time estimate of MMD^2 (Gretton et al., lemma 6): same-example pairs left out.

    Args:
        xs_ND: source features, (N, D) with N >= 2.
        xt_MD: target features, (M, D) with M >= 2.
        scales: bandwidths in units of the batch's mean squared distance.

    Raises:
        ValueError: a domain has fewer than two samples.
    """
    n, m = _sizes(xs_ND, xt_MD)
    width = bandwidth(xs_ND, xt_MD)

    def within(x: Tensor, size: int) -> Tensor:
        k = kernel(squared_distances(x, x), width, scales)
        return (k.sum() - k.diagonal().sum()) / (size * (size - 1))

    across = kernel(squared_distances(xs_ND, xt_MD), width, scales).mean()
    return within(xs_ND, n) + within(xt_MD, m) - 2 * across


def linear_mmd(xs_ND: Tensor, xt_MD: Tensor, scales: Sequence[float]) -> Tensor:
    """Linear-time estimate of MMD^2 (Gretton et al., lemma 14): means over disjoint pairs of examples.

    The first 2 * floor(min(N, M) / 2) examples of each domain are used; otherwise as `unbiased_mmd`.
    """
    half = min(_sizes(xs_ND, xt_MD)) // 2
    s1, s2, t1, t2 = xs_ND[:half], xs_ND[half : 2 * half], xt_MD[:half], xt_MD[half : 2 * half]
    width = bandwidth(xs_ND, xt_MD)

    def k(x: Tensor, y: Tensor) -> Tensor:
        return kernel((x - y).square().sum(dim=1), width, scales)

    return (k(s1, s2) + k(t1, t2) - k(s1, t2) - k(s2, t1)).mean()


def _sizes(xs_ND: Tensor, xt_MD: Tensor) -> tuple[int, int]:
    if min(len(xs_ND), len(xt_MD)) < 2:
        raise ValueError(f"MMD needs two or more samples per domain, got {len(xs_ND)} and {len(xt_MD)}.")
    return len(xs_ND), len(xt_MD)
