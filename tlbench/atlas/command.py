"""`tlbench atlas`: what the subcommands print, and their exit status."""

from __future__ import annotations

from pathlib import Path

from tlbench.atlas.adding import admitted
from tlbench.atlas.atlas_file import write_atlas
from tlbench.atlas.leave import write_pages
from tlbench.paths import results_dir
from tlbench.store.runs import opened_store

NAMED = 20
"""Refused runs that are told one by one."""


def add(store: str, out: str | None) -> int:
    """Add a store's runs to the atlas of a folder and renew its page; 0 only if every run fits."""
    folder = atlas_folder(out)
    found = admitted(opened_store(store), folder)
    for key, why in list(found.refused.items())[:NAMED]:
        print(f"refused {key}: {why}")
    if len(found.refused) > NAMED:
        print(f"... and {len(found.refused) - NAMED} more.")
    path = write_atlas(folder, found.rows)
    write_pages(folder, found.rows)
    size = path.stat().st_size / 2**20
    print(
        f"{path}: {found.n_new} rows added, {found.n_known} were there, {len(found.refused)} runs refused; {size:.1f} MiB."
    )
    return 1 if found.refused else 0


def atlas_folder(out: str | None) -> Path:
    """Return where the atlas lies: `results/atlas` of a checkout, or what `--out` says."""
    return results_dir() / "atlas" if out is None else Path(out)
