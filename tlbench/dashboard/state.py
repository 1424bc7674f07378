"""The session's widgets and the address bar say the same, so that an address is a link to what is shown."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlencode, urlsplit, urlunsplit

import streamlit as st

from tlbench.dashboard.filters import DEFAULTS, MANY, PLACES, Filters, filters_of, from_query, to_query

WRITTEN, TICK = "_written", "_tick"


def current() -> Filters:
    """Return the filters that the widgets hold."""
    held = {name: st.session_state.get(name) for name in (*MANY, *PLACES)}
    return filters_of(held, held)


def load() -> None:
    """Take the address, at the start of a script, where it is news, and else keep what widgets out of sight hold.

    The browser sends its address with every click. It is news at first, and when it has changed while no widget has (back);
    a click that was faster than the last answer comes with an old address, which must not undo it.
    """
    state, query = st.session_state, _query()
    ticked = state.pop(TICK, False)
    unchanged = WRITTEN in state and to_query(current()) == state[WRITTEN]
    if WRITTEN not in state or (unchanged and not ticked and query != state[WRITTEN]):
        found = from_query(query)
        for name in MANY:
            state[name] = list(found.many.get(name, ()))
        for name in PLACES:
            state[name] = found.places.get(name, DEFAULTS.get(name))
        return
    for name in (*MANY, *PLACES):
        state[name] = state.get(name, [] if name in MANY else DEFAULTS.get(name))


def save() -> None:
    """Write the address, at the end of a script, where it differs."""
    query = to_query(current())
    if query != _query():
        token = st.query_params.get_all("token")
        st.query_params.from_dict({**({"token": token} if token else {}), **query})
    st.session_state[WRITTEN] = query


def refresh() -> None:
    """Run the script again, as nobody's click."""
    st.session_state[TICK] = True
    st.rerun()


def link() -> str:
    """Return the address of what is shown, without the token."""
    scheme, place, path, _, _ = urlsplit(st.context.url or "http://127.0.0.1/")
    return urlunsplit((scheme, place, path, urlencode(to_query(current()), doseq=True), ""))


def go(view: str, **places: str | None) -> None:
    """Go, as a button's callback, to another view with these things picked there."""
    for name, value in {"view": view, **places}.items():
        st.session_state[name] = value


def drop_unknown(name: str, options: Sequence[str]) -> None:
    """Drop what a filter or a place holds that is no option (any more): a link may be older than the store."""
    held = st.session_state.get(name)
    if isinstance(held, list):
        st.session_state[name] = [value for value in held if value in set(options)]
    elif held is not None and held not in options:
        st.session_state[name] = None


def _query() -> dict[str, list[str]]:
    return to_query(from_query({key: st.query_params.get_all(key) for key in st.query_params}))
