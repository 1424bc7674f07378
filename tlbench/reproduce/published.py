"""The numbers that a paper prints, as results/<paper>/published.csv holds them."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from tlbench.errors import TlbenchError
from tlbench.paths import results_dir

AVERAGE = "average"
COLUMNS = ["row", "part", "pair", "value", "sd", "runs", "verified_by"]


def published(name: str) -> pd.DataFrame:
    """Read row, part, pair (`amazon-webcam`, or a printed `average`), value and sd in percent, runs, verified_by.

    Raises:
        TlbenchError: the file is not there (results/ is not part of an installed package), or lacks a column.
    """
    path = results_dir() / name / "published.csv"
    if not path.is_file():
        raise TlbenchError(
            f"{path} is missing: the published numbers are in the repository's results/, not in the package."
        )
    table = read_table(path).astype({"runs": "Int64"})
    if lacking := [column for column in COLUMNS if column not in table]:
        raise TlbenchError(f"{path} lacks the column {lacking[0]}. It needs {', '.join(COLUMNS)}.")
    return table[COLUMNS]


def read_table(path: Path) -> pd.DataFrame:
    """Read a CSV of this package's tables. `NA` is a row (no adaptation), and no missing value."""
    names = ("row", "part", "pair", "reference", "flag", "hole", "verified_by")
    table = pd.read_csv(path, keep_default_na=False, na_values=[""])
    return table.assign(**{name: table[name].fillna("").astype(str) for name in names if name in table})
