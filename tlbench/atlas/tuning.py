"""Does a search of hyper-parameters, chosen without target labels, change the answer?"""

from __future__ import annotations

import pandas as pd

from tlbench.atlas.atlas_cells import ALPHA
from tlbench.transfer.crossed_gain import spread

SAME = ["dataset", "data_words", "pair", "protocol", "backbone", "classifier", "method"]


def tuned_beside_default(cells: pd.DataFrame) -> pd.DataFrame:
    """Put the chosen trial of each search beside the defaults in the same place.

    Returns:
        SAME, data_family, gain_default, gain_tuned (points), moved (the chosen trial is another than the defaults).
    """
    tuned = cells["tuned"].astype(bool)
    default = cells.loc[~tuned & cells["source_shares"].isna(), [*SAME, "data_family", "cell_key", "gain"]]
    both = default.merge(cells.loc[tuned, [*SAME, "cell_key", "gain"]], on=SAME, suffixes=("_default", "_tuned"))
    return both.assign(moved=both["cell_key_default"] != both["cell_key_tuned"]).drop(
        columns=["cell_key_default", "cell_key_tuned"]
    )


def what_tuning_does(both: pd.DataFrame) -> pd.DataFrame:
    """Return, for each method and for all: places, families, moved (% of places), default, tuned (mean gains, data families
    alike), change and change_half (95 % t interval over families), below_default, below_tuned (% with a gain below 0)."""
    rows = []
    for name, own in [*both.groupby("method"), ("all", both)]:
        signs = own.assign(below_default=100.0 * (own["gain_default"] < 0), below_tuned=100.0 * (own["gain_tuned"] < 0),
                           moved=100.0 * own["moved"])  # fmt: skip
        means = signs.groupby("data_family")[
            ["gain_default", "gain_tuned", "below_default", "below_tuned", "moved"]
        ].mean()
        change = spread((means["gain_tuned"] - means["gain_default"]).tolist(), ALPHA)
        default, tuned, below_default, below_tuned, moved = means.mean()
        rows.append(
            (name, len(own), len(means), moved, default, tuned, change.mean, change.half, below_default, below_tuned)
        )
    names = [
        "method",
        "places",
        "families",
        "moved",
        "default",
        "tuned",
        "change",
        "change_half",
        "below_default",
        "below_tuned",
    ]
    return pd.DataFrame(rows, columns=names)
