"""Filters to and from links, and what they let through."""

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tlbench.dashboard.data import tagged
from tlbench.dashboard.filters import (
    DEFAULTS,
    MANY,
    PLACES,
    chosen_rows,
    filters_of,
    from_query,
    selection_names,
    to_query,
)
from tlbench.store.plans import Planned

TEXT = st.text(min_size=1, max_size=8)
RUNS = pd.DataFrame(
    {"run_key": ["1", "2", "3"], "dataset": ["d", "d", "e"], "pair": ["a-b", "b-a", "a-b"], "protocol": "p",
     "backbone": "n", "method": ["x", "y", "x"], "status": ["done", "failed", "missing"]}
)  # fmt: skip


def keys(members=None, **many):
    return chosen_rows(RUNS, filters_of(many, {}), members or {})["run_key"].tolist()


@settings(max_examples=50)
@given(
    st.dictionaries(st.sampled_from(MANY), st.lists(TEXT, max_size=3)),
    st.dictionaries(st.sampled_from([p for p in PLACES if p != "view"]), TEXT),
)
def test_a_link_gives_back_its_filters(many, places):
    filters = filters_of(many, places)
    assert from_query(to_query(filters)) == filters


def test_defaults_and_what_is_unknown_leave_no_trace():
    assert to_query(filters_of({}, DEFAULTS)) == {}
    assert from_query({"view": ["nowhere"], "utm": ["1"], "token": ["t"]}) == filters_of({}, {})
    assert from_query({}).place("view") == "overview"


def test_each_filter_narrows_and_together_they_narrow_more():
    assert keys() == ["1", "2", "3"]
    assert keys(dataset=["d"]) == ["1", "2"]
    assert keys(pair=["a-b"]) == ["1", "3"]
    assert keys(method=["x"], status=["missing", "failed"]) == ["3"]
    assert keys(method=["nobody"]) == []


@pytest.mark.parametrize("name", ["sweep", "tag"])
def test_a_sweep_and_a_tag_are_sets_of_runs(name):
    members = {name: {"s": frozenset({"1"}), "t": frozenset({"3"})}}
    assert keys(members, **{name: ["s"]}) == ["1"]
    assert keys(members, **{name: ["s", "t"]}) == ["1", "3"]
    assert keys(members, **{name: ["gone"]}) == []


def test_a_run_has_the_tags_of_its_own_and_those_of_its_plans():
    runs = pd.DataFrame({"run_key": ["1", "1", "2", "3"], "tags": ["a, b c", "a, b c", "", None]})
    plans = Planned(runs[:0], {}, tags={"a": frozenset({"3"}), "late": frozenset({"2"})})
    assert tagged(runs, plans) == {"a": {"1", "3"}, "b c": {"1"}, "late": {"2"}}
    assert tagged(runs[:0], Planned(runs[:0], {})) == {}


def test_last_comes_first_and_oracle_at_the_end():
    runs = pd.DataFrame({"selection": ["oracle", "iwv", None, "dev"]})
    assert selection_names(runs) == ["last", "dev", "iwv", "oracle"]
