"""JAN: bring the joint distributions of features and predictions together, under a product of kernels.

Paper    Long et al., Deep Transfer Learning with Joint Adaptation Networks, ICML 2017, arXiv:1605.06636, section 4
Loss     cross-entropy(source) + weight * JMMD^2(features, softmax of the logits)
Uses     source labels; target inputs only
Departs  1. five bandwidths for the features, 1/4 to 4 times the mean squared distance of the batch, and a fixed one for the
            probabilities (paper: one each, the median squared distance)
         2. biased quadratic estimator by default, or without the pairs of an example with itself, as TLlib's
            (estimator=unbiased); the paper trains with the linear-time one (estimator=linear)
         3. the layers are the bottleneck and the softmax (paper: for AlexNet fc6 to fc8, for ResNet pool5 and fc)
         4. no adversarial layers, which are the paper's JAN-A
Note     the biased estimate is a squared distance, never below 0; of equal distributions up to 2 / batch size
See      conf/method/jan.yaml, docs/methods/jan.md, tests/baselines/test_jan.py
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from tlbench.errors import TlbenchError, unknown
from tlbench.functional.kernels import bandwidth, kernel, squared_distances
from tlbench.method import GradientMethod, SourceOutput, TargetOutput

Layers = tuple[Tensor, Tensor]
"""What is compared of one domain: features (N, D) and class probabilities (N, C)."""


class Jan(GradientMethod):
    family = "feature"
    stacks = ("weight",)

    def __init__(self, *, weight: float, scales: Sequence[float], sigma: float, estimator: str, **base: Any) -> None:
        super().__init__(**base)
        if estimator not in ESTIMATORS:
            raise unknown("estimator", estimator, ESTIMATORS, f"method.estimator={estimator}")
        if not weight >= 0 or not scales or not min(scales) > 0 or not sigma > 0:
            raise TlbenchError(
                "method.weight must be >= 0, method.scales and method.sigma > 0, got "
                f"{weight}, {list(scales)} and {sigma}."
            )
        self.weight, self.scales, self.sigma, self.estimator = weight, list(scales), sigma, estimator

    def adaptation_terms(self, source: SourceOutput, target: TargetOutput) -> dict[str, Tensor]:
        xs, xt = (source.features, source.logits.softmax(dim=1)), (target.features, target.logits.softmax(dim=1))
        return {"jmmd": self.weight * ESTIMATORS[self.estimator](xs, xt, self.scales, self.sigma)}


def biased_jmmd(source: Layers, target: Layers, scales: Sequence[float], sigma: float) -> Tensor:
    """Compute the squared distance of the mean embeddings under the product kernel (section 4, the empirical JMMD): all pairs.

    An example with itself is a pair too, of kernel 1.

    Args:
        source: features (N, D) and probabilities (N, C) with N >= 2.
        target: features (M, D) and probabilities (M, C) with M >= 2.
        scales: bandwidths of the features' kernel in units of the batch's mean squared distance.
        sigma: of the probabilities' kernel exp(-d^2 / (2 sigma^2)).

    Raises:
        ValueError: a domain has fewer than two samples.
    """
    within_s, within_t, across = (k_NM.mean() for k_NM in _kernels(source, target, scales, sigma))
    return within_s + within_t - 2 * across


def unbiased_jmmd(source: Layers, target: Layers, scales: Sequence[float], sigma: float) -> Tensor:
    """Do as `biased_jmmd`, but pairs within a domain are of different examples: unbiased for given bandwidths, may be below 0.

    For N = M it is TLlib's quadratic estimate for these kernels, without the constant 2 / (N - 1) that TLlib adds.
    """
    within_s, within_t, across = _kernels(source, target, scales, sigma)
    inner = [(k_NN.sum() - k_NN.diagonal().sum()) / (len(k_NN) * (len(k_NN) - 1)) for k_NN in (within_s, within_t)]
    return inner[0] + inner[1] - 2 * across.mean()


def _kernels(source: Layers, target: Layers, scales: Sequence[float], sigma: float) -> tuple[Tensor, Tensor, Tensor]:
    """Return values of the product kernel within the source (N, N), within the target (M, M) and across (N, M)."""
    _check(source, target)
    width = bandwidth(source[0], target[0])

    def values(one: Layers, other: Layers) -> Tensor:
        distances = [squared_distances(a, b) for a, b in zip(one, other, strict=True)]
        return joint_kernel(distances[0], distances[1], width, scales, sigma)

    return values(source, source), values(target, target), values(source, target)


def linear_jmmd(source: Layers, target: Layers, scales: Sequence[float], sigma: float) -> Tensor:
    """Compute the linear-time estimate (section 4, the learning of JAN): means over disjoint pairs of examples, unbiased.

    The first 2 * floor(min(N, M) / 2) examples of each domain are used; otherwise as `biased_jmmd`.
    """
    half = _check(source, target) // 2
    width = bandwidth(source[0], target[0])
    (s1, s2), (t1, t2) = ([[x[a : a + half] for x in layers] for a in (0, half)] for layers in (source, target))

    def k(one: Sequence[Tensor], other: Sequence[Tensor]) -> Tensor:
        distances = [(a - b).square().sum(dim=1) for a, b in zip(one, other, strict=True)]
        return joint_kernel(distances[0], distances[1], width, scales, sigma)

    return (k(s1, s2) + k(t1, t2) - k(s1, t2) - k(s2, t1)).mean()


ESTIMATORS = {"biased": biased_jmmd, "unbiased": unbiased_jmmd, "linear": linear_jmmd}


def joint_kernel(
    features: Tensor, probabilities: Tensor, width: Tensor, scales: Sequence[float], sigma: float
) -> Tensor:
    """Return the product over the two layers of kernels of squared distances, which are of one shape; same shape."""
    return kernel(features, width, scales) * torch.exp(-probabilities / (2 * sigma**2))


def _check(source: Layers, target: Layers) -> int:
    smaller = min(len(x) for x in (*source, *target))
    if smaller < 2:
        raise ValueError(f"JMMD needs two or more samples per domain, got {len(source[0])} and {len(target[0])}.")
    return smaller
