"""What is read out of SLURM's commands, by commands that say what a test wants; the real ones are tried in tests/cluster."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tlbench.errors import TlbenchError
from tlbench.sweeping.executors.interface import CANCELLED, Loss, State
from tlbench.sweeping.executors.slurm_queue import end_jobs, how_it_ended, max_array, queued


@pytest.fixture
def say(tmp_path, monkeypatch):
    """Make a command that prints a text, ends with a status, and notes how it was called."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")

    def made(name: str, text: str, status: int = 0) -> Path:
        calls = tmp_path / f"{name}.calls"
        said = folder / f"{name}.txt"
        said.write_text(text)
        (folder / name).write_text(f'#!/bin/sh\necho "$*" >> {calls}\ncat {said}\nexit {status}\n')
        (folder / name).chmod(0o755)
        return calls

    return made


def test_the_queue_is_read_by_name_and_place_in_the_array(say):
    say("squeue", "mine-a|7_0|PENDING\nmine-a|7_12|RUNNING\nmine-b|9|COMPLETING\nother|11|RUNNING\n")
    assert queued("mine") == {
        "mine-a/0": ("7_0", State.QUEUED),
        "mine-a/12": ("7_12", State.RUNNING),
        "mine-b/0": ("9", State.RUNNING),
    }


def test_a_queue_that_does_not_answer_is_no_empty_queue(say):
    say("squeue", "", 1)
    assert queued("mine") is None
    say("squeue", "")
    assert queued("mine") == {}


@pytest.mark.parametrize(
    ("state", "kind"),
    [("TIMEOUT", "time"), ("NODE_FAIL", "node lost"), ("OUT_OF_MEMORY", "memory"), ("CANCELLED", CANCELLED)],
)
def test_how_a_job_ended_is_what_the_controller_remembers(say, state, kind):
    say("scontrol", f"JobId=7 JobName=mine JobState={state} Reason=None ExitCode=0:15")
    assert how_it_ended("7_0", None).kind == kind


def test_else_its_log_tells(say, tmp_path):
    say("scontrol", "slurm_load_jobs error: Invalid job id specified", 1)
    log = tmp_path / "log"
    log.write_text("Traceback\nImportError: no module\n\n")
    assert how_it_ended("7_0", log) == Loss(
        "killed", "Its job 7_0 ended early (not known any more): ImportError: no module."
    )
    assert how_it_ended("7_0", None).kind == how_it_ended("7_0", tmp_path / "none").kind == CANCELLED
    say("scontrol", "JobState=FAILED ExitCode=1:0")
    assert how_it_ended("7_0", None) == Loss("killed", "Its job 7_0 ended early (failed).")


def test_jobs_are_ended_at_once_and_what_waits_is_cancelled(say):
    calls = say("scancel", "")
    end_jobs(["7_0", "8"], [])
    assert calls.read_text() == "--quiet --signal=KILL --full 7_0 8\n--quiet 7_0 8\n"
    end_jobs([], [])
    assert len(calls.read_text().splitlines()) == 2
    end_jobs([], ["mine-a"])
    assert calls.read_text().splitlines()[2:] == [
        "--quiet --signal=KILL --full --me --name=mine-a",
        "--quiet --me --name=mine-a",
    ]


def test_the_size_of_an_array_is_the_clusters(say):
    say("scontrol", "MailProg = /bin/mail\nMaxArraySize            = 51\nMaxDBDMsgs = 20012\n")
    assert max_array() == 51
    say("scontrol", "", 1)
    assert max_array() == 1001


def test_a_machine_without_slurm_is_told_in_one_line(monkeypatch):
    from tlbench.sweeping.executors.slurm_queue import asked

    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(TlbenchError, match=r"`squeue` gave no answer .* Is SLURM here"):
        asked("squeue")
