"""A batch may begin once all that it needs has ended."""

from tlbench.sweeping.executors.interface import Batch
from tlbench.sweeping.executors.ready import Ready


def batch(name: str, *needs: str) -> Batch:
    return Batch(name, (), frozenset(needs))


def taken(ready: Ready) -> list[str]:
    found = []
    while (one := ready.take()) is not None:
        found.append(one.name)
    return found


def test_batches_come_in_their_order_once_their_needs_have_ended():
    ready = Ready()
    ready.add([batch("a"), batch("b"), batch("ab", "a", "b"), batch("abb", "ab", "b"), batch("c")])
    assert taken(ready) == ["a", "b", "c"]
    ready.ended("a")
    assert taken(ready) == []
    ready.ended("b")
    assert taken(ready) == ["ab"]
    assert len(ready) == 1
    ready.ended("ab")
    assert taken(ready) == ["abb"]
    assert len(ready) == 0


def test_a_need_that_has_ended_before_is_met():
    ready = Ready()
    ready.ended("a")
    ready.add([batch("b", "a")])
    assert taken(ready) == ["b"]


def test_what_is_forgotten_does_not_begin_any_more():
    ready = Ready()
    ready.add([batch("a"), batch("b", "a")])
    assert sorted(ready.clear()) == ["a", "b"]
    ready.ended("a")
    assert taken(ready) == []
