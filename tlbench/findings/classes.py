"""Class by class: averages rise while classes collapse."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from tlbench.findings.cells import NAMED
from tlbench.findings.differences import CellDifferences
from tlbench.findings.judgement import judge
from tlbench.findings.names import class_name
from tlbench.findings.rule import Rule

LISTED = 5
KEPT = [*NAMED, "reference", "n_seeds", "gain", "flag"]
COLUMNS = ["class", "class_gain", "class_half", "class_p", "class_p_corrected", "class_flag", "n_class_tests"]


def class_table(
    cells: pd.DataFrame, differences: Mapping[str, CellDifferences], names: Mapping[str, Sequence[str]], rule: Rule
) -> pd.DataFrame:
    """Return one row per class of each method's cell that has a gain: gain of the class's accuracy, interval, p, flag.

    Corrected over all classes of all methods' cells of the report together.

    Args:
        cells: `summarise`'s table.
        names: dataset to the names of its classes.

    Returns:
        KEPT (gain and flag are the cell's) and COLUMNS.
    """
    if cells.empty:
        return pd.DataFrame(columns=[*KEPT, *COLUMNS])
    rows: list[dict] = []
    found: list[CellDifferences] = []
    for cell in cells.loc[(cells["role"] == "method") & cells["gain"].notna(), KEPT].to_dict("records"):
        for number, part in enumerate(differences[cell["cell_key"]].classes):
            if part is not None:
                rows.append({**cell, "class": class_name(number, names.get(cell["dataset"], ()))})
                found.append(CellDifferences(part, [], None))
    if not rows:
        return pd.DataFrame(columns=[*KEPT, *COLUMNS])
    said = judge(found, rule)
    return pd.DataFrame(rows).assign(
        class_gain=said.gain,
        class_half=said.half,
        class_p=said.p,
        class_p_corrected=said.p_corrected,
        class_flag=said.flag,
        n_class_tests=int((~np.isnan(said.p)).sum()),
    )


def collapsed(classes: pd.DataFrame) -> pd.DataFrame:
    """Return the classes that are flagged negative in cells that are not, worst first: what an average hides."""
    if classes.empty:
        return classes
    hidden = (classes["class_flag"] == "negative") & (classes["flag"] != "negative")
    return classes[hidden].sort_values("class_gain")


def lowest(classes: pd.DataFrame) -> pd.DataFrame:
    """Return the LISTED classes that lose most without a flag, in cells that are not negative: noise may explain them."""
    losing = classes[(classes["class_gain"] < 0) & (classes["flag"] != "negative")]
    open_ = losing[~losing["class_flag"].isin(["negative", "positive"])]
    return open_.sort_values("class_gain").head(LISTED)


def of_cell(classes: pd.DataFrame, cell_key: str) -> pd.DataFrame:
    """Return the classes of one cell, as `figures.class_gains` takes them; no row for a cell without a gain."""
    return classes[classes["cell_key"] == cell_key].reset_index(drop=True)
