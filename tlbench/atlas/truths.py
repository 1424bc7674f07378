"""Why it hurts: data whose shift is known, and the same places with class shares drawn anew."""

from __future__ import annotations

import pandas as pd

from tlbench.atlas.atlas_cells import ALPHA, default_cells, plain_cells
from tlbench.transfer.crossed_gain import spread

KNOWN = "gaussian_shifts"
SAME = ["dataset", "data_words", "pair", "backbone", "classifier", "method"]


def by_known_shift(cells: pd.DataFrame) -> pd.DataFrame:
    """Return mean gains (points) on data whose shift is known: a row a method, a column a kind of shift, the target's name."""
    own = plain_cells(cells)
    own = own[(own["dataset"] == KNOWN) & (own["setting"] == "closed_set")]
    kinds = [pair.rpartition("-")[2] for pair in own["pair"]]
    return own.assign(kind=kinds).pivot_table(index="method", columns="kind", values="gain", aggfunc="mean")


def by_class_shares(cells: pd.DataFrame) -> pd.DataFrame:
    """Compare the same method in the same places with the source's classes as they are and with shares drawn anew.

    Returns:
        method, places, as_they_are, drawn (mean gains, points, data families alike), change, change_half (95 % t interval over
        families), below_as_they_are, below_drawn (% of places with a gain below 0, families alike); the greatest loss first.
    """
    own = default_cells(cells)
    own = own[own["setting"] == "closed_set"]
    plain = own[own["source_shares"].isna()].groupby([*SAME, "data_family"], as_index=False)["gain"].mean()
    drawn = own[own["source_shares"].notna()].groupby(SAME, as_index=False)["gain"].mean()
    both = plain.merge(drawn, on=SAME, suffixes=("_plain", "_drawn"))
    rows = []
    for method, places in both.groupby("method"):
        signs = places.assign(
            below_plain=100.0 * (places["gain_plain"] < 0), below_drawn=100.0 * (places["gain_drawn"] < 0)
        )
        means = signs.groupby("data_family")[["gain_plain", "gain_drawn", "below_plain", "below_drawn"]].mean()
        change = spread((means["gain_drawn"] - means["gain_plain"]).tolist(), ALPHA)
        plain_gain, drawn_gain, below_plain, below_drawn = means.mean()
        rows.append((method, len(places), plain_gain, drawn_gain, change.mean, change.half, below_plain, below_drawn))
    names = ["method", "places", "as_they_are", "drawn", "change", "change_half", "below_as_they_are", "below_drawn"]
    return pd.DataFrame(rows, columns=names).sort_values("drawn", ignore_index=True)
