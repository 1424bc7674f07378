"""The page that Streamlit runs for each visitor and each click: token, filters, the view, the address."""

from __future__ import annotations

import hmac
import os

import streamlit as st

from tlbench.dashboard import data, live, parts, sidebar, state
from tlbench.dashboard.command import STORE, TOKEN
from tlbench.dashboard.filters import VIEWS
from tlbench.dashboard.views import cell_list as cells
from tlbench.dashboard.views import compare, run
from tlbench.dashboard.views import first_view as overview
from tlbench.errors import TlbenchError

PAGES = {"overview": overview.show, "cells": cells.show, "compare": compare.show, "run": run.show}


def main() -> None:
    st.set_page_config("tlbench", layout="wide")
    if not admitted(st.query_params.get("token", ""), os.environ.get(TOKEN, "")):
        st.error(
            "This dashboard needs the token that `tlbench dashboard` has printed: open the address that it printed."
        )
        st.stop()
    st.html(parts.STYLE)
    state.load()
    root = os.environ[STORE]
    try:
        found = data.snapshot(root, data.state_of(root))
        filters = sidebar.show(found)
        st.title("tlbench", anchor=False)
        view = st.segmented_control(
            "View", VIEWS, key="view", required=True, label_visibility="collapsed", format_func=str.capitalize
        )
        live.counts(found, filters)
        PAGES[view or "overview"](found, filters)
    except TlbenchError as error:
        st.error("This cannot be shown.")
        st.text(str(error))
    state.save()
    sidebar.link()


def admitted(given: str, wanted: str) -> bool:
    """Tell whether a visitor's token is right; where none is wanted, every visitor is on this machine."""
    return not wanted or hmac.compare_digest(given.encode(), wanted.encode())


main()
