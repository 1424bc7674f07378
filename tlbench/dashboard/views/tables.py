"""Cells and runs as tables for people: rounded, the word ORACLE on whatever used target labels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from tlbench.findings.flags import FLAGS
from tlbench.findings.names import class_name, method_name, pair_title, rule_name
from tlbench.findings.number_format import HURTS, number, p_text, plus_minus, points
from tlbench.store.setting_columns import in_words


def cell_rows(cells: pd.DataFrame, settings: Sequence[str] = ()) -> pd.DataFrame:
    """Return one row a cell of `summarise`'s table, in its order.

    Args:
        settings: columns of the table that are settings, such as `method.dim`; shown behind the method.
    """
    rows = [
        {
            "method": method_name(cell),
            "data set": cell.dataset,
            "pair": pair_title(cell.pair),
            "gain": plus_minus(cell.gain, cell.gain_half, signed=True),
            "flag": f"{FLAGS[cell.flag]} {cell.flag}".strip().replace("_", " "),
            HURTS: number(cell.warning),
            "corrected p": p_text(cell.p_corrected),
            "score": plus_minus(cell.score, cell.score_half),
            "over": cell.reference if isinstance(cell.reference, str) else "",
            "protocol": cell.protocol,
            "backbone": cell.backbone,
            "seeds": f"{cell.n_seeds} of {cell.n_expected}",
            "missing": cell.hole,
        }
        for cell in cells.itertuples()
    ]
    shown = _without_empty_warning(pd.DataFrame(rows).astype(str), cells["warning"])
    for place, name in enumerate(settings, 1):
        shown.insert(place, name, ["" if value is None else in_words(value) for value in cells[name]])
    return shown


def cell_words(cell: Any) -> str:
    """Write a cell in a list."""
    gain = "" if pd.isna(cell.gain) else f": {points(cell.gain, signed=True)} {FLAGS[cell.flag]}"
    return f"{method_name(cell)} on {pair_title(cell.pair)}, {cell.dataset}, {cell.protocol}, {cell.backbone}{gain}"


def run_rows(runs: pd.DataFrame) -> pd.DataFrame:
    """Return one row a run of the tidy table under one selection."""
    rows = [
        {
            "run": run.run_key,
            "status": run.status,
            "method": f"ORACLE {run.method}" if run.uses_target_labels is True else run.method,
            "seed": run.seed,
            "selection": rule_name(run.selection),
            "step": "" if pd.isna(run.step) else int(run.step),
            "score": points(100 * run.score),
            "gain": points(run.gain, signed=True),
            "interval": "" if pd.isna(run.gain_low) else f"{points(run.gain_low)} to {points(run.gain_high)}",
            "p": p_text(run.gain_p),
            "flag": "" if pd.isna(run.gain_flag) else f"{FLAGS[run.gain_flag]} {run.gain_flag}".replace("_", " "),
            HURTS: number(run.warning),
            "over": run.reference if isinstance(run.reference, str) else "",
            "reason": run.reason if isinstance(run.reason, str) else "",
        }
        for run in runs.itertuples()
    ]
    return _without_empty_warning(pd.DataFrame(rows).astype(str), runs["warning"])


def _without_empty_warning(shown: pd.DataFrame, warnings: pd.Series) -> pd.DataFrame:
    return shown if warnings.notna().any() else shown.drop(columns=HURTS, errors="ignore")


def run_words(run: Any) -> str:
    """Write a run in a list."""
    return f"{run.method} on {pair_title(run.pair)}, {run.dataset}, {run.protocol}, seed {run.seed}, {run.status} ({run.run_key})"


def with_class_names(predictions: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """Return a table of predictions with the names of the classes for their numbers."""
    columns = [name for name in ("label", "prediction", "reference_prediction") if name in predictions]
    return predictions.assign(**{c: [class_name(number, names) for number in predictions[c]] for c in columns})
