"""Methods ranked over families of data, with intervals that resample families."""

from __future__ import annotations

import numpy as np
import pandas as pd

from tlbench.atlas.atlas_cells import ALPHA, plain_cells
from tlbench.findings.cells import kind_of_pair
from tlbench.seeds import stream
from tlbench.transfer.ranks import Ranking, rank_methods

RESAMPLES = 2000


def gain_matrix(cells: pd.DataFrame) -> pd.DataFrame:
    """Return mean gains, a row a family of data and a column a method, of methods that every family has.

    Only the closed set without labels, one source, the source's own class shares and the defaults. A family with less than half
    of the methods that the richest one has is left out, so that it does not decide which methods are compared.
    """
    own = plain_cells(cells)
    own = own[(own["setting"] == "closed_set") & (own["pair"].map(kind_of_pair) == "one source")]
    wide = own.pivot_table(index="data_family", columns="method", values="gain", aggfunc="mean")
    tried = wide.notna().sum(axis=1)
    return wide[tried >= tried.max() / 2].dropna(axis=1)


def ranks(cells: pd.DataFrame) -> tuple[pd.DataFrame, Ranking] | None:
    """Rank methods by their mean gain in each family of data; not to adapt takes part with a gain of 0.

    Returns:
        method, rank (mean over families), rank_low, rank_high (95 % percentile interval over resampled families), gain (mean,
        points), the best first; and the tests of `rank_methods`. None where fewer than two families or methods are there.
    """
    wide = gain_matrix(cells)
    if min(wide.shape) < 2:
        return None
    wide = wide.assign(**{"(never adapt)": 0.0})
    found = rank_methods(wide, alpha=ALPHA)
    by_family = wide.round(9).rank(axis=1, ascending=False).to_numpy()
    drawn = stream(0, "atlas_ranks").integers(len(wide), size=(RESAMPLES, len(wide)))
    low, high = np.quantile(by_family[drawn].mean(axis=1), [ALPHA / 2, 1 - ALPHA / 2], axis=0)
    table = pd.DataFrame({"method": wide.columns, "rank_low": low, "rank_high": high, "gain": wide.mean().to_numpy()})
    table = table.assign(rank=table["method"].map(found.average_rank)).sort_values(
        ["rank", "method"], ignore_index=True
    )
    return table[["method", "rank", "rank_low", "rank_high", "gain"]], found
