"""A sweep's worker process ends with its sweep, also when that was killed and could tell it nothing."""

from __future__ import annotations

import multiprocessing
import os
import threading
import time
from functools import cache

POLL_SECONDS = 1.0


@cache
def end_with_parent() -> None:
    """In a worker process, starts a watch that ends the process once its parent is gone; elsewhere does nothing.

    A pool's workers would otherwise wait for work for ever, each with a gigabyte of libraries.
    """
    if multiprocessing.current_process().name == "MainProcess":
        return
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(POLL_SECONDS)
        os._exit(1)

    threading.Thread(target=watch, daemon=True, name="end-with-parent").start()
