"""Class shares of a target that make it cheapest to transport several labelled sources to it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tlbench.errors import Refused
from tlbench.functional.transport import MISPLACED, MOST_SWEEPS

STILL = 1e-9
"""Share of the mass out of place at which the plans are found."""


def transported_shares(
    costs: Sequence[np.ndarray], labels: Sequence[np.ndarray], reg: float
) -> tuple[np.ndarray, list[np.ndarray]]:
    """Minimise sum_k <g_k, cost_k> + reg sum g_k (log g_k - 1) over shares h and plans g_k, by iterated Bregman projections.

    A row of class c in source k has the mass h_c / (rows of class c in k), a target row 1/M (Redko et al., AISTATS 2019,
    section 4). Convex. The plans of equal shares nearest to others (Kullback-Leibler) have for h_c the geometric mean, over
    sources and within each over the rows of class c, of a row's mass times their number. Plans are kept as
    u_i exp(-cost_ij / reg) v_j, so a sweep is two products with a vector for each source.

    Args:
        costs: (N_k, M) each, their range at most SAFE_RANGE * reg.
        labels: (N_k,) classes 0..K-1 each; every source has every class.
        reg: > 0, on the scale of the costs.

    Returns:
        Shares (K,) and the plan (N_k, M) of each source.

    Raises:
        Refused: after 10,000 sweeps more than 1e-6 of the mass is out of place.
    """
    kernels, m = [np.exp(-cost_NM / reg) for cost_NM in costs], costs[0].shape[1]
    members = [np.eye(labels[0].max() + 1)[own] for own in labels]
    counts = [member.sum(axis=0) for member in members]
    us = [np.ones(len(own)) for own in labels]
    for _ in range(MOST_SWEEPS):
        vs = [1.0 / m / (u @ kernel) for u, kernel in zip(us, kernels, strict=True)]
        reached = [kernel @ v for v, kernel in zip(vs, kernels, strict=True)]
        logs = [  # of each class's mass if all its rows had the geometric mean of theirs
            np.log(u * far) @ (member / sizes) + np.log(sizes)
            for u, far, member, sizes in zip(us, reached, members, counts, strict=True)
        ]
        shares_K = np.exp(np.mean(logs, axis=0))
        us = [member @ (shares_K / sizes) / far for member, sizes, far in zip(members, counts, reached, strict=True)]
        lost = max(
            float(np.abs(v * (u @ kernel) - 1.0 / m).sum()) for u, v, kernel in zip(us, vs, kernels, strict=True)
        )
        if lost <= STILL:
            break
    if not lost <= MISPLACED:
        raise Refused(
            f"The transport plans of {len(costs)} sources and {m} target examples have {lost:.1g} of their mass out of place "
            f"after {MOST_SWEEPS} sweeps at method.reg={reg:g}, and {MISPLACED:g} is the most. Set method.reg=... higher."
        )
    return shares_K / shares_K.sum(), [u[:, None] * kernel * v for u, v, kernel in zip(us, vs, kernels, strict=True)]
