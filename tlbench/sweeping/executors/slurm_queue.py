"""What SLURM says of jobs, by `squeue` and `scontrol` alone: many clusters keep no accounts, and `sacct` is mute there."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

from tlbench.errors import TlbenchError
from tlbench.sweeping.executors.interface import CANCELLED, Loss, State

RUNS = ("RUNNING", "COMPLETING", "STAGE_OUT", "SIGNALING", "STOPPED", "SUSPENDED", "CONFIGURING")
"""States of a job that is at work, or has not quite ended; all others that `squeue` lists wait."""
LOSSES = {
    "TIMEOUT": ("time", "It ran longer than its job may: raise hydra.launcher.minutes."),
    "DEADLINE": ("time", "Its job's deadline has passed."),
    "OUT_OF_MEMORY": ("memory", "Its job used more memory than it asked for: raise hydra.launcher.mem_gb."),
    "NODE_FAIL": ("node lost", "Its node failed."),
    "BOOT_FAIL": ("node lost", "Its node did not start."),
    "PREEMPTED": ("node lost", "Another job took its place."),
    "REVOKED": (CANCELLED, "Its job was revoked."),
    "CANCELLED": (CANCELLED, "Its job was cancelled."),
}
"""By the state in which a job ended: the kind of the loss, and why."""
SECONDS = 60
"""After which a command of SLURM that does not answer is given up."""
MAX_ARRAY = 1001
"""SLURM's own default of MaxArraySize."""


def queued(name: str) -> dict[str, tuple[str, State]] | None:
    """Return the user's jobs and array tasks whose names begin so, as `NAME/INDEX` to number and state; None: no answer."""
    try:
        lines = asked("squeue", "--me", "--noheader", "--array", "--format=%j|%i|%T").splitlines()
    except TlbenchError:
        return None
    found = {}
    for line in lines:
        job, number, state = line.split("|")
        if job.startswith(name):
            index = number.partition("_")[2] or "0"
            found[f"{job}/{index}"] = (number, State.RUNNING if state in RUNS else State.QUEUED)
    return found


def how_it_ended(number: str, log: Path | None) -> Loss:
    """Return why a job ended before its runs were done, by what the controller remembers (some minutes) and by its log."""
    try:
        told = asked("scontrol", "--oneliner", "show", "job", number)
    except TlbenchError:
        told = ""
    state = match[1] if (match := re.search(r"\bJobState=(\w+)", told)) else ""
    if state in LOSSES:
        return Loss(*LOSSES[state])
    if not state and (log is None or not log.is_file()):  # of a task that is cancelled before it begins nothing is kept
        return Loss(CANCELLED, "Its job left the queue before it began: it was cancelled.")
    ending = _last_line(log)
    return Loss("killed", f"Its job {number} ended early ({state.lower() or 'not known any more'}){ending}.")


def _last_line(log: Path | None) -> str:
    lines = log.read_text("utf-8", "replace").split("\n") if log is not None and log.is_file() else []
    said = [line.strip() for line in lines if line.strip()]
    return f": {said[-1][:300]}" if said else ""


def end_jobs(numbers: Sequence[str], names: Sequence[str]) -> None:
    """Cancel jobs, whatever they are at: a run survives that, and a polite signal is waited for for half a minute.

    Args:
        numbers: of jobs that were taken.
        names: of jobs whose submission failed, of which it is not known whether they were taken.
    """
    user = ["--me"] if names else []
    for words in ([list(numbers)] if numbers else []) + [[*user, f"--name={name}"] for name in names]:
        for how in (["--signal=KILL", "--full"], []):
            subprocess.run(["scancel", "--quiet", *how, *words], capture_output=True, timeout=SECONDS, check=False)


def max_array() -> int:
    """Return MaxArraySize: the numbers of an array are below it."""
    try:
        match = re.search(r"^MaxArraySize\s*=\s*(\d+)", asked("scontrol", "show", "config"), re.MULTILINE)
    except TlbenchError:
        return MAX_ARRAY
    return int(match[1]) if match else MAX_ARRAY


def asked(*command: str) -> str:
    """Return what a command of SLURM prints. Raises TlbenchError where it fails, is not there or does not answer."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise TlbenchError(f"`{command[0]}` gave no answer ({error}). Is SLURM here, and its controller up?") from error
    if done.returncode:
        raise TlbenchError(f"`{' '.join(command)}` failed: {' '.join(done.stderr.split())}")
    return done.stdout
