"""How numbers and flags are written, the same in every format."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from tlbench.findings.flags import FLAGS, n_tests
from tlbench.findings.names import rule_name
from tlbench.findings.number_format import plus_minus, points
from tlbench.findings.overview import COUNTED
from tlbench.findings.rule import Rule
from tlbench.transfer.crossed_gain import CORRECTIONS

if TYPE_CHECKING:
    from tlbench.findings.evidence import Evidence


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


def glance_texts(table: pd.DataFrame) -> pd.DataFrame:
    """`at_a_glance`'s table as pages print it."""
    words = {"positive": "helped", "negative": "hurt", "no_effect": "no difference", "inconclusive": "cannot tell",
             "few_seeds": "too few seeds"}  # fmt: skip
    shown = pd.DataFrame({"method": table["method"]})
    for flag in COUNTED:  # the answer stands where a phone shows it
        if flag in ("positive", "negative") or table[flag].any():
            shown[f"{FLAGS[flag]} {words[flag]}"] = table[flag].astype(str)
    shown["of pairs"] = table["n_pairs"].astype(str)
    shown["mean gain (points)"] = [points(g, signed=True) for g in table["gain"]]
    shown["over"] = table["over"]
    return shown


def legend_of(found: Evidence) -> str:
    """The legend of all that stands on one evidence."""
    return legend(found.rule, 0 if found.cells.empty else n_tests(found.cells))
