"""Batches hold each run once, references first, and are as long as they may be."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.sweeping.executors.fakes import job
from tlbench.sweeping.executors.interface import Batch
from tlbench.sweeping.packing import one_by_one, packed, prerequisites


def keys(batches: list[Batch]) -> list[list[str]]:
    return [batch.keys for batch in batches]


def needed(batches: list[Batch]) -> list[list[list[str]]]:
    """For each batch, the runs of those that it needs."""
    by_name = {batch.name: batch.keys for batch in batches}
    return [sorted(by_name[name] for name in batch.needs) for batch in batches]


FAMILIES = [job("a0"), job("b0"), job("a1", "a0"), job("a2", "a0"), job("b1", "b0")]


def test_runs_go_with_their_references_and_then_need_no_other_batch():
    found = packed(FAMILIES, lambda _: 10.0, 30.0)
    assert keys(found) == [["a0", "a1", "a2"], ["b0", "b1"]]
    assert needed(found) == [[], []]
    assert keys(packed(FAMILIES, lambda _: 10.0, 50.0)) == [["a0", "a1", "a2", "b0", "b1"]]


def test_where_there_is_no_room_references_come_first_and_no_family_waits_for_another():
    found = packed(FAMILIES, lambda _: 10.0, 20.0)
    assert keys(found) == [["a0"], ["a1", "a2"], ["b0", "b1"]]
    assert needed(found) == [[], [["a0"]], []]


def test_a_run_that_takes_longer_than_a_batch_may_is_alone():
    found = packed([job("a"), job("b"), job("c")], lambda j: 99.0 if j.key == "b" else 1.0, 5.0)
    assert sorted(keys(found)) == [["a", "c"], ["b"]]


def test_no_batch_has_more_runs_than_it_may():
    assert keys(packed([job(k) for k in "abcde"], lambda _: 0.0, 1.0, limit=2)) == [["a", "b"], ["c", "d"], ["e"]]
    assert keys(packed(FAMILIES, lambda _: 0.0, 1.0, limit=2)) == [["a0"], ["a1", "a2"], ["b0", "b1"]]


def test_what_an_earlier_command_left_with_the_engine_is_waited_for():
    (found,) = packed([job("b", "a"), job("c", "a")], lambda _: 1.0, 9.0, {"a": "theirs"})
    assert found.needs == {"theirs"}


def test_a_source_model_is_needed_as_a_reference_is():
    assert prerequisites(job("c", "a", start="b")) == ["a", "b"]
    first, second = one_by_one([job("b"), job("c", start="b")])
    assert second.needs == {first.name}


@st.composite
def plans(draw: st.DrawFn) -> list:
    made = []
    for i in range(draw(st.integers(1, 25))):
        before = [j.key for j in made]
        made.append(job(str(i), *(draw(st.lists(st.sampled_from(before), max_size=3, unique=True)) if before else [])))
    return made


@given(
    plans(), st.lists(st.floats(0.1, 5), min_size=25, max_size=25), st.floats(0.5, 20), st.none() | st.integers(1, 5)
)
def test_each_run_is_in_one_batch_after_what_it_needs(jobs, seconds, most, limit):
    found = packed(jobs, lambda j: seconds[int(j.key)], most, None, limit)
    place = {key: (n, i) for n, batch in enumerate(found) for i, key in enumerate(batch.keys)}
    assert sorted(place) == sorted(j.key for j in jobs)
    assert sum(len(batch.jobs) for batch in found) == len(jobs)
    for batch in found:
        assert limit is None or len(batch.jobs) <= limit
        total = math.fsum(seconds[int(key)] for key in batch.keys)
        assert total <= most * (1 + 1e-9) or len(batch.jobs) == 1
        assert batch.name not in batch.needs
    names = {batch.name: n for n, batch in enumerate(found)}
    for j in jobs:
        for key in prerequisites(j):
            (there, at), (here, mine) = place[key], place[j.key]
            assert (there == here and at < mine) or found[there].name in found[here].needs
    for n, batch in enumerate(found):  # none waits for one after it: no circle
        assert all(names[need] < n for need in batch.needs)


@pytest.mark.parametrize("n", [1, 7])
def test_one_by_one_is_a_batch_a_run(n):
    found = one_by_one([job("r"), *(job(str(i), "r") for i in range(n))])
    assert [len(batch.jobs) for batch in found] == [1] * (n + 1)
    assert all(batch.needs == {found[0].name} for batch in found[1:])
