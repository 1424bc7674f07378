"""Barycentres of labelled sets of rows: rows with shares of classes, as near to all sets as can be."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from sklearn.metrics.pairwise import euclidean_distances

from tlbench.functional.transport import exact_plan, scaled_cost

STILL = 1e-9
"""Movement, over the root mean square distance of two rows, at which a barycentre is found."""

History = list[dict[str, float]]


def labelled_barycentre(
    sets: Sequence[np.ndarray], members: Sequence[np.ndarray], start_S: np.ndarray, *, label: float, rounds: int
) -> tuple[np.ndarray, np.ndarray, History]:
    """Minimise over rows b and their shares p the mean over sets of the cost of transport from (b, p) to (x, y).

    Sending costs |b - x|^2 over the mean squared distance of two rows of all sets, + label |p - y|^2 / 2. In turn plans are exact
    and each row goes to the mean of where they send it (Cuturi & Doucet, ICML 2014, algorithm 2, with even weights and full
    steps): a minimum of its surroundings, one of many.

    Args:
        sets: (N_k, D) rows each.
        members: (N_k, C) each, rows of sum 1: classes one-hot.
        start_S: places, in all sets one after the other, of the rows to start from.
        label: >= 0.
        rounds: at most; they end where nothing moves.

    Returns:
        Rows (S, D), shares (S, C), and of each round `spread`, the mean cost before it, and `moved`.

    Raises:
        Refused: see `scaled_cost` and `exact_plan`.
    """
    pool_ND = np.concatenate(sets)
    b_SD, p_SC, history = pool_ND[start_S], np.concatenate(members)[start_S], History()
    size = float(2 * pool_ND.var(axis=0).sum()) or 1.0
    for _ in range(rounds):
        sent, spread = [], 0.0
        for x_ND, y_NC in zip(sets, members, strict=True):
            cost_SN = scaled_cost(b_SD, x_ND, lambda _: size) + label / 2 * euclidean_distances(
                p_SC, y_NC, squared=True
            )
            plan_SN = exact_plan(cost_SN)
            spread += float((plan_SN * cost_SN).sum()) / len(sets)
            sent.append((len(start_S) * plan_SN @ x_ND, len(start_S) * plan_SN @ y_NC))
        before_SD, b_SD = b_SD, np.mean([rows for rows, _ in sent], axis=0)
        p_SC = np.mean([shares for _, shares in sent], axis=0)
        moved = float(np.sqrt(np.square(b_SD - before_SD).sum(axis=1).mean() / size))
        history.append({"spread": spread, "moved": moved, "mixed": float(1 - p_SC.max(axis=1).mean())})
        if moved <= STILL:
            break
    return b_SD, p_SC, history
