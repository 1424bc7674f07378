"""`tlbench atlas` and `tlbench reproduce atlas`: what is missing is run, part by part, then table and page are written."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tlbench.atlas.adding import add
from tlbench.atlas.atlas_file import atlas_folder, write_atlas
from tlbench.atlas.atlas_rows import atlas_rows
from tlbench.atlas.holes import holes_of
from tlbench.atlas.leave import write_pages
from tlbench.errors import TlbenchError, unknown
from tlbench.listing import describe
from tlbench.reproduce.same_table import same_table
from tlbench.store.runs import RunStore
from tlbench.sweeping import commands
from tlbench.sweeping.driver import sweeper
from tlbench.sweeping.plan import Job

__all__ = ["add", "reproduce_atlas"]
PREFIX = "atlas_"
"""What the names of the atlas's sweeps begin with; the rest is a part's name."""


def reproduce_atlas(
    overrides: Sequence[str],
    config_dir: str | None,
    store: str | None,
    out: str | None,
    *,
    parts: Sequence[str] | None = None,
    dry_run: bool = False,
) -> int:
    """Do what is missing of each part and write what there is; 0 only if every run of these parts is done.

    A part that was done is only looked at; one that is interrupted goes on where it was. With overrides it is another atlas:
    nothing is written unless `out` says where.
    """
    chosen = chosen_parts(parts, config_dir)
    hydra, own = commands.split(overrides)
    given = [*own, *([f"store={store}"] if store is not None else [])]
    jobs: dict[str, Job] = {}
    status = 0
    for part in chosen:
        with sweeper(hydra, config_dir) as machine:
            arguments = [f"sweep={PREFIX}{part}", *given]
            if dry_run:
                print(f"{part}:")
                status = max(status, commands.dry_run(machine.plan(arguments)))
                continue
            print(f"Part {part} of the atlas, {chosen.index(part) + 1} of {len(chosen)}.", flush=True)
            outcome = machine.sweep(arguments)
        jobs |= {job.key: job for job in outcome.jobs}
        status = max(status, commands.conclude(outcome))
    if not dry_run:
        _leave(RunStore(next(iter(jobs.values())).config.store), jobs, out, whole=not parts and same_table(own))
    return status


def chosen_parts(parts: Sequence[str] | None, config_dir: str | None = None) -> list[str]:
    """Return the parts that are asked for, all by default. Raises TlbenchError for a name that is none."""
    known = [name.removeprefix(PREFIX) for name, _ in describe("sweep", config_dir) if name.startswith(PREFIX)]
    for part in parts or ():
        if part not in known:
            raise unknown("part of the atlas", part, known, f"--part {part}")
    if not known:
        raise TlbenchError(f"There is no sweep of the atlas: conf/sweep/{PREFIX}*.yaml are its parts.")
    return [part for part in known if not parts or part in parts]


def _leave(store: RunStore, jobs: dict[str, Job], out: str | None, *, whole: bool) -> None:
    """Write table and page, where that is asked for or all of the atlas was made."""
    if out is None and not whole:
        print("A part of the atlas: nothing is written without --out.")
        return
    rows = atlas_rows(store, list(jobs))
    holes = holes_of(store, jobs.keys())
    folder = Path(out) if out is not None else atlas_folder(None)
    path = write_atlas(folder, rows)
    write_pages(folder, rows, holes)
    print(f"wrote {path} and {folder}/README.md: {len(rows)} rows, {len(holes)} holes")
