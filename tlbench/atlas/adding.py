"""`tlbench atlas add`: the runs of a store become rows of the atlas, where they fit."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from tlbench.atlas.admission import broken_rules, other_data, other_numbers
from tlbench.atlas.atlas_file import FILE, KEY, atlas_folder, read_atlas, write_atlas
from tlbench.atlas.atlas_rows import atlas_rows
from tlbench.atlas.holes import holes_of, read_holes
from tlbench.atlas.leave import write_pages
from tlbench.errors import TlbenchError
from tlbench.store.check_run import Problem, read_record
from tlbench.store.runs import RunStore, opened_store

NAMED = 20
"""Refused runs that are told one by one."""


@dataclass(frozen=True)
class Admitted:
    """What came of adding a store.

    Attributes:
        rows: the atlas with what was added.
        n_new, n_known: rows that were added, and rows that were there.
        refused: run key to why it was left out.
    """

    rows: pd.DataFrame
    n_new: int
    n_known: int
    refused: dict[str, str]


def add(store: str, out: str | None) -> int:
    """Add a store's runs to the atlas of a folder and renew its page; 0 only if every run fits."""
    folder = atlas_folder(out)
    found = admitted(theirs := opened_store(store), folder)
    for key, why in list(found.refused.items())[:NAMED]:
        print(f"refused {key}: {why}")
    if len(found.refused) > NAMED:
        print(f"... and {len(found.refused) - NAMED} more.")
    if found.n_new or not (folder / FILE).exists():
        write_atlas(folder, found.rows)
        holes = pd.concat([read_holes(folder), holes_of(theirs)], ignore_index=True).drop_duplicates("run_key")
        write_pages(
            folder, read_atlas(folder), holes
        )  # as the file has them, so that a page is the same when made again
    size = (path := folder / FILE).stat().st_size / 2**20
    print(
        f"{path}: {found.n_new} rows added, {found.n_known} were there, {len(found.refused)} runs refused; {size:.1f} MiB."
    )
    return 1 if found.refused else 0


def admitted(store: RunStore, folder: Path) -> Admitted:
    """Check each finished run of a store against the atlas of a folder, and return that atlas with those that fit.

    A run whose reference does not fit does not either.

    Raises:
        TlbenchError: the store holds no finished run.
    """
    atlas, (records, refused) = read_atlas(folder), _finished(store)
    if not records and not refused:
        raise TlbenchError(f"Store '{store.where}' holds no finished run. `tlbench sweep store=...` fills it.")
    refused |= {key: "; ".join(found) for key in records if (found := list(broken_rules(store, key, records)))}
    new = atlas_rows(store, [key for key in records if key not in refused])
    for index, sentence in (*other_data(new, atlas).items(), *other_numbers(new, atlas).items()):
        refused.setdefault(str(new.loc[index, "run_key"]), str(sentence))
    lost = new["reference_run"].isin(refused) & ~new["run_key"].isin(refused)
    refused |= {str(key): "is compared with a run that was refused" for key in new.loc[lost, "run_key"]}
    kept = new[~new["run_key"].isin(refused)]
    there = pd.MultiIndex.from_frame(kept[KEY]).isin(pd.MultiIndex.from_frame(atlas[KEY]))
    rows = pd.concat([atlas, kept[~there]], ignore_index=True) if len(atlas) else kept
    return Admitted(rows, int((~there).sum()), int(there.sum()), refused)


def _finished(store: RunStore) -> tuple[dict[str, dict[str, Any]], dict[str, str]]:
    """Return the records of a store's finished runs by key, and why others cannot be read."""
    records, torn = {}, {}
    for key in store.run_keys():
        found = read_record(store, key)
        if isinstance(found, Problem):
            torn[key] = found.text
        elif found["status"] == "done":
            records[key] = found
    return records, torn
