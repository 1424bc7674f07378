"""How numbers and flags are written, the same in every format."""

from __future__ import annotations

from typing import Any

import pandas as pd

FLAGS = {"negative": "▼", "positive": "▲", "inconclusive": "○", "few seeds": "?", "": ""}
MEANING = {
    "negative": "negative transfer: the gain is below zero beyond noise",
    "positive": "the gain is above zero beyond noise",
    "inconclusive": "noise could explain the gain",
    "few seeds": "fewer than three seeds: no statement",
}


def method_name(cell: Any) -> str:
    """The method as tables print it: ORACLE where target labels were used, the variant in brackets."""
    name = f"ORACLE {cell.method}" if cell.uses_target_labels else str(cell.method)
    return f"{name} [{cell.variant}]" if cell.variant else name


def block_title(block: tuple[str, str, str, str, str]) -> str:
    dataset, protocol, backbone, classifier, metric = block
    title = f"{dataset} · protocol {protocol} · backbone {backbone} · classifier {classifier}"
    return title if metric == "accuracy" else f"{title} · {metric.replace('_', ' ')}"


def plus_minus(value: float, half: float, *, signed: bool = False) -> str:
    """`61.2 ± 2.1`; without a spread the value alone."""
    if pd.isna(value):
        return "–"
    text = f"{value:+.1f}" if signed else f"{value:.1f}"
    return text if pd.isna(half) else f"{text} ± {half:.1f}"


def cell_text(cell: Any) -> tuple[str, str]:
    """(score, gain with its flag) of one cell, or what is missing."""
    if cell.hole:
        return cell.hole, ""
    if pd.isna(cell.gain):
        return plus_minus(cell.score, cell.score_half), ""
    gain = f"{plus_minus(cell.gain, cell.gain_half, signed=True)} {FLAGS[cell.flag]}"
    return plus_minus(cell.score, cell.score_half), f"{gain} {runs_alone(cell)}".rstrip()


def runs_alone(cell: Any) -> str:
    """How many runs of the cell are flagged by themselves: `(3▼)`, `(1▲)`, or nothing."""
    counts = [
        f"{n}{FLAGS[flag]}" for flag, n in (("negative", cell.runs_negative), ("positive", cell.runs_positive)) if n
    ]
    return f"({' '.join(counts)})" if counts else ""


def unanimous(cells: pd.DataFrame, flag: str) -> pd.DataFrame:
    """Cells without a flag of their own, every run of which (two or more) is flagged `flag` by itself."""
    runs = cells["runs_negative" if flag == "negative" else "runs_positive"]
    return cells[
        cells["gain"].notna()
        & (runs == cells["n_seeds"])
        & (cells["n_seeds"] > 1)
        & ~cells["flag"].isin(["negative", "positive"])
    ]


def legend(alpha: float, n_tests: int, selection: str) -> str:
    """One sentence on how the numbers came about."""
    rule = "ORACLE (best on the target test labels)" if selection == "oracle" else selection
    return (
        f"Accuracy and gain in percentage points on the target test part, mean over seeds ± half width of the "
        f"{100 * (1 - alpha):g} % t interval over seeds (over the test examples where all seeds gain the same); "
        f"selection {rule}. Flags: Holm over the {n_tests} gains of this report at level {alpha:g}; a cell's test takes the "
        "seeds as random and the test examples as given. ▼ negative transfer, ▲ positive, ○ inconclusive, ? fewer than "
        "three seeds. In brackets: runs that are negative or positive by themselves (exact paired test on the test "
        "examples, not corrected)."
    )
