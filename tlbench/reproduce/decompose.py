"""How much of a gain over another row is the method's, how much the recipe's, how much that of the rule of selection.

For a row m that the paper compares with a row o, its matched reference r (the reference on m's own recipe), the paper's rule R
and a rule L that needs no target labels, with S the score:

    S_R(m) - S_R(o)  =  [S_L(m) - S_L(r)]  +  [S_L(r) - S_L(o)]  +  the rest
        gain                method               recipe              selection
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from tlbench.reproduce.published import AVERAGE
from tlbench.reproduce.recipe import Paper
from tlbench.selection.rules import LAST, ORACLE
from tlbench.store.runs import RunStore
from tlbench.sweeping.plan import Job

PARTS = ["method", "recipe", "selection"]
COLUMNS = ["row", "over", "part", "pair", "gain", *PARTS]


def label_free(rule: str) -> str:
    """Return the rule itself, or the end of the run where it looks at target labels."""
    return LAST if rule == ORACLE else rule


def observed(store: RunStore, plan: Mapping[tuple[str, str], Sequence[Job]], rule: str) -> pd.DataFrame:
    """Return what `decompose` needs of each run that was asked for.

    Returns:
        row, part, pair, seed, by_rule (its score under the rule), label_free (under `label_free(rule)`), reference (that of its
        matched reference under the same; its own, where it is a reference itself). Percent; nan where a run is not done.
    """
    rows, free = [], label_free(rule)
    for (part, row), some in plan.items():
        for job in (job for job in some if job.asked):
            record = store.record(job.key)
            reference = record if not job.config.reference_names else _reference(store, record, rule)
            values = (_score(record, rule), _score(record, free), _score(reference, free))
            rows.append((row, part, str(job.config.pair), job.config.seed, *values))
    return pd.DataFrame(rows, columns=["row", "part", "pair", "seed", "by_rule", "label_free", "reference"])


def decompose(scores: pd.DataFrame, paper: Paper) -> pd.DataFrame:
    """Split the gains of the rows that have an `over`, in points, into parts that sum to them.

    Args:
        scores: `observed`; each row's mean over its seeds counts, however many those are.

    Returns:
        row, over, part, pair, gain, method, recipe, selection: one row per (row, part, pair), then one with pair `average`, their
        mean. All four are nan where a score that one of them needs is missing, and in the average of such pairs.
    """
    cells = scores.groupby(["row", "part", "pair"], sort=False)[["by_rule", "label_free", "reference"]].agg(
        lambda values: values.mean(skipna=False)
    )
    found = []
    for name, row in paper.rows.items():
        if row.over is None or name not in cells.index or row.over not in cells.index:
            continue
        m, o = cells.loc[name], cells.loc[row.over].reindex(cells.loc[name].index)
        own = pd.DataFrame({"gain": m["by_rule"] - o["by_rule"], "method": m["label_free"] - m["reference"]})
        own["recipe"] = m["reference"] - o["label_free"]
        rest = own["gain"] - own["method"] - own["recipe"]
        own["selection"] = rest.round(9) + 0.0  # no rests of rounding, and no -0.0
        own[own.isna().any(axis=1)] = float("nan")
        average = {"row": name, "over": row.over, "part": "", "pair": AVERAGE, **own.mean(skipna=False).to_dict()}
        found += [own.reset_index().assign(row=name, over=row.over), pd.DataFrame([average])]
    return pd.concat(found, ignore_index=True)[COLUMNS] if found else pd.DataFrame(columns=COLUMNS)


def _reference(store: RunStore, record: dict[str, Any] | None, rule: str) -> dict[str, Any] | None:
    """Return the record of the reference whose gain is flagged."""
    if record is None or record["status"] != "done":
        return None
    gain = record["selections"][rule]["gains"].get(record["reference"])
    return None if gain is None else store.record(gain["run_key"])


def _score(record: dict[str, Any] | None, rule: str) -> float:
    if record is None or record["status"] != "done" or rule not in record["selections"]:
        return float("nan")
    return 100 * float(record["selections"][rule]["metrics"][record["metric"]])
