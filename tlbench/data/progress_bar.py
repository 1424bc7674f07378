"""A bar for long work on data: in a terminal, and never from a sweep's worker."""

from __future__ import annotations

import multiprocessing
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn


@contextmanager
def track(what: str, total: int, done: int = 0) -> Iterator[Callable[[int], None]]:
    """Give a function that moves the bar on by so many."""
    shown = sys.stderr.isatty() and multiprocessing.current_process().name == "MainProcess"
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), disable=not shown, transient=True) as progress:
        task = progress.add_task(what, total=total, completed=done)
        yield lambda n: progress.advance(task, n)
