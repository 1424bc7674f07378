"""A sweep's worker process ends with its sweep, also when that was killed and could tell it nothing."""

from __future__ import annotations

import multiprocessing
import os
import threading
import time
from functools import cache

POLL_SECONDS = 1.0
SWEEP = "TLBENCH_SWEEP_PROCESS"
"""Environment variable that names the process that workers are started for. They inherit it, however early that dies: asking a
worker for its parent's number is too late where the parent died while the worker was being started."""


def name_sweep() -> None:
    """Name this process, that of a sweep, to the workers that it is about to start."""
    os.environ[SWEEP] = str(os.getpid())


@cache
def end_with_parent() -> None:
    """Start a watch that ends a worker process once its sweep is gone; elsewhere do nothing.

    A pool's workers would otherwise wait for work for ever, each with a gigabyte of libraries.
    """
    if multiprocessing.current_process().name != "MainProcess":
        end_with(int(os.environ.get(SWEEP, os.getppid())))


def end_with(parent: int) -> None:
    """Start a watch that ends this process once its parent is another than this one."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(POLL_SECONDS)
        os._exit(1)

    threading.Thread(target=watch, daemon=True, name="end-with-parent").start()
