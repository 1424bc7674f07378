"""The clock and the room on the disk that the sweeps of a round have."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.store_faults.faulty_round import Round, kill

CLOCK = "FAKETIME_TIMESTAMP_FILE"


@contextlib.contextmanager
def clock(this: Round) -> Iterator[None]:
    """Let the clock of every process jump back and forth by up to a year."""
    if not this.jumps:
        yield
        return
    jumper = os.fork()
    if not jumper:
        while True:
            Path(os.environ[CLOCK]).write_text(f"{this.chance.randint(-(10**7), 3 * 10**7):+d}\n")
            time.sleep(0.5)
    try:
        yield
    finally:
        kill(jumper, 0)
        Path(os.environ[CLOCK]).write_text("+0\n")


@contextlib.contextmanager
def room(this: Round, full: bool) -> Iterator[None]:
    """Leave little room for the store, and then enough."""
    if not full:
        yield
        return
    this.store.mkdir()
    room = int(this.chance.uniform(0.3, 1.1) * this.needs)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={room}", "tmpfs", str(this.store)]
    if subprocess.run(mount, capture_output=True).returncode:
        this.size_limit = this.chance.randint(100, 20_000)
        yield
        return
    try:
        yield
        kept = this.folder / "kept"
        shutil.copytree(this.store, kept)
    finally:
        subprocess.run(["umount", str(this.store)], check=True)
    this.store.rmdir()
    kept.rename(this.store)
