"""What flags are called, and which cells bear one."""

from __future__ import annotations

import pandas as pd

FLAGS = {"negative": "▼", "positive": "▲", "no_effect": "≈", "inconclusive": "○", "few_seeds": "?", "": ""}
MEANING = {
    "negative": "negative transfer: the gain is below zero beyond noise",
    "positive": "the gain is above zero beyond noise",
    "no_effect": "the gain is shown to be within the margin: as good as none",
    "inconclusive": "noise could explain the gain, and a gain that matters is not ruled out",
    "few_seeds": "fewer than three seeds: no statement",
}


def unanimous(cells: pd.DataFrame, flag: str) -> pd.DataFrame:
    """Return the cells without a flag of their own, every run of which (two or more) is flagged `flag` by itself."""
    open_ = cells[(cells["role"] == "method") & cells["gain"].notna() & ~cells["flag"].isin(["negative", "positive"])]
    return open_[(open_[f"runs_{flag}"] == open_["n_seeds"]) & (open_["n_seeds"] > 1)]


def n_tests(cells: pd.DataFrame) -> int:
    """Count the gains of methods that are corrected together."""
    methods = cells[:0] if cells.empty else cells[cells["role"] == "method"]
    return int(methods["n_tests"].max()) if len(methods) else 0
