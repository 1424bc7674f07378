"""What a paper says of its method without a number that could be compared: tested on the runs of the recipe."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy import stats

from tlbench.reproduce.recipe import Claim

COLUMNS = ["claim", "kind", "row", "over", "parts", "estimate", "low", "high", "n", "over_what", "verdict"]
HOLDS, FAILS, OPEN, MISSING = "holds", "does not hold", "noise could explain either", "runs are missing"


def judge_claims(runs: pd.DataFrame, claims: Sequence[Claim], level: float) -> pd.DataFrame:
    """Return one row per claim and group of parts.

    `above`: the mean over pairs of score(row) - score(over) in a part is above zero. `shrinks`: that gain falls from each
    pair's first part to its last. A pair counts once, with the mean over its seeds; the interval is Student's over pairs.
    Where what is judged (the part, or the parts of `shrinks`) has one pair, it is over that pair's seeds.

    Args:
        runs: row, part, pair, seed, score (percent; nan where a run is not done).

    Returns:
        claim, kind, row, over, parts, estimate (points), low, high (of the interval of level 1 - `level`), n and over_what (so
        many pairs or seeds), verdict: whether the interval lies above zero, below it (`does not hold`), or over it.
    """
    rows = []
    for claim in claims:
        for parts in [[part] for part in claim.parts] if claim.kind == "above" else [claim.parts]:
            own = runs[runs["part"].isin(parts)]
            unit = "pair" if own["pair"].nunique() > 1 else "seed"
            means = own.groupby(["row", "part", unit])["score"].agg(lambda s: s.mean(skipna=False))
            first, last = (means[claim.row, part] - means[claim.over, part] for part in (parts[0], parts[-1]))
            value = first if claim.kind == "above" else first - last
            estimate, low, high = _interval(value.to_numpy(float), level)
            verdict = MISSING if np.isnan(estimate) else HOLDS if low > 0 else FAILS if high < 0 else OPEN
            said = (claim.text, claim.kind, claim.row, claim.over, " to ".join(parts))
            rows.append((*said, estimate, low, high, len(value), f"{unit}s", verdict))
    return pd.DataFrame(rows, columns=COLUMNS)


def _interval(values: np.ndarray, level: float) -> tuple[float, float, float]:
    if len(values) < 2 or np.isnan(values).any():
        return float("nan"), float("nan"), float("nan")
    half = stats.t.ppf(1 - level / 2, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values))
    return float(values.mean()), float(values.mean() - half), float(values.mean() + half)
