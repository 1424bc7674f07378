"""The cells that lose most, for a closer look."""

from __future__ import annotations

import pandas as pd

LOOKED_AT = 3


def worst_cells(cells: pd.DataFrame, classes: pd.DataFrame) -> pd.DataFrame:
    """Return at most LOOKED_AT cells of methods: the negative ones, then those with a negative class, the greatest loss first."""
    if cells.empty:
        return cells
    hit = set(classes.loc[classes["class_flag"] == "negative", "cell_key"]) if len(classes) else set()
    methods = cells[(cells["role"] == "method") & cells["gain"].notna()]
    methods = methods.assign(rank=methods["flag"].ne("negative").astype(int))
    chosen = methods[(methods["rank"] == 0) | methods["cell_key"].isin(hit)]
    return chosen.sort_values(["rank", "gain"], kind="stable").head(LOOKED_AT)
