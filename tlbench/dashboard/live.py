"""A store while a sweep fills it: how far it is, and the page drawn again when something was added."""

from __future__ import annotations

import streamlit as st

from tlbench.dashboard import state
from tlbench.dashboard.data import Snapshot, snapshot, state_of
from tlbench.dashboard.filters import Filters, chosen_rows
from tlbench.dashboard.parts import literal
from tlbench.findings.notes import checks, notes
from tlbench.findings.progress import progress
from tlbench.sweeping.sweep_status import in_queue, progress_line

EVERY = 3.0
"""Seconds between two looks at a store that is read in no time; a slow one is looked at less often."""
STATUSES = ("done", "failed", "skipped", "missing")


def watch(found: Snapshot) -> None:
    """Show the switch, and take a look at the store's folders every few seconds while it is on."""
    live = st.toggle("Live", value=True, key="live", help="Look for new runs every few seconds.")
    if st.button("Read again", help="Reads every record anew, also those that were compared again."):
        snapshot.clear()
        state.refresh()
    if live:
        st.fragment(_look, run_every=max(EVERY, 10 * found.seconds))(found)


def _look(found: Snapshot) -> None:
    if state_of(found.root) != found.state:
        state.refresh()


def how_far(found: Snapshot, keys: set[str]) -> str:
    """Say of planned runs what is under way, what waits, and how long the rest takes; as `tlbench sweep status` does."""
    plans = found.plans.runs
    store = found.store
    chosen = plans[plans["run_key"].isin(keys)]
    return progress_line(progress(chosen, found.tables.runs, store.locks.working(), in_queue(store.root) or ()))


def counts(found: Snapshot, filters: Filters) -> None:
    """Show how many of the filtered runs are done, failed, skipped and missing against the plans."""
    runs = chosen_rows(found.runs, filters, found.members)
    n = runs["status"].value_counts()
    st.markdown(" · ".join(f"**{int(n.get(status, 0))}** {status}" for status in STATUSES))
    planned = runs["run_key"].isin(set(found.plans.runs["run_key"]))
    if total := int(planned.sum()):
        done = int((runs.loc[planned, "status"] == "done").sum())
        st.progress(done / total, f"{done} of {total} planned runs are done")
        st.caption(literal(how_far(found, set(runs.loc[planned, "run_key"]))))
    for note in [*notes(found.tables), checks(found.tables)]:
        st.caption(literal(note))
