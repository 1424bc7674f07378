"""Filters to and from links, and what they let through."""

import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from tlbench.dashboard.filters import DEFAULTS, MANY, PLACES, chosen, from_query, made, selection_names, to_query

TEXT = st.text(min_size=1, max_size=8)
RUNS = pd.DataFrame(
    {"run_key": ["1", "2", "3"], "dataset": ["d", "d", "e"], "pair": ["a-b", "b-a", "a-b"], "protocol": "p",
     "backbone": "n", "method": ["x", "y", "x"], "status": ["done", "failed", "missing"]}
)  # fmt: skip


def keys(sweeps=None, **many):
    return chosen(RUNS, made(many, {}), sweeps or {})["run_key"].tolist()


@settings(deadline=None, max_examples=50)
@given(
    st.dictionaries(st.sampled_from(MANY), st.lists(TEXT, max_size=3)),
    st.dictionaries(st.sampled_from([p for p in PLACES if p != "view"]), TEXT),
)
def test_a_link_gives_back_its_filters(many, places):
    filters = made(many, places)
    assert from_query(to_query(filters)) == filters


def test_defaults_and_what_is_unknown_leave_no_trace():
    assert to_query(made({}, DEFAULTS)) == {}
    assert from_query({"view": ["nowhere"], "utm": ["1"], "token": ["t"]}) == made({}, {})
    assert from_query({}).place("view") == "overview"


def test_each_filter_narrows_and_together_they_narrow_more():
    assert keys() == ["1", "2", "3"]
    assert keys(dataset=["d"]) == ["1", "2"]
    assert keys(pair=["a-b"]) == ["1", "3"]
    assert keys(method=["x"], status=["missing", "failed"]) == ["3"]
    assert keys(method=["nobody"]) == []


def test_a_sweep_is_the_runs_of_its_plan():
    sweeps = {"s": frozenset({"1"}), "t": frozenset({"3"})}
    assert keys(sweeps, sweep=["s"]) == ["1"]
    assert keys(sweeps, sweep=["s", "t"]) == ["1", "3"]
    assert keys(sweeps, sweep=["gone"]) == []


def test_last_comes_first_and_oracle_at_the_end():
    runs = pd.DataFrame({"selection": ["oracle", "iwv", None, "dev"]})
    assert selection_names(runs) == ["last", "dev", "iwv", "oracle"]
