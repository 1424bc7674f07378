"""Would the warning have known? What it said of each cell without a target label, beside the gain that the labels show."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from tlbench.findings.calibration import wilson
from tlbench.findings.cells import NAMED
from tlbench.transfer.prediction import FEWEST_FOR_INTERVAL
from tlbench.transfer.warning.scoring import (
    EVEN,
    Estimate,
    Statistic,
    auroc,
    brier,
    calibration_error,
    interval,
    obeyed,
    reliability,
)

COLUMNS = [*NAMED, "reference", "n_seeds", "gain", "gain_half", "flag", "warning"]
BINNED = ["warning", "hurt", "low", "high", "n"]
FEWEST_CELLS = 10
"""Cells that a score, and each bin of its calibration, needs."""
MOST_BINS = 10
LISTED = 10


@dataclass(frozen=True)
class WarningScore:
    """How good the warning of some cells was, each cell counted once; hurt is a gain below 0.

    Attributes:
        n, n_hurt, n_pairs: cells, those that were hurt, and pairs of all data sets.
        auroc: over all cells; `beyond_noise` over the n_flagged that are negative or positive, nan where these are few or alike.
        brier: mean squared difference of warning and outcome; `brier_of_share`: that of who says the share hurt of every cell.
        calibration_error: mean over cells of |share hurt - mean warning| of their bin.
        n_bins: bins of ten cells or more, at most ten, equally filled.
        obeyed, always: mean gain in points of who keeps the reference from a warning of 1/2 on, and of who always adapts; who
            never does gains 0.
        better: the first less the second.
    """

    n: int
    n_hurt: int
    n_pairs: int
    auroc: Estimate
    beyond_noise: Estimate
    n_flagged: int
    brier: float
    brier_of_share: float
    calibration_error: float
    n_bins: int
    obeyed: Estimate
    always: Estimate
    better: Estimate


def warned(cells: pd.DataFrame) -> pd.DataFrame:
    """Return COLUMNS of the methods' cells that have a gain and a warning.

    Args:
        cells: `summarise`'s table.
    """
    if cells.empty:
        return pd.DataFrame(columns=COLUMNS)
    known = (cells["role"] == "method") & cells["gain"].notna() & cells["warning"].notna()
    return cells.loc[known, COLUMNS].reset_index(drop=True)


def versions_of(runs: pd.DataFrame, selection: str) -> list[str]:
    """Return the versions of the models that made the warnings of some runs (tidy table) under a selection."""
    told = runs.reindex(columns=["selection", "warning_version"])
    return sorted(told.loc[told["selection"] == selection, "warning_version"].dropna().astype(str).unique())


def why_no_score(table: pd.DataFrame) -> str:
    """Tell why `warned`'s table has no score; empty where it has one."""
    n, n_hurt = len(table), int((table["gain"] < 0).sum())
    if n < FEWEST_CELLS:
        return f"{n} {'cell has' if n == 1 else 'cells have'} a warning; below {FEWEST_CELLS} nothing is said of how good it is."
    if n_hurt in (0, n):
        which = "No" if n_hurt == 0 else "Every"
        return f"{which} one of the {n} cells with a warning has a gain below 0: there are no two kinds to tell apart."
    return ""


def warning_score(table: pd.DataFrame) -> WarningScore | None:
    """Score the warning by the gains; None where `why_no_score` says why.

    Args:
        table: `warned`'s.
    """
    if why_no_score(table):
        return None
    gain, said = table["gain"].to_numpy(float), table["warning"].to_numpy(float)
    hurt, taken = gain < 0, obeyed(gain, said)
    flagged, pairs = table["flag"].isin(["negative", "positive"]).to_numpy(), table["dataset"] + "\0" + table["pair"]
    clusters = pairs.to_numpy()

    def estimated(statistic: Statistic, of: np.ndarray | None = None) -> Estimate:
        return _interval(statistic, clusters if of is None else clusters[of])

    sure, told = hurt[flagged], said[flagged]
    enough = len(sure) >= FEWEST_CELLS and 0 < sure.sum() < len(sure)
    return WarningScore(
        n=len(table),
        n_hurt=int(hurt.sum()),
        n_pairs=pairs.nunique(),
        auroc=estimated(lambda rows: auroc(hurt[rows], said[rows])),
        beyond_noise=estimated(lambda rows: auroc(sure[rows], told[rows]), flagged)
        if enough
        else Estimate(*[np.nan] * 3),
        n_flagged=int(flagged.sum()),
        brier=brier(hurt, said),
        brier_of_share=float(hurt.mean() * (1 - hurt.mean())),
        calibration_error=calibration_error(hurt, said, n_bins(table)),
        n_bins=n_bins(table),
        obeyed=estimated(lambda rows: float(taken[rows].mean())),
        always=estimated(lambda rows: float(gain[rows].mean())),
        better=estimated(lambda rows: float((taken - gain)[rows].mean())),
    )


def _interval(statistic: Statistic, clusters: np.ndarray) -> Estimate:
    """Return a statistic with its interval over pairs; no interval where fewer than eight leave it too short."""
    if len(np.unique(clusters)) >= FEWEST_FOR_INTERVAL:
        return interval(statistic, clusters)
    return Estimate(statistic(np.arange(len(clusters))), float("nan"), float("nan"))


def n_bins(table: pd.DataFrame) -> int:
    """Return how many bins some cells fill."""
    return int(np.clip(len(table) // FEWEST_CELLS, 1, MOST_BINS))


def warning_bins(table: pd.DataFrame, alpha: float) -> pd.DataFrame:
    """Return BINNED, one row a bin of equally many cells: mean warning, share hurt with its interval, number of cells.

    The interval is Wilson's at level 1 - alpha; cells are taken as independent, which makes it short.

    Args:
        table: `warned`'s.
    """
    found = reliability(table["gain"].to_numpy(float) < 0, table["warning"].to_numpy(float), n_bins(table))
    ends = [wilson(round(share * n), int(n), alpha) for _, share, n in found]
    rows = [(said, share, *end, int(n)) for (said, share, n), end in zip(found, ends, strict=True)]
    return pd.DataFrame(rows, columns=BINNED)


def most_wrong(table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of `warned`'s table that are negative under a warning below 1/2, or positive under one from 1/2 on, the
    farthest from the truth first."""
    low = (table["flag"] == "negative") & (table["warning"] < EVEN)
    high = (table["flag"] == "positive") & (table["warning"] >= EVEN)
    far = (table["warning"] - (table["flag"] == "negative")).abs()
    order = far[low | high].sort_values(ascending=False, kind="stable").index
    return table.loc[order].reset_index(drop=True)
