"""A worker process of this machine: takes batches from its standard input, one a line, and says when each has ended.

It is a process of its own, not a fork: it imports once, serves many runs, and its death costs no other worker's run.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import traceback
from collections.abc import Callable

from tlbench.sweeping.worker import end_with

START = """\
import json, sys
sys.path[:] = json.loads(sys.argv[1])
from {module} import main
from {work} import {function}
main({function}, {parent})
"""
"""What Python is given: a worker imports from where its sweep does, whatever that has been started as."""


def main(work: Callable[[str], None], parent: int) -> None:
    """Serve until the input ends, or the parent is gone; `work` does the runs of a text."""
    signal.signal(
        signal.SIGINT, signal.SIG_IGN
    )  # Ctrl-C reaches all of a terminal's processes; the sweep's alone decides
    end_with(parent)
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what a run prints is no answer

    for line in sys.stdin:
        batch = json.loads(line)
        error = None
        try:
            work(batch["runs"])
        except Exception as raised:
            error = f"{type(raised).__name__}: {' '.join(str(raised).split())[:300]}"
            traceback.print_exc()
        answers.write(json.dumps({"ended": batch["name"], "error": error}) + "\n")
