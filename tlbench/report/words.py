"""How numbers and flags are written, the same in every format."""

from __future__ import annotations

from typing import Any

import pandas as pd

from tlbench.report.cells import Rule
from tlbench.report.section import points
from tlbench.transfer.cells import CORRECTIONS

FLAGS = {"negative": "▼", "positive": "▲", "no_effect": "≈", "inconclusive": "○", "few_seeds": "?", "": ""}
MEANING = {
    "negative": "negative transfer: the gain is below zero beyond noise",
    "positive": "the gain is above zero beyond noise",
    "no_effect": "the gain is shown to be within the margin: as good as none",
    "inconclusive": "noise could explain the gain, and a gain that matters is not ruled out",
    "few_seeds": "fewer than three seeds: no statement",
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
    text = points(value, signed=signed)
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
        & (cells["role"] == "method")
    ]


def n_tests(cells: pd.DataFrame) -> int:
    """Gains of methods that are corrected together."""
    methods = cells[cells["role"] == "method"]
    return int(methods["n_tests"].max()) if len(methods) else 0


def rule_name(selection: str) -> str:
    """A selection as pages print it."""
    return "ORACLE (best on the target test labels)" if selection == "oracle" else selection


def legend(rule: Rule, n_gains: int) -> str:
    """One paragraph on how the numbers came about."""
    level, correction = f"{100 * (1 - rule.alpha):g} %", CORRECTIONS[rule.correction]
    small = (
        f"≈ shown to be within ±{rule.margin:g} points (two one-sided tests, same correction), " if rule.margin else ""
    )
    return (
        f"Accuracy and gain in percentage points on the target test part; selection {rule_name(rule.selection)}. Accuracy: mean "
        f"over seeds ± half width of the {level} t interval over seeds. Gain: mean over seeds ± half width of its {level} "
        f"interval, in which seeds and test examples are both random (not corrected: flags are). Flags: {correction} over the "
        f"{n_gains} gains of methods "
        f"in this report at level {rule.alpha:g} (those of references are corrected among themselves). ▼ negative transfer, "
        f"▲ positive, {small}○ inconclusive, ? fewer than three seeds. In brackets: runs that are negative or positive by "
        "themselves (exact paired test on the test examples, not corrected)."
    )
