"""How numbers and flags are written, the same in every format."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from tlbench.findings.flags import FLAGS, n_tests
from tlbench.findings.names import rule_name
from tlbench.findings.number_format import HURTS, hurts, plus_minus, points
from tlbench.findings.overview import COUNTED
from tlbench.transfer.crossed_gain import CORRECTIONS

if TYPE_CHECKING:
    from tlbench.findings.evidence import Evidence

WARNED = (
    f" {HURTS}: the warning, a probability of a gain below 0, mean over seeds. It is made without any target label and stands "
    "beside the flag, which is made with them."
)


def cell_text(cell: Any) -> tuple[str, str]:
    """Return (score, gain with its flag) of one cell, or what is missing; a dash for None, which was not planned."""
    if cell is None:
        return "–", ""
    if cell.hole:
        return cell.hole, ""
    score = plus_minus(cell.score, cell.score_half)
    if pd.isna(cell.gain):
        return score, ""
    counts = {"negative": cell.runs_negative, "positive": cell.runs_positive}
    alone = " ".join(f"{n}{FLAGS[flag]}" for flag, n in counts.items() if n)  # runs that are flagged by themselves
    gain = f"{plus_minus(cell.gain, cell.gain_half, signed=True)} {FLAGS[cell.flag]}"
    return score, (f"{gain} ({alone})" if alone else gain.rstrip())


def warning_text(cell: Any) -> str:
    """Return the warning of one cell; empty where it has none, and for None."""
    return "" if cell is None else hurts(cell.warning)


def warned_words(found: Evidence) -> str:
    """Tell what the warning is, where a cell has one; else nothing."""
    return WARNED if len(found.cells) and found.cells["warning"].notna().any() else ""


def average_text(score: float, gain: float) -> tuple[str, str]:
    """Return (score, gain) of an average, empty for no gain."""
    return points(score), "" if pd.isna(gain) else points(gain, signed=True)


def legend(found: Evidence) -> str:
    """Tell in one paragraph how the numbers came about."""
    rule = found.rule
    level, correction = f"{100 * (1 - rule.alpha):g} %", CORRECTIONS[rule.correction]
    small = f"≈ shown to be within ±{rule.margin:g} points (two one-sided tests, same correction), "
    return (
        f"Accuracy and gain in percentage points on the target test part; selection {rule_name(rule.selection)}. Accuracy: mean "
        f"over seeds ± half width of the {level} t interval over seeds. Gain: mean over seeds ± half width of its {level} "
        f"interval, in which seeds and test examples are both random (not corrected: flags are). Flags: {correction} over the "
        f"{n_tests(found.cells)} gains of methods in this report at level {rule.alpha:g} (those of references are corrected "
        f"among themselves). ▼ negative transfer, ▲ positive, {small if rule.margin else ''}○ inconclusive, ? fewer than three "
        "seeds. In brackets: runs that are negative or positive by themselves (exact paired test on the test examples, not "
        "corrected)."
    ) + warned_words(found)


def glance_texts(table: pd.DataFrame) -> pd.DataFrame:
    """Return `at_a_glance`'s table as pages print it."""
    words = ("helped", "hurt", "no difference", "cannot tell", "too few seeds")
    shown = pd.DataFrame({"method": table["method"]})
    for flag, word in zip(COUNTED, words, strict=True):  # the answer stands where a phone shows it
        if flag in ("positive", "negative") or table[flag].any():
            shown[f"{FLAGS[flag]} {word}"] = table[flag].astype(str)
    shown["of pairs"] = table["n_pairs"].astype(str)
    shown["mean gain (points)"] = [points(g, signed=True) for g in table["gain"]]
    shown["over"] = table["over"]
    return shown
