"""Ctrl-C in a terminal reaches the command and its workers alike: once, what is under way is finished; twice, it is ended."""

from __future__ import annotations

import os
import signal
import time

import pytest

from tests.cluster.support import done, ended_marks, started, until, words, write_method


def begun(folder) -> int:
    return (folder / "log").read_text().count("begun") if (folder / "log").exists() else 0


@pytest.mark.slow
def test_once_finishes_what_is_under_way_and_twice_ends_it(tmp_path):
    write_method(tmp_path)
    command = words(12, tmp_path / "store", "hydra.launcher.n_jobs=2", seconds=3.0)
    process = started(tmp_path, command, {})
    until(lambda: begun(tmp_path) >= 1)
    os.killpg(process.pid, signal.SIGINT)
    said, _ = process.communicate(timeout=200)
    assert process.returncode == 130, said
    assert "under way are finished first. Ctrl-C again ends them now." in said
    finished = len(ended_marks(tmp_path))
    assert finished == begun(tmp_path) == len(done(tmp_path / "store")) < 12
    process = started(tmp_path, command, {})
    until(lambda: begun(tmp_path) > finished)
    os.killpg(process.pid, signal.SIGINT)
    time.sleep(0.5)
    os.killpg(process.pid, signal.SIGINT)
    process.communicate(timeout=100)
    assert process.returncode == 130
    assert len(ended_marks(tmp_path)) == len(done(tmp_path / "store"))
