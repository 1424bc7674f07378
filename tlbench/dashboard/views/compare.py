"""Two methods, or two sweeps, cell by cell."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from tlbench.dashboard import parts
from tlbench.dashboard.data import Snapshot
from tlbench.dashboard.filters import Filters, chosen_rows
from tlbench.dashboard.views import gate
from tlbench.findings.names import method_name, rule_name
from tlbench.findings.number_format import p_text, plus_minus, points
from tlbench.findings.rule import Rule
from tlbench.findings.versus import versus
from tlbench.reporting.figures.style import level

KINDS = {"method": "two methods", "sweep": "two sweeps"}
PLACE = ["dataset", "pair", "protocol", "backbone", "classifier"]


def show(found: Snapshot, filters: Filters) -> None:
    st.subheader("Compare", anchor=False)
    analysis = gate.analysed(found, filters)
    if analysis is None:
        return
    kind = parts.pick("Compare", "kind", list(KINDS), lambda name: KINDS[name])
    cells = gate.shown_cells(found, filters, analysis.cells)
    names = dict(zip(cells["cell_key"], map(method_name, cells.itertuples()), strict=True))
    rows = chosen_rows(found.at(filters.selection), filters, found.members)
    rows = rows[(rows["status"] == "done") & rows["cell_key"].isin(set(names))]
    sides = _by_method(rows, names) if kind == "method" else _by_sweep(rows, names, found)
    if len(sides) < 2:
        st.info(f"There are not {KINDS[str(kind)]} here.")
        return
    left, right = st.columns(2)
    with left:
        first = parts.pick("First", "first", list(sides))
    with right:
        second = parts.pick("Second", "second", [name for name in sides if name != first])
    assert first is not None
    assert second is not None
    key = (found.root, found.state, filters.selection, kind, first, second, tuple(sides[first]["run_key"]))
    _table(_versus(key, found, sides[first], sides[second], analysis.rule), analysis.rule)


def _by_method(rows: pd.DataFrame, names: dict[str, str]) -> dict[str, pd.DataFrame]:
    """Return each method's name to its runs; a place is everything of a cell but its method."""
    placed = rows.assign(place=rows[PLACE].astype(str).agg(", ".join, axis=1), name=rows["cell_key"].map(names))
    return {str(name): own for name, own in placed.groupby("name", sort=True)}


def _by_sweep(rows: pd.DataFrame, names: dict[str, str], found: Snapshot) -> dict[str, pd.DataFrame]:
    """Return each sweep to its runs; a place is a cell, without its variant where the sweep has one of them alone."""
    sides = {}
    for sweep, keys in sorted(found.plans.sweeps.items()):
        own = rows[rows["run_key"].isin(keys)]
        if own.empty:
            continue
        alone = own.groupby([*PLACE, "method"], observed=True)["cell_key"].transform("nunique") == 1
        words = own["method"].where(alone, own["cell_key"].map(names))
        sides[sweep] = own.assign(place=own[PLACE].astype(str).agg(", ".join, axis=1) + ", " + words.astype(str))
    return sides


@st.cache_resource(max_entries=24, show_spinner="Comparing ...")
def _versus(key: tuple, _found: Snapshot, _first: pd.DataFrame, _second: pd.DataFrame, _rule: Rule) -> pd.DataFrame:
    return versus(_found.store, _first, _second, _rule)


def _table(table: pd.DataFrame, rule: Rule) -> None:
    if table.empty:
        st.info("The two have no cell with a seed in common whose gains can be compared.")
        return
    other = table[table["outcome"] != "same runs"]
    won, lost = int((other["difference"] > 0).sum()), int((other["difference"] < 0).sum())
    beyond = other["outcome"].value_counts()
    st.text(
        f"Of {len(table)} cells the first is better in {won} ({int(beyond.get('first', 0))} beyond noise), the second in {lost} "
        f"({int(beyond.get('second', 0))} beyond noise); {len(table) - len(other)} have the same runs."
    )
    rows = [
        {
            "cell": r.place,
            "gain of first": points(r.first_gain, signed=True),
            "gain of second": points(r.second_gain, signed=True),
            "difference": plus_minus(r.difference, r.half, signed=True),
            "seeds": r.n_seeds,
            "corrected p": p_text(r.p_corrected),
            "seeds won : lost": f"{r.seeds_won} : {r.seeds_lost}",
            "better beyond noise": r.outcome,
        }
        for r in table.itertuples()
    ]
    parts.table(pd.DataFrame(rows), "compare", "Difference of gains, cell by cell")
    st.caption(
        f"Points; first minus second over the seeds that both have, ± half width of the {level(rule.alpha)} interval (seeds and "
        f"test examples random), Holm over these cells; fewer than three seeds have no p. Selection {rule_name(rule.selection)}."
    )
