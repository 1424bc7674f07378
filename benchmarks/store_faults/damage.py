"""Files are torn, and a store is mended as its check says."""

from __future__ import annotations

import shutil
from pathlib import Path

from benchmarks.store_faults.faulty_round import Round
from tlbench.store.check_store import Problem, check_store
from tlbench.store.runs import RunStore
from tlbench.store_commands import wrong_key


def tear(this: Round) -> set[Path]:
    """Damage some files of the store; return them."""
    files = sorted(
        path for path in this.store.rglob("*") if path.suffix in (".zip", ".json") and ".aside" not in path.parts
    )
    chosen = this.chance.sample(files, min(len(files), this.chance.randint(1, 4)))
    for path in chosen:
        data = bytearray(path.read_bytes())
        if path.suffix == ".json" or this.chance.random() < 0.5:
            data = data[: this.chance.randrange(len(data))]
        else:
            record = data.find(b'"status"')
            data[this.chance.choice([record, this.chance.randrange(40, len(data) // 2)])] ^= 1
        path.write_bytes(data)
    return set(chosen)


def problems(this: Round) -> list[Problem]:
    return check_store(RunStore(this.store), wrong_key).problems if this.store.is_dir() else []


def mended(this: Round) -> set[Path]:
    """Delete what the check says to delete; return what it named."""
    named = set()
    for problem in problems(this):
        path = problem.path if problem.path.exists() else problem.path.parent
        named.add(path)
        if "elete" in problem.text and "given up" not in problem.text:
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    return named
