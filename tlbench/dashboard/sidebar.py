"""The filters, and the link that keeps them."""

from __future__ import annotations

import streamlit as st

from tlbench.dashboard import live, parts, state
from tlbench.dashboard.data import Snapshot
from tlbench.dashboard.filters import Filters, selection_names
from tlbench.findings.names import rule_name
from tlbench.selection.rules import LAST, ORACLE

NAMES = ("pair", "protocol", "setting", "backbone", "method", "sweep", "tag", "status")
LABELS = {"dataset": "Data set", **{name: name.capitalize() for name in NAMES}}


def show(found: Snapshot) -> Filters:
    """Show the sidebar, and return what it says."""
    with st.sidebar:
        live.watch(found)
        names = selection_names(found.tables.runs)
        if (asked := st.session_state["selection"]) not in (None, *names):
            st.warning(f"Nothing here has the selection {parts.literal(asked)}: {LAST} is shown.")
        state.drop_unknown("selection", names)
        st.session_state["selection"] = st.session_state["selection"] or LAST
        st.selectbox("Checkpoint selection", names, key="selection", format_func=rule_name)
        if st.session_state["selection"] == ORACLE:
            st.warning("ORACLE: checkpoints are picked by the target's test labels.")
        # above the filters: a list that loses the focus becomes smaller, and what is below it slips from under the pointer
        st.button("Clear filters", on_click=_clear)
        for name, label in LABELS.items():
            options = options_of(found, name)
            absent = [value for value in st.session_state.get(name, []) if value not in options]
            st.multiselect(label, [*options, *absent], key=name, placeholder="all")
            if absent:
                st.warning(f"{label} {', '.join(map(parts.literal, absent))}: nothing here has it.")
    return state.current()


def options_of(found: Snapshot, name: str) -> list[str]:
    """Return what a filter can be set to."""
    if name == "status":
        return list(live.STATUSES)
    if name in found.members:
        return sorted(found.members[name])
    return sorted(map(str, found.runs[name].dropna().unique()))


def link() -> None:
    """Show the address of what is shown, with a button that copies it."""
    with st.sidebar:
        st.caption("Link to this view, without a token")
        st.code(state.link(), language=None, wrap_lines=True)


def _clear() -> None:
    for name in LABELS:
        st.session_state[name] = []
