"""`tlbench sweep status`: how far the sweeps of a store are, from any terminal that sees it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tlbench.errors import TlbenchError, unknown
from tlbench.findings.progress import Progress, progress
from tlbench.store.plans import planned
from tlbench.store.runs import opened_store
from tlbench.store.table import read_runs
from tlbench.sweeping.executors.slurm_queue import queued
from tlbench.sweeping.executors.submissions import PREFIX, submissions
from tlbench.sweeping.forecast import in_words

REASONS = 5
"""Reasons of failures that are told of each sweep."""


def sweep_status(words: Sequence[str], default: str) -> int:
    """Print how far sweeps are; return 0 where all of theirs is done, else 1.

    Args:
        words: names of sweeps, or the beginnings of some (none: all), and `store=DIR`.
        default: the store where none is named.
    """
    folders = [word.removeprefix("store=") for word in words if word.startswith("store=")]
    names = [word for word in words if not word.startswith("store=")]
    store = opened_store(folders[-1] if folders else default)
    plans = planned(store)
    if not plans.sweeps:
        raise TlbenchError(f"Store '{store.where}' holds no plan of a sweep. Set by store=... or $TLBENCH_STORE.")
    chosen = {name for name in plans.sweeps if not names or any(name.startswith(start) for start in names)}
    if not chosen:
        raise unknown("sweep", names[0], plans.sweeps, "tlbench sweep status NAME")
    runs, running = read_runs(store), store.locks.working()
    waiting = in_queue(store.root)
    if waiting is None:
        print("SLURM gives no answer; what is in its queue counts as left.")
    found = {
        name: progress(plans.runs[plans.runs["run_key"].isin(plans.sweeps[name])], runs, running, waiting or ())
        for name in sorted(chosen)
    }
    for name, one in found.items():
        print("\n".join([f"{name}: {progress_line(one)}", *_failed(one)]))
    return int(any(one.states["done"] + one.states["skipped"] < sum(one.states.values()) for one in found.values()))


def in_queue(root: Path) -> set[str] | None:
    """Return the keys of runs that are with SLURM, None where it does not answer; asked only if a sweep has noted some."""
    noted = list(submissions(root))
    there = queued(PREFIX) if noted else {}
    if there is None:
        return None
    return {key for one in noted for index, keys in enumerate(one.batches) if one.job(index) in there for key in keys}


def progress_line(found: Progress) -> str:
    """Say how far a sweep is, and how long the rest of it takes."""
    counts = [f"{n} {state}" for state, n in found.states.items() if n and state != "done"]
    total = sum(found.states.values())
    told = ", ".join([f"{found.states['done']} of {total} runs done", *counts])
    open_ = total - sum(found.states[state] for state in ("done", "skipped", "failed"))
    if not open_:
        return f"{told}."
    if found.n_unknown == open_:
        return f"{told}; how long the rest takes is not known yet."
    rest = f", and {found.n_unknown} runs of which nothing is known yet" if found.n_unknown else ""
    return f"{told}; about {in_words(found.seconds)} of a core are left{rest}."


def _failed(found: Progress) -> list[str]:
    lines = []
    for row in found.failures.head(REASONS).itertuples():
        lines.append(f"  {row.n} {row.failure}: {row.reason}")
        if row.command:
            lines.append(f"    once more, alone: {row.command}")
    if (more := len(found.failures) - REASONS) > 0:
        lines.append(f"  and {more} more reasons; `tlbench report` lists them.")
    return lines
