"""How numbers are written, the same in every format."""

from __future__ import annotations

import pandas as pd

HURTS = "P(hurts)"
"""What pages call the warning: the probability, without a target label, of a gain below 0."""


def points(value: float, *, signed: bool = False) -> str:
    """Write a number in percentage points; a dash for none. Never `-0.0`."""
    if pd.isna(value):
        return "–"
    text = f"{value:+.1f}" if signed else f"{value:.1f}"
    return text.replace("-0.0", "0.0") if float(text) == 0 else text


def plus_minus(value: float, half: float, *, signed: bool = False) -> str:
    """Write `61.2 ± 2.1`; without a spread the value alone, a dash for none."""
    text = points(value, signed=signed)
    return text if pd.isna(value) or pd.isna(half) else f"{text} ± {half:.1f}"


def number(value: float, digits: int = 2) -> str:
    """Write a plain number; a dash for none."""
    return "–" if pd.isna(value) else f"{value:.{digits}f}"


def hurts(probability: float) -> str:
    """Write a warning: `P(hurts) 0.72`; empty for none."""
    return "" if pd.isna(probability) else f"{HURTS} {number(probability)}"


def p_text(value: float) -> str:
    """Write a p-value: `0.013`, `< 0.0001`; a dash for none."""
    if pd.isna(value):
        return "–"
    return "< 0.0001" if value < 1e-4 else f"{value:.2g}"


def p_equals(value: float) -> str:
    """Write a p-value inside a sentence: `p = 0.013`, `p < 0.0001`."""
    text = p_text(value)
    return f"p {text}" if text.startswith("<") else f"p = {text}"
