"""Each method's mean over the pairs, with an interval and its average rank."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import special

from tlbench.findings.names import method_name
from tlbench.findings.rule import Rule
from tlbench.transfer.ranks import rank_methods


def leaderboard_table(cells: pd.DataFrame, rule: Rule) -> pd.DataFrame:
    """Return one row a method: its mean over the pairs of the table, where it has all of them.

    The interval is of the mean over these very pairs: seeds are random, pairs are not. Its variance is the mean of the pairs'
    sd^2 / seeds, over the number of pairs; degrees of freedom by Satterthwaite.

    Args:
        cells: rows of `summarise`'s table of one protocol and recipe, of one data set or several; holes have no score.

    Returns:
        method, mean and half (points; nan unless it has every pair), average_rank (among methods that have every pair),
        n_pairs (that it has), n_missing, n_seeds (of a pair, the fewest), pair_scores (list, points).

    Raises:
        ValueError: a method has a pair twice.
    """
    named = cells.assign(
        name=[method_name(cell) for cell in cells.itertuples()],
        place=[" ".join(place) for place in cells[["dataset", "pair", "protocol"]].astype(str).to_numpy()],
    )
    wide = named.pivot(index="place", columns="name", values="score")
    whole = wide.dropna(axis=1)
    rank = rank_methods(whole, alpha=rule.alpha).average_rank if whole.shape[1] else pd.Series(dtype=float)
    rows = []
    for method, own in named.groupby("name", sort=True):
        known = own[own["score"].notna()]
        missing, n_seeds = len(wide) - len(known), known["n_seeds"].min() if len(known) else 0
        mean_half = (np.nan, np.nan) if missing else _mean(known, rule.alpha)
        counts = (rank.get(method, np.nan), len(known), missing, n_seeds)
        rows.append((method, *mean_half, *counts, known["score"].tolist()))
    columns = ["method", "mean", "half", "average_rank", "n_pairs", "n_missing", "n_seeds", "pair_scores"]
    return pd.DataFrame(rows, columns=columns)


def _mean(own: pd.DataFrame, alpha: float) -> tuple[float, float]:
    """Return the mean over pairs, and the half width of its interval; nan where a pair has one seed."""
    n, sd, mean = own["n_seeds"].to_numpy(np.float64), own["score_sd"].to_numpy(np.float64), float(own["score"].mean())
    if (n < 2).any() or np.isnan(sd).any():
        return mean, np.nan
    parts = sd**2 / n / len(own) ** 2
    if parts.sum() == 0:
        return mean, 0.0
    df = parts.sum() ** 2 / (parts**2 / (n - 1)).sum()
    return mean, float(special.stdtrit(df, 1 - alpha / 2) * np.sqrt(parts.sum()))
