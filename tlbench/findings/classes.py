"""Class by class: averages rise while classes collapse."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from tlbench.findings.differences import CellDifferences
from tlbench.findings.rule import Rule
from tlbench.store.table import CELL
from tlbench.transfer.cells import Crossed, cell_flag, corrected, half_width, p_above

LISTED = 5
KEPT = ["cell_key", *CELL, "variant", "uses_target_labels", "reference", "n_seeds", "gain", "flag"]
COLUMNS = ["class", "class_gain", "class_half", "class_p", "class_p_corrected", "class_flag", "n_class_tests"]


def class_table(
    cells: pd.DataFrame,
    differences: Mapping[str, CellDifferences],
    names: Mapping[str, Sequence[str]],
    rule: Rule,
) -> pd.DataFrame:
    """One row per class of each method's cell that has a gain: gain of the class's accuracy, interval, p, flag.

    Corrected over all classes of all methods' cells of the report together.

    Args:
        cells: `summarise`'s table.
        names: dataset to the names of its classes.

    Returns:
        cell_key, CELL, variant, reference, n_seeds, gain (of the cell), flag (of the cell), and COLUMNS.
    """
    if cells.empty:
        return pd.DataFrame(columns=[*CELL, *COLUMNS])
    rows: list[dict] = []
    found: list[Crossed] = []
    for cell in cells[(cells["role"] == "method") & cells["gain"].notna()].to_dict("records"):
        kept = {name: cell[name] for name in KEPT}
        labels = names.get(cell["dataset"], [])
        for number, part in enumerate(differences[cell["cell_key"]].classes):
            if part is not None:
                rows.append({**kept, "class": labels[number] if number < len(labels) else str(number)})
                found.append(part)
    if not rows:
        return pd.DataFrame(columns=[*CELL, *COLUMNS])
    table, gains = pd.DataFrame(rows), np.array([part.gain for part in found])
    p = 2 * p_above(found, np.abs(gains))
    small = np.where(np.abs(gains) < rule.margin, p_above(found, np.maximum(rule.margin - np.abs(gains), 0)), 1.0)
    p_corrected, small = (
        corrected(p.tolist(), rule.correction),
        corrected(np.where(np.isnan(p), np.nan, small).tolist(), rule.correction),
    )
    flags = [
        cell_flag(g, q, e, n, rule.alpha)
        for g, q, e, n in zip(gains, p_corrected, small, table["n_seeds"], strict=True)
    ]
    half = half_width(found, rule.alpha)
    return table.assign(
        class_gain=gains,
        class_half=half,
        class_p=p,
        class_p_corrected=p_corrected,
        class_flag=flags,
        n_class_tests=int((~np.isnan(p)).sum()),
    )


def collapsed(classes: pd.DataFrame) -> pd.DataFrame:
    """Classes that are flagged negative in cells that are not, worst first: what an average hides."""
    if classes.empty:
        return classes
    hidden = (classes["class_flag"] == "negative") & (classes["flag"] != "negative")
    return classes[hidden].sort_values("class_gain")


def lowest(classes: pd.DataFrame) -> pd.DataFrame:
    """The LISTED classes that lose most without a flag, in cells that are not negative: what noise could explain, or hide."""
    open_ = (
        ~classes["class_flag"].isin(["negative", "positive"])
        & (classes["flag"] != "negative")
        & (classes["class_gain"] < 0)
    )
    return classes[open_].sort_values("class_gain").head(LISTED)


def of_cell(classes: pd.DataFrame, cell_key: str) -> pd.DataFrame:
    """The classes of one cell, as `figures.classes.class_gains` takes them; no row for a cell without a gain."""
    return classes[classes["cell_key"] == cell_key].reset_index(drop=True)
