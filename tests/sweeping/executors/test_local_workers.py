"""Workers serve many batches, one that dies costs its own batch alone, and none outlives its sweep."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator

import pytest

from tests.sweeping.executors import obedient_worker
from tlbench.sweeping.executors.interface import Loss, State, Written
from tlbench.sweeping.executors.local_workers import LocalWorkers, how_it_died


def batch(name: str, words: str, *needs: str) -> Written:
    return Written(name, words, frozenset(needs))


@pytest.fixture
def workers() -> Iterator[LocalWorkers]:
    made = LocalWorkers(2, obedient_worker.obey, "sweep")
    yield made
    made.close()


def until_ended(workers: LocalWorkers, *names: str) -> None:
    left, deadline = set(names), time.monotonic() + 60
    while left:
        workers.wait(1.0)
        left -= {name for name, state in workers.states().items() if state == State.ENDED}
        assert time.monotonic() < deadline


def test_two_processes_serve_all_batches_with_a_share_of_the_cores(workers, tmp_path, monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr("os.cpu_count", lambda: 6)
    log = tmp_path / "log"
    names = [str(i) for i in range(20)]
    workers.submit([batch(name, f"note {log}") for name in names])
    until_ended(workers, *names)
    lines = [line.split() for line in log.read_text().splitlines()]
    assert len(lines) == 20
    assert 1 <= len({number for number, _ in lines}) <= 2
    assert {threads for _, threads in lines} == {"3"}


def test_a_batch_begins_after_what_it_needs(workers, tmp_path):
    log = tmp_path / "log"
    workers.submit(
        [batch("slow", "sleep 0.5"), batch("after", f"note {log}", "slow"), batch("other", "note /dev/null")]
    )
    states = workers.states()
    assert (states["slow"], states["after"]) == (State.RUNNING, State.QUEUED)
    until_ended(workers, "other")
    assert not log.exists()
    until_ended(workers, "slow", "after")
    assert log.exists()


@pytest.mark.parametrize(
    ("words", "loss"),
    [
        ("die 3", Loss("killed", "Its process ended with status 3.")),
        ("signal 9", Loss("killed", "Its process was ended by SIGKILL: by hand, or because memory ran out.")),
        ("signal 15", Loss("killed", "Its process was ended by SIGTERM.")),
        ("raise a", Loss("exception", "KeyError: 'a'")),
        ("print {not an answer}", Loss("exception", "It left no record.")),
        ("fine", Loss("exception", "It left no record.")),
    ],
)
def test_a_batch_that_ends_badly_says_why_and_costs_no_other(workers, words, loss):
    workers.submit([batch("bad", words), batch("beside", "sleep 0.3"), *(batch(str(i), "ok") for i in range(5))])
    until_ended(workers, "bad", "beside", *"01234")
    assert workers.loss("bad") == loss
    assert workers.loss("beside") == Loss("exception", "It left no record.")


def test_stopped_it_begins_nothing_more_and_cancelled_it_ends_at_once(workers, tmp_path):
    log = tmp_path / "log"
    workers.submit([batch("one", "sleep 60"), batch("two", "sleep 60"), batch("three", f"note {log}")])
    assert workers.stop() == 2
    assert workers.states()["three"] == State.ENDED
    started = time.monotonic()
    workers.cancel()
    assert time.monotonic() - started < 20
    assert not log.exists()


def test_no_process_is_left(workers):
    workers.submit([batch("one", "sleep 60"), batch("two", "ok")])
    numbers = [worker.process.pid for worker in workers._workers]
    workers.close()
    for number in numbers:
        with pytest.raises(ProcessLookupError):
            os.kill(number, 0)


def test_it_says_in_words_how_a_process_died():
    assert how_it_died(0) == "Its process ended with status 0."
    assert how_it_died(-11) == "Its process was ended by SIGSEGV."
