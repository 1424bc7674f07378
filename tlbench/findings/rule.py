"""How findings are judged: by which checkpoints, at which level, with which margin and correction."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from tlbench.errors import TlbenchError


@dataclass(frozen=True)
class Rule:
    """How a report judges: `selection` whose checkpoints count, alpha = level of flags and 1 - level of intervals, margin in
    points, correction `holm` or `bh` over the methods' cells, and over the references' cells apart."""

    selection: str = "last"
    alpha: float = 0.05
    margin: float = 1.0
    correction: str = "holm"


def rule_of(runs: pd.DataFrame, selection: str, correction: str, margin: float | None) -> Rule:
    """Return how to judge, from the command and from what the runs were compared at; TlbenchError where that is mixed."""
    margin = _shared(runs, "margin", 1.0) if margin is None else margin
    return Rule(selection, _shared(runs, "alpha", 0.05), margin, correction)


def _shared(runs: pd.DataFrame, column: str, otherwise: float) -> float:
    values = sorted(runs[column].dropna().unique())
    if len(values) > 1:
        raise TlbenchError(
            f"This store's runs were compared with different {column}s, {', '.join(f'{v:g}' for v in values)}. Run the "
            f"sweeps again with one {column}=...; only the comparison is made anew."
        )
    return float(values[0]) if values else otherwise
