"""Many small targets, as where a model meets the people who use it: what a method does to the mean of them says little."""

from __future__ import annotations

import numpy as np
import pandas as pd

from tlbench.findings.cells import BLOCK, SETTING, sources_of
from tlbench.findings.names import method_name
from tlbench.findings.rule import Rule
from tlbench.transfer.crossed_gain import spread

FEWEST_TARGETS = 6
"""From so many targets on it is asked what happens to each."""
COLUMNS = [
    *BLOCK, SETTING, "sources", "method", "reference", "n_targets", "gain", "gain_half", "worst_target", "worst_gain",
    "worst_half", "harmed", "helped", "below_zero", "score", "worst_score",
]  # fmt: skip


def targets_table(cells: pd.DataFrame, rule: Rule) -> pd.DataFrame:
    """Return one row a method of each block and setting in which six targets or more have one pair each.

    Args:
        cells: `summarise`'s table.

    Returns:
        The columns of BLOCK, setting, sources (kind of pair), method, reference, n_targets; gain (mean over the targets,
        points) and gain_half, of an interval over targets as a sample of those to come; worst_target with worst_gain and
        worst_half; harmed and helped, targets flagged (p corrected over all that a report compares); below_zero, targets with
        a gain under 0 whatever its noise; score (mean) and worst_score. Methods that lack a target are left out.
    """
    if cells.empty:
        return pd.DataFrame(columns=COLUMNS)
    methods = cells[cells["role"] == "method"].copy()
    methods["target"] = [pair.rpartition("-")[2] for pair in methods["pair"]]
    methods["sources"] = sources_of(methods)
    methods["name"] = [method_name(cell) for cell in methods.itertuples()]
    rows = []
    for block, own in methods.groupby([*BLOCK, SETTING, "sources"], sort=False):
        n_targets = own["target"].nunique()
        if n_targets < FEWEST_TARGETS or own["pair"].nunique() > n_targets:
            continue
        for name, one in own.groupby("name", sort=False):
            if len(one) == n_targets and one["gain"].notna().all():
                rows.append([*block, name, *_of_method(one, rule)])
    found = pd.DataFrame(rows, columns=COLUMNS)
    return found.sort_values([*BLOCK, SETTING, "sources", "gain"], ascending=[True] * 7 + [False], ignore_index=True)


def _of_method(one: pd.DataFrame, rule: Rule) -> list[object]:
    gains, worst = one["gain"].to_numpy(np.float64), one.loc[one["gain"].idxmin()]
    over = spread(gains.tolist(), rule.alpha)
    flags = [int((one["flag"] == flag).sum()) for flag in ("negative", "positive")]
    return [
        worst["reference"], len(one), over.mean, over.half, worst["target"], worst["gain"], worst["gain_half"],
        *flags, int((gains < 0).sum()), one["score"].mean(), one["score"].min(),
    ]  # fmt: skip
