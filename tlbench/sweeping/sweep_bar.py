"""The bar of a sweep: counts the run folders that appear, so it works with every launcher."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

if TYPE_CHECKING:
    from tlbench.store.runs import RunStore


LINE_SECONDS = 60.0
"""Between two lines of a sweep whose output goes into a file, or down a pipe: no bar moves there."""
POLL_SECONDS, SHARE = 0.5, 0.01
"""Seconds between two looks, more where a look at very many runs would take more than this share of a core."""


@contextmanager
def sweep_bar(store: RunStore, keys: Sequence[str], console: Console) -> Iterator[None]:
    """Show how many of these runs have left a fresh folder, until the block ends."""
    before = {key: store.stamp(key) for key in keys}
    ended = threading.Event()
    columns = [
        TextColumn("[bold]sweep"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
        TextColumn("left"), TimeRemainingColumn(), TextColumn("{task.fields[bad]}"),
    ]  # fmt: skip
    with Progress(*columns, console=console, transient=not console.is_terminal) as bar:
        task = bar.add_task("runs", total=len(keys), bad="")

        def update() -> None:
            open_keys, bad, started, told = set(keys), 0, time.monotonic(), time.monotonic()
            while True:
                over, began = ended.is_set(), time.thread_time()
                for key in list(open_keys):
                    if store.stamp(key) != before[key]:
                        open_keys.discard(key)
                        bad += store.status(key) == "failed"
                bar.update(task, completed=len(keys) - len(open_keys), bad=f"[red]{bad} failed" if bad else "")
                if not console.is_terminal and not over and time.monotonic() - told >= LINE_SECONDS:
                    told = time.monotonic()
                    done, failed = len(keys) - len(open_keys), f", {bad} failed" if bad else ""
                    console.print(f"{done} of {len(keys)} runs after {(told - started) / 60:.0f} min{failed}")
                if over:
                    return
                ended.wait(max(POLL_SECONDS, (time.thread_time() - began) / SHARE))

        thread = threading.Thread(target=update, daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()
