"""`tlbench data get` and `tlbench data check`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from rich.console import Console

from tlbench.config.compose import plain
from tlbench.config.schema import first_line
from tlbench.data.base_dataset import Dataset
from tlbench.data.check_dataset import check, lines
from tlbench.data.fetch.get import by_hand, get
from tlbench.data.fetch.sources import Source
from tlbench.errors import TlbenchError, unknown
from tlbench.running.setup import dataset_named
from tlbench.sweeping.driver import sweeper


def composed(name: str, overrides: Sequence[str], config_dir: str | None) -> tuple[Dataset, list[dict[str, Any]], Path]:
    """Return a data set as a run would get it, its sources, and the data folder."""
    with sweeper(["hydra.sweeper.quiet=true"], config_dir) as machine:
        if name not in (known := machine.composer.options("dataset")):
            raise unknown("dataset", name, known, f"tlbench data ... {name}")
        config = machine.composer.raw([f"dataset={name}", *overrides])
    group, folder = plain(config.dataset), str(config.data_dir)
    dataset = dataset_named(group, folder, group.get("name", name))
    return dataset, group.get("sources") or [], Path(folder)


def get_data(name: str, overrides: Sequence[str], config_dir: str | None) -> int:
    """Fetch, unpack and count; return 0 if the data are there and their numbers are those of the config."""
    dataset, listed, folder = composed(name, overrides, config_dir)
    console = Console(stderr=True)
    if not _wrong(dataset):
        print(f"{name} is there, in '{folder}'.")
        return 0
    if dataset.by_hand is not None:
        raise TlbenchError(by_hand(name, dataset.by_hand, folder))
    if not listed:
        raise TlbenchError(f"{name} has no files to fetch.")
    try:
        sources = [Source(**source) for source in listed]
    except ValidationError as error:
        raise TlbenchError(first_line(error, "dataset.sources")) from error
    get(name, sources, folder, console=console)
    wrong = _wrong(composed(name, overrides, config_dir)[0])
    for problem in wrong:
        print(f"PROBLEM: {problem}")
    if not wrong:
        print(f"{name} is complete in '{folder}'. `tlbench data check {name}` reads every file.")
    return 1 if wrong else 0


def _wrong(dataset: Dataset) -> list[str]:
    found = []
    for domain in dataset.domains:
        try:
            dataset.load(domain)
        except TlbenchError as error:
            found.append(str(error))
    return found


def check_data(name: str, overrides: Sequence[str], config_dir: str | None) -> int:
    """Read everything; return 0 only if all is well."""
    found = check(composed(name, overrides, config_dir)[0])
    for line in lines(found):
        print(line)
    print(found.verdict)
    return 1 if found.problems else 0
