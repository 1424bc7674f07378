"""Claimed beside got."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from tlbench.reproduce.published import AVERAGE
from tlbench.reproduce.recipe import Paper, Tolerance

WITHIN, DEVIATES, OPEN = "within tolerance", "deviates", "no tolerance"
NOT_PUBLISHED, INCOMPLETE = "not in the paper", "incomplete"


@dataclass(frozen=True)
class Verdict:
    """What is said of one row.

    Attributes:
        word: one of the words above.
        why: the numbers behind it.
    """

    word: str
    why: str


def compare(runs: pd.DataFrame, claims: pd.DataFrame, paper: Paper) -> pd.DataFrame:
    """Return one row per (row, part, pair), then one per row with pair `average` over all pairs.

    Args:
        runs: row, part, pair, seed, score (percent; nan where a run is not done).
        claims: `published`.

    Returns:
        row, part, pair, published, published_sd, got (mean over seeds), got_sd (n - 1), n (seeds), difference. An average is
        over the pairs of the row, and nan where one of them is; the published average is the printed one, or the mean of the
        pairs where none is printed. Averages of the paper over pairs that are not in the runs are left out.
    """
    found = runs.groupby(["row", "part", "pair"], sort=False)["score"]
    cells = found.agg(got=lambda s: s.mean(skipna=False), got_sd=lambda s: s.std(ddof=1, skipna=False), n="size")
    cells = cells.reset_index()
    names = {row: own.published for row, own in paper.rows.items()}
    cells["name"] = cells["row"].map(names)
    keys = {"left_on": ["name", "part", "pair"], "right_on": ["row", "part", "pair"], "suffixes": ("", "_of")}
    cells = cells.merge(claims, how="left", **keys)
    cells = cells.rename(columns={"value": "published", "sd": "published_sd"})
    averages = [_average(row, own, claims, names[row]) for row, own in cells.groupby("row", sort=False)]
    table = pd.concat([cells, pd.DataFrame(averages)], ignore_index=True)
    table["difference"] = (table["got"] - table["published"]).round(9) + 0.0  # a difference of rounding, and no -0.0
    return table[["row", "part", "pair", "published", "published_sd", "got", "got_sd", "n", "difference"]]


def _average(row: str, cells: pd.DataFrame, claims: pd.DataFrame, name: str | None) -> dict[str, object]:
    own = claims[claims["row"] == name]
    printed, of_paper = own[own["pair"] == AVERAGE]["value"], own[own["pair"] != AVERAGE]
    asked, had = (set(table[["part", "pair"]].itertuples(index=False, name=None)) for table in (of_paper, cells))
    claimed = printed.iloc[0] if len(printed) == 1 and asked == had else cells["published"].mean(skipna=False)
    got, n = cells["got"].mean(skipna=False), int(cells["n"].min())
    return {"row": row, "part": "", "pair": AVERAGE, "published": claimed, "got": got, "n": n}


def verdicts(table: pd.DataFrame, paper: Paper) -> dict[str, Verdict]:
    """Return each row's verdict. A deviation is one of the average, or of more pairs than the share allows."""
    return {row: _verdict(own, paper.rows[str(row)].tolerance) for row, own in table.groupby("row", sort=False)}


def _verdict(own: pd.DataFrame, tolerance: Tolerance | None) -> Verdict:
    cells, average = own[own["pair"] != AVERAGE], own[own["pair"] == AVERAGE].iloc[0]
    if cells["published"].isna().all():
        return Verdict(NOT_PUBLISHED, "")
    if holes := int(own["got"].isna().sum()):
        return Verdict(INCOMPLETE, f"{holes} of {len(own)} numbers are missing")
    off = cells["difference"].abs()
    said = f"average {average['difference']:+.2f}, pairs off by {off.mean():.2f} on average and {off.max():.2f} at most"
    if tolerance is None:
        return Verdict(OPEN, said)
    near, needed = int((off <= tolerance.cell + 1e-9).sum()), int(np.ceil(tolerance.share * len(cells) - 1e-9))
    said += f"; {near} of {len(cells)} pairs within {tolerance.cell:g} ({needed} needed)"
    bad = near < needed or (tolerance.average is not None and abs(average["difference"]) > tolerance.average + 1e-9)
    if tolerance.average is not None:
        said += f", average within {tolerance.average:g} asked"
    return Verdict(DEVIATES if bad else WITHIN, said)


def succeeded(found: Mapping[str, Verdict]) -> bool:
    """Tell whether no row deviates or is incomplete."""
    return not {verdict.word for verdict in found.values()} & {DEVIATES, INCOMPLETE}


def claimed_numbers(table: pd.DataFrame, paper: Paper) -> pd.DataFrame:
    """Return the numbers of pairs that are both printed and measured, in the recipe's order of rows: what the figure draws."""
    known = table[(table["pair"] != AVERAGE) & table["published"].notna() & table["got"].notna()]
    place = {row: i for i, row in enumerate(paper.rows)}
    return known.sort_values("row", key=lambda rows: rows.map(place), kind="stable").reset_index(drop=True)
