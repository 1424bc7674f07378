"""What sweeps have set out to do: a file each in the store, so that a report can tell what is missing. Written and read here."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from tlbench.aside import replacing
from tlbench.errors import TlbenchError
from tlbench.store.content_keys import is_content
from tlbench.store.reading import StoreReader
from tlbench.store.record_rows import CELL, SETTING

PLANNED = (*CELL, SETTING, "seed", "reference", "tags")
"""What a plan says of each run, beside its keys and its trial."""
TRIAL = ("search", "trial", "base", "command")
BESIDE = " | "
"""Between the overrides of a trial's base."""


@dataclass(frozen=True)
class Planned:
    """What the sweeps of a store set out to do.

    Attributes:
        runs: run_key, cell_key, seed, the columns of CELL, setting, search, trial and base (of hyper-parameters, or None;
            base: what else the run sets), command (that does it alone; None in plans of older versions), one row a run.
        configs: cell_key to the cell's config.
        sweeps: name of each plan to the run keys in it.
        tags: each tag that a plan gives, to the run keys that it gives it.
    """

    runs: pd.DataFrame
    configs: Mapping[str, Mapping[str, Any]]
    sweeps: Mapping[str, frozenset[str]] = field(default_factory=dict)
    tags: Mapping[str, frozenset[str]] = field(default_factory=dict)


def plan_files(store: StoreReader) -> list[Path]:
    """Return the plans of a store, by name."""
    store.mirror.look_at_all()
    return sorted((store.root / "plans").glob("*.json"))


def write_plan(
    store: StoreReader,
    name: str,
    arguments: Sequence[str],
    runs: Sequence[Mapping[str, Any]],
    cells: Mapping[str, Mapping[str, Any]],
) -> None:
    """Keep a plan; one of the same name is replaced.

    Args:
        arguments: of the command, for people to read.
        runs: run_key, cell_key, PLANNED and TRIAL of each run.
        cells: cell_key to the cell's config, so that cells can be told apart before they have a run.
    """
    path = store.root / "plans" / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    plan = {"name": name, "arguments": list(arguments), "runs": list(runs), "cells": cells}
    with store.mirror.sending(f"plans/{path.name}", anew=True), replacing(path) as aside:
        aside.write_text(json.dumps(plan, indent=1), "utf-8")


def read_plan(path: Path) -> dict[str, Any]:
    """Return `runs` and `cells` as `write_plan` was given them. Raises TlbenchError where the file is damaged."""
    try:
        plan = json.loads(path.read_text("utf-8"))
        return {"runs": [dict(run) for run in plan["runs"]], "cells": dict(plan["cells"])}
    except (ValueError, KeyError, TypeError) as error:
        raise TlbenchError(
            f"{path} is damaged ({error}). Delete it, or run its sweep again, which writes it anew."
        ) from error


def planned(store: StoreReader) -> Planned:
    """Return all plans of a store together."""
    by_name = {path.stem: read_plan(path) for path in plan_files(store)}
    every = [run for plan in by_name.values() for run in plan["runs"]]
    tags: dict[str, set[str]] = {}
    for run in every:
        if run.get("base"):  # plans of older versions have names and paths in it
            run["base"] = BESIDE.join(filter(is_content, run["base"].split(BESIDE)))
        for tag in run.get("tags", ()):  # a plan of an older version gives none
            tags.setdefault(tag, set()).add(run["run_key"])
    table = pd.DataFrame(every, columns=["run_key", "cell_key", "seed", *CELL, SETTING, *TRIAL])
    return Planned(
        table.drop_duplicates("run_key", ignore_index=True),
        {cell: config for plan in by_name.values() for cell, config in plan["cells"].items()},
        {name: frozenset(run["run_key"] for run in plan["runs"]) for name, plan in by_name.items()},
        {tag: frozenset(keys) for tag, keys in tags.items()},
    )


def configs_of(store: StoreReader, runs: pd.DataFrame, plans: Planned) -> dict[str, Mapping[str, Any]]:
    """Return the config of each cell, from its plan or from one of its runs. Raises Damaged for a file that cannot be read."""
    first = runs.drop_duplicates("cell_key")
    own = {str(r.cell_key): plans.configs.get(r.cell_key) or store.config(r.run_key) for r in first.itertuples()}
    return own | {str(cell): config for cell, config in plans.configs.items() if cell not in own}
