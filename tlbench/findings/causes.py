"""Why did it hurt? A cause for each cell of negative transfer, with its evidence in words and numbers.

    selection     a checkpoint chosen on target labels (ORACLE) gains beyond noise, the one that was selected loses
    method        on the same pair another method gains beyond noise: the pair has what this method does not find
    data          every other way of transfer that was tried on the pair, one at least, loses beyond noise, and its domains are
                  far apart or contradict each other
    undetermined  none of these can be shown

They are tried in this order, the first that holds is the cause.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from tlbench.findings.cells import compared
from tlbench.findings.differences import Differences
from tlbench.findings.judgement import judge
from tlbench.findings.number_format import p_equals, points
from tlbench.findings.rule import Rule
from tlbench.selection.rules import ORACLE
from tlbench.store.runs import RunStore

FAR = 1.0
"""Proxy A-distance (0 to 2), over all examples or inside the classes (ORACLE), from which domains count as far apart: a linear
classifier tells the domain of 3 of 4 examples. Where a data set standardises each domain, only the one inside classes sees it."""
CONTRADICT = 0.2
"""Excess of the joint error (ORACLE) from which no one classifier serves both domains."""
SAME_PAIR = ["dataset", "pair", "protocol"]
KEPT = [*SAME_PAIR, "method", "variant", "uses_target_labels", "gain", "reference", "p_corrected", "warning"]
COLUMNS = ["cell_key", *KEPT, "cause", "shift", "evidence"]


def causes(
    cells: pd.DataFrame, runs: pd.DataFrame, distances: pd.DataFrame, store: RunStore, rule: Rule
) -> pd.DataFrame:
    """Return COLUMNS, one row per negative cell of a method; `shift` is what kind of shift its pair has, ORACLE.

    Args:
        cells: `summarise`'s table.
        distances: one row a (dataset, pair, protocol), means over seeds of the raw features' distances, and `oracle_shift`.
    """
    if cells.empty:
        return pd.DataFrame(columns=COLUMNS)
    negative = cells[(cells["role"] == "method") & (cells["flag"] == "negative")]
    cheats = set(runs.loc[runs["uses_target_labels"].astype(bool) & (runs["selection"] != ORACLE), "cell_key"])
    oracle = _oracle_gains(runs[runs["cell_key"].isin(negative["cell_key"])], store, rule)
    far = {tuple(row[name] for name in SAME_PAIR): row for row in distances.to_dict("records")}
    rows = []
    for cell in negative[["cell_key", *KEPT]].to_dict("records"):
        key, place = cell["cell_key"], tuple(cell[name] for name in SAME_PAIR)
        same = cells[(cells[SAME_PAIR] == place).all(axis=1)]
        others = same[(same["cell_key"] != key) & same["gain"].notna() & ~same["cell_key"].isin(cheats)]
        cause, evidence = cause_of(cell["gain"], others, oracle.get(key), far.get(place), rule)
        rows.append({**cell, "cause": cause, "shift": far.get(place, {}).get("oracle_shift", ""), "evidence": evidence})
    return pd.DataFrame(rows, columns=COLUMNS).sort_values("gain", ignore_index=True)


def cause_of(
    gain: float,
    others: pd.DataFrame,
    oracle: tuple[float, float] | None,
    distances: Mapping[str, float] | None,
    rule: Rule,
) -> tuple[str, str]:
    """Return the cause of a cell of negative transfer, and the evidence in words.

    Args:
        gain: of the cell, points.
        others: cells of the same data set, pair and protocol that have a gain: other methods, and references that transfer.
        oracle: gain of the ORACLE checkpoint (over the reference's ORACLE checkpoint) and its two-sided p-value.
        distances: of the pair's raw features.
    """
    facts = [f"gain {points(gain, signed=True)}"]
    if oracle is not None:
        facts.append(f"ORACLE checkpoint {points(oracle[0], signed=True)} ({p_equals(oracle[1])})")
    methods = others[others["role"] == "method"]
    winners = methods[methods["flag"] == "positive"].sort_values("gain", ascending=False)
    if len(others):
        best = others.sort_values("gain").iloc[-1]
        losing = int((others["flag"] == "negative").sum())
        facts.append(
            f"{losing} of {len(others)} other ways of transfer lose beyond noise, the best is {best['method']} with "
            f"{points(best['gain'], signed=True)}"
        )
    far, near = _apart(distances)
    said = "; ".join([*facts, *(far or near)])
    if oracle is not None and oracle[0] > 0 and oracle[1] < rule.alpha:
        return "selection", f"{said}: the run passes a checkpoint that gains, and {rule.selection} does not pick it."
    if len(winners):
        return "method", f"{said}: {winners.iloc[0]['method']} finds on this pair what this method does not."
    if far and len(others) and (others["flag"] == "negative").all():
        return "data", f"{said}: nothing that was tried under this protocol transfers."
    lacking = []
    if not len(others):
        lacking.append("nothing else was tried on this pair")
    elif (others["flag"] != "negative").any():
        lacking.append("not all others lose beyond noise, and no other method gains beyond noise")
    if distances is None:
        lacking.append("no distances were measured")
    elif not far:
        lacking.append("the domains are not far apart")
    return "undetermined", f"{said}: {', '.join(lacking)}."


def _apart(distances: Mapping[str, float] | None) -> tuple[list[str], list[str]]:
    """Return what says that the domains are far apart or contradict each other, and what says that they are not."""
    far: list[str] = []
    near: list[str] = []
    joint = "joint error of one classifier for both domains {:+.2f} above that of two (ORACLE)"
    for name, least, words in (
        ("a_distance", FAR, "A-distance {:.2f} of 2"),
        ("oracle_class_a_distance", FAR, "A-distance inside classes {:.2f} of 2 (ORACLE)"),
        ("oracle_joint_excess", CONTRADICT, joint),
    ):
        value = (distances or {}).get(name, np.nan)
        if not pd.isna(value):
            (far if value >= least else near).append(words.format(value))
    return far, near


def _oracle_gains(runs: pd.DataFrame, store: RunStore, rule: Rule) -> dict[str, tuple[float, float]]:
    """Return by cell key the gain and the two-sided p-value of the ORACLE checkpoints, uncorrected."""
    rows = compared(runs, ORACLE)
    if rows.empty:
        return {}
    found = Differences(store, per_class=False).of(rows)
    said = judge(list(found.values()), rule)
    return {key: (float(g), float(q)) for key, g, q in zip(found, said.gain, said.p, strict=True)}
