"""From rows of the atlas to cells: the seeds of what is one run but for the seed, with an interval and a verdict."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats

from tlbench.transfer.crossed_gain import corrected

ALPHA = 0.05
TITLES = [
    "data_family", "dataset", "data_words", "pair", "method", "family", "setting", "protocol", "backbone", "classifier",
    "reference", "data_fingerprint",
]  # fmt: skip
MEANS = ["gain", "score", "reference_score", "source_shares"]
KEY = ["cell_key", "tuned", "rule"]
_WIDTH = 2 * stats.norm.ppf(1 - ALPHA / 2)


def compared_rows(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of methods that have a gain; what used target labels is none."""
    method = (rows["family"] != "reference") & ~rows["uses_target_labels"].fillna(False).astype(bool)
    return rows[method & rows["gain"].notna()]


def atlas_cells(rows: pd.DataFrame) -> pd.DataFrame:
    """Return one row a cell: the means over its seeds, and whether its gain is beyond noise.

    A cell of one run, where nothing is drawn, has that run's exact p. One of several seeds has that of a normal deviate whose
    variance is the mean of its runs' variances over test examples plus that of its seeds over their number: seeds share test
    examples, so the first part does not shrink. p is corrected over all cells (Benjamini and Hochberg).

    Returns:
        KEY, TITLES, MEANS (gain in points, scores in [0, 1]), every other number's mean (validators, distances, signals), n
        (seeds), se (points), p, p_corrected, verdict (`hurt`, `helped`, `open`).
    """
    own = compared_rows(rows)
    known = [c for c in own if str(c).startswith(("validator_", "reference_validator_", "distance_", "signal_"))]
    groups = own.groupby(KEY, sort=False, dropna=False)
    means = groups[[*MEANS, *known]].mean()
    cells = groups[TITLES].first().join(means).join(groups.size().rename("n"))
    examples = (
        (((own["gain_high"] - own["gain_low"]) / _WIDTH) ** 2).groupby([own[k] for k in KEY], dropna=False).mean()
    )
    seeds = groups["gain"].var(ddof=1).fillna(0.0) / cells["n"]
    cells["se"] = np.sqrt(examples.reindex(cells.index).fillna(0.0) + seeds)
    one = groups["gain_p"].first()
    with np.errstate(divide="ignore", invalid="ignore"):
        deviate = np.where(cells["gain"] == 0, 0.0, cells["gain"].abs() / cells["se"])
    cells["p"] = np.where(cells["n"] == 1, one, 2 * stats.norm.sf(deviate))
    cells["p_corrected"] = corrected(cells["p"].tolist(), "bh")
    beyond = cells["p_corrected"] < ALPHA
    cells["verdict"] = np.select(
        [beyond & (cells["gain"] < 0), beyond & (cells["gain"] > 0)], ["hurt", "helped"], "open"
    )
    return cells.reset_index()


def plain_cells(cells: pd.DataFrame) -> pd.DataFrame:
    """Return the cells with the defaults, in which the source's class shares are as they are."""
    return cells[~cells["tuned"].astype(bool) & cells["source_shares"].isna()]


def default_cells(cells: pd.DataFrame) -> pd.DataFrame:
    """Return the cells with the defaults."""
    return cells[~cells["tuned"].astype(bool)]
