"""What a run's checkpoints and loss terms looked like over its steps."""

from __future__ import annotations

import numpy as np
import pandas as pd

from tlbench.errors import TlbenchError
from tlbench.selection.rules import LAST, ORACLE, SOURCE_VAL

SCORES = ["rule", "step", "score", "kind", "chosen"]
TERMS = ["name", "step", "value"]
FEWEST_CHECKPOINTS = 2
"""Of a run, for a curve."""


def score_table(checkpoints: pd.DataFrame, runs: pd.DataFrame, run_key: str) -> pd.DataFrame:
    """Return one row a rule and checkpoint of a run.

    Args:
        checkpoints, runs: of `read_tables`.

    Returns:
        rule (`oracle`: the target's score on its test labels, known to no rule but ORACLE; `source_val`; label-free
        validators), step, score, kind (`score`: the metric in points; `validator`: the validator's own unit, higher is
        better), chosen (bool: the checkpoint that the rule picks). `last` is a row a checkpoint of its own with score nan.

    Raises:
        TlbenchError: the run left no checkpoint.
    """
    own = checkpoints[checkpoints["run_key"] == run_key].sort_values("step")
    if own.empty:
        raise TlbenchError(f"Run {run_key} has no checkpoints in this store.")
    picks = runs[runs["run_key"] == run_key].set_index("selection")["step"]
    parts = []
    for column in own.columns.drop(["run_key", "step"]):
        rule = ORACLE if column == "oracle_score" else str(column)
        kind, scale = ("score", 100) if rule in (ORACLE, SOURCE_VAL) else ("validator", 1)
        known = own[own[column].notna()]
        parts.append(known[["step"]].assign(rule=rule, score=scale * known[column].astype(float), kind=kind))
    parts.append(own[["step"]].assign(rule=LAST, score=np.nan, kind="step"))
    table = pd.concat(parts, ignore_index=True)
    return table.assign(chosen=table["step"] == table["rule"].map(picks))[SCORES]


def term_table(history: pd.DataFrame, *, most: int = 200) -> pd.DataFrame:
    """Return the loss terms over steps, as means of neighbouring steps where there are more than `most`.

    Args:
        history: `RunStore.history`'s: step, name, value, a row a step and term.

    Returns:
        name, step (mean of the steps that a point stands for), value.
    """
    if history.empty:
        return pd.DataFrame(columns=TERMS)
    width = int(np.ceil((history["step"].max() + 1) / most))
    part = history["step"] // width
    means = history.groupby(["name", part.rename("part")], sort=False)[["step", "value"]].mean()
    return means.reset_index()[TERMS]
