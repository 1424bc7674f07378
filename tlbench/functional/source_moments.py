"""Distances of several sources and a target by the moments of their features (M3SDA)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import torch
from torch import Tensor

HIGHEST = 5
"""Order of the highest central moment in the authors' code."""


def moment_distance(sources: Sequence[Tensor], target_MD: Tensor) -> Tensor:
    """Compute the moment distance, for k = 1 and 2 the mean over sources of |E X_i^k - E X_T^k| plus that over pairs of sources.

    Source: Peng et al., ICCV 2019, arXiv:1812.01754, eq. 1. Powers go entry by entry, norms are Euclidean and not squared.

    Args:
        sources: features (N_i, D) of each source; the numbers of rows may differ.
        target_MD: target features, (M, D).

    Returns:
        Scalar >= 0; zero iff the first two raw moments of each feature agree in all domains. One source has no pair.

    Raises:
        ValueError: there is no source, a domain without a row, or the widths differ.
    """
    _check(sources, target_MD)
    total = target_MD.new_zeros(())
    for k in (1, 2):
        means, mean = [(x**k).mean(dim=0) for x in sources], (target_MD**k).mean(dim=0)
        total = total + torch.stack([_length(one - mean) for one in means]).mean()
        total = total + _over_pairs(means)
    return total


def central_distance(sources: Sequence[Tensor], target_MD: Tensor) -> Tensor:
    """Compute the mean over all pairs of domains, the target one of them, of what the authors' code has for a moment distance.

    Each domain is centred by its mean. Of a pair: the Frobenius norm of the difference of the centred rows, the first with the
    first and so on as far as both go, plus for k = 2 to 5 the length of the difference of the k-th central moments.

    Arguments and errors as `moment_distance`. It is blind to the domains' means, and depends on the order of rows.
    """
    _check(sources, target_MD)
    centred = [x - x.mean(dim=0) for x in (*sources, target_MD)]
    rows = min(len(x) for x in centred)
    total = _over_pairs([x[:rows] for x in centred])
    for k in range(2, HIGHEST + 1):
        total = total + _over_pairs([(x**k).mean(dim=0) for x in centred])
    return total


def _length(x: Tensor) -> Tensor:
    return torch.linalg.vector_norm(x)  # its slope at 0 is 0, where a root of a sum of squares has none


def _over_pairs(xs: Sequence[Tensor]) -> Tensor:
    """Return the mean length of the difference over all pairs, 0 where there is none."""
    lengths = [_length(one - other) for one, other in combinations(xs, 2)]
    return torch.stack(lengths).mean() if lengths else xs[0].new_zeros(())


def _check(sources: Sequence[Tensor], target_MD: Tensor) -> None:
    domains = [*sources, target_MD]
    if not sources or min(len(x) for x in domains) < 1 or len({x.shape[1] for x in domains}) > 1:
        raise ValueError(
            "A moment distance needs one or more sources, a sample of each domain and one feature width, got sources "
            f"{[tuple(x.shape) for x in sources]} and target {tuple(target_MD.shape)}."
        )
