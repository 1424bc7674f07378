"""A store as the dashboard keeps it: read once for each state of the store, analysed once for each scope."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd
import streamlit as st

from tlbench.dashboard.filters import SCOPE, Filters, Members, chosen_rows
from tlbench.findings.evidence import Evidence, gather_evidence
from tlbench.findings.rule import rule_of
from tlbench.store.plans import Planned, planned
from tlbench.store.record_rows import CELL, SETTING
from tlbench.store.runs import RunStore
from tlbench.store.table import Tables, read_tables

State = tuple[int, ...]
SHARDS = [f"{number:02x}" for number in range(256)]
"""The folders that a store's runs are in."""
FAST = 300
"""Runs under one selection that are analysed without being asked for: about a second."""
OF_RUN = ["run_key", "cell_key", "status", "reason", "seed", *CELL]


@dataclass(frozen=True)
class Snapshot:
    """A store at one moment; shared by all who look at it, so nobody changes it.

    Attributes:
        runs: OF_RUN, one row a run, `missing` ones that are planned included.
        members: runs of each sweep (its plan's, references included), of each tag (given by a run's config or a plan) and of each
            setting (references included).
        rows: selection to the rows of the tidy table under it (done) or that asked for it (not done).
        seconds: what reading took.
    """

    root: str
    state: State
    tables: Tables
    plans: Planned
    runs: pd.DataFrame
    members: Members
    rows: Mapping[str, pd.DataFrame]
    seconds: float

    @property
    def store(self) -> RunStore:
        return RunStore(self.root)

    def at(self, selection: str) -> pd.DataFrame:
        return self.rows.get(selection, self.tables.runs[:0])


def state_of(root: str | Path) -> State:
    """Return numbers that change whenever a run or a plan is added or replaced: a look at each folder, whatever it holds."""
    store, found = RunStore(root), []
    store.mirror.look_at_all()
    for name in ("", "plans", *SHARDS):
        try:
            found.append(os.stat(f"{store.root}/{name}").st_mtime_ns)
        except OSError:
            found.append(0)
    return tuple(found)


@st.cache_resource(max_entries=2, show_spinner="Reading the store ...")
def snapshot(root: str, state: State) -> Snapshot:
    """Read the store.

    Raises:
        TlbenchError: a record or a plan is damaged.
    """
    started = time.monotonic()
    store = RunStore(root)
    tables, plans = read_tables(store), planned(store)
    runs = _with_missing(tables.runs, plans.runs)
    for name in (*CELL, "status"):
        runs[name] = runs[name].astype("category")
    done = tables.runs["status"] == "done"
    rows = {str(name): own for name, own in tables.runs[done].groupby("selection", sort=False)}
    undone = tables.runs[~done]
    if len(undone):
        every = {*rows, *map(str, undone["selection"].unique())}
        rows = {name: pd.concat([rows[name], undone]) if name in rows else undone for name in every}
    members = {"sweep": plans.sweeps, "tag": tagged(tables.runs, plans), SETTING: of_settings(tables.runs, plans.runs)}
    return Snapshot(root, state, tables, plans, runs, members, rows, time.monotonic() - started)


def tagged(runs: pd.DataFrame, plans: Planned) -> dict[str, frozenset[str]]:
    """Return each tag to the keys of its runs: those whose config gave it, and those to which a plan did.

    Args:
        runs: run_key and tags (joined by ", ").
    """
    given = runs.loc[runs["tags"].fillna("") != "", ["run_key", "tags"]]
    each = given.assign(tags=given["tags"].astype(str).str.split(", ")).explode("tags")
    found = {str(tag): frozenset(keys) for tag, keys in each.groupby("tags")["run_key"]}
    return {tag: found.get(tag, frozenset()) | plans.tags.get(tag, frozenset()) for tag in {*found, *plans.tags}}


def of_settings(runs: pd.DataFrame, plan: pd.DataFrame) -> dict[str, frozenset[str]]:
    """Return each setting to the keys of its runs, those that are planned and what they are compared with included."""
    both = pd.concat([runs[["run_key", SETTING, "reference_run"]], plan[["run_key", SETTING]]]).dropna(subset=SETTING)
    return {
        str(name): frozenset(own["run_key"]) | frozenset(own["reference_run"].dropna())
        for name, own in both.groupby(SETTING)
    }


def _with_missing(rows: pd.DataFrame, plan: pd.DataFrame) -> pd.DataFrame:
    runs = rows.drop_duplicates("run_key")[OF_RUN]
    absent = plan[~plan["run_key"].isin(runs["run_key"])]
    absent = absent.assign(status="missing", reason="planned, and not there")[OF_RUN]
    parts = [part for part in (runs, absent) if len(part)]
    return pd.concat(parts, ignore_index=True) if parts else runs.copy()


def _scoped(found: Snapshot, filters: Filters) -> tuple[Tables, Planned]:
    """Return what is analysed together: runs within the scope, the references that they are compared with, their plans."""
    tables = found.tables
    rows = chosen_rows(found.at(filters.selection), filters, found.members, SCOPE)
    keys = frozenset(rows["run_key"]) | frozenset(rows["reference_run"].dropna())
    runs = tables.runs[tables.runs["run_key"].isin(keys)]
    plan = chosen_rows(found.plans.runs, filters, found.members, SCOPE)
    configs = {cell: config for cell, config in found.plans.configs.items() if cell in set(plan["cell_key"])}
    checkpoints, distances = (part[part["run_key"].isin(keys)] for part in (tables.checkpoints, tables.distances))
    return replace(tables, runs=runs, checkpoints=checkpoints, distances=distances), Planned(plan, configs)


def n_done(found: Snapshot, filters: Filters) -> int:
    """Count the done runs of the scope under the selection."""
    rows = chosen_rows(found.at(filters.selection), filters, found.members, SCOPE)
    return int((rows["status"] == "done").sum())


def analysis(found: Snapshot, filters: Filters) -> Evidence:
    """Work out cells, causes and classes of the scope; flags are corrected over its gains."""
    scope = tuple((name, filters.many[name]) for name in SCOPE if name in filters.many)
    return _analysis(found.root, found.state, scope, filters.selection, found)


@st.cache_resource(max_entries=24, show_spinner="Working out gains, flags and causes ...")
def _analysis(
    root: str, state: State, scope: tuple[tuple[str, tuple[str, ...]], ...], selection: str, _found: Snapshot
) -> Evidence:
    tables, plans = _scoped(_found, Filters(dict(scope), {"selection": selection}))
    rule = rule_of(tables.runs, selection, "holm", None)
    return gather_evidence(_found.store, tables, rule, plans=plans)
