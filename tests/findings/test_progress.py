"""How far a sweep is: each run in one state, time by runs of the same kind, failures by reason."""

import pandas as pd
import pytest

from tlbench.findings.progress import KIND, progress

SAME = dict.fromkeys(KIND, "x")
PLANNED = pd.DataFrame(
    [
        {"run_key": f"{i:02}", **SAME, "method": "dann" if i < 8 else "mmd", "command": f"run seed={i}"}
        for i in range(10)
    ]
)
KNOWN = [
    {"run_key": "00", "status": "done", "seconds": 10.0},
    {"run_key": "01", "status": "done", "seconds": 30.0},
    {"run_key": "99", "status": "done", "seconds": 50.0},
    {"run_key": "02", "status": "failed", "reason": "Diverged", "failure": "divergence"},
    {"run_key": "03", "status": "failed", "reason": "Diverged", "failure": "divergence"},
    {"run_key": "04", "status": "failed", "reason": "gone", "failure": None},
    {"run_key": "05", "status": "skipped", "reason": "no"},
]
RUNS = pd.DataFrame([{**SAME, "method": "dann", "reason": None, "failure": None, **row} for row in KNOWN])


def test_each_run_is_in_one_state():
    found = progress(PLANNED, RUNS, running={"06", "04", "00"}, queued={"07", "06", "77"})
    assert found.states == {"done": 2, "failed": 2, "skipped": 1, "running": 2, "queued": 1, "left": 2}
    assert sum(found.states.values()) == len(PLANNED)


def test_what_is_left_takes_what_others_of_its_kind_took_also_outside_the_sweep():
    found = progress(PLANNED, RUNS, set(), set())
    assert found.seconds == pytest.approx(2 * 30.0)  # runs 06 and 07 of dann: the median of 10, 30, 50
    assert found.n_unknown == 2  # of mmd


def test_failures_stand_by_reason_the_most_frequent_first():
    found = progress(PLANNED, RUNS, set(), set()).failures
    assert found[["failure", "reason", "n", "run_key"]].to_numpy().tolist() == [
        ["divergence", "Diverged", 2, "02"],
        ["failed", "gone", 1, "04"],
    ]
    assert found["command"].tolist() == ["run seed=2", "run seed=4"]


def test_an_empty_store_has_everything_left():
    empty = RUNS.iloc[:0]
    found = progress(PLANNED, empty, set(), set())
    assert found.states["left"] == 10
    assert (found.seconds, found.n_unknown, len(found.failures)) == (0.0, 10, 0)
