"""Data sets that a task is handed instead of reading them: its node may have no copy of the files."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cachetools import LRUCache

from tlbench.data.domain import Domain
from tlbench.data.images.image_files import ImageFiles
from tlbench.running.setup import give_dataset

if TYPE_CHECKING:
    from tlbench.data.base_dataset import Dataset
    from tlbench.running.setup import Setup
    from tlbench.sweeping.plan import Job


@dataclass(frozen=True)
class Handed:
    """What of a data set a batch needs.

    Attributes:
        group, data_dir: what the data set is built from, as `shared_dataset` takes it.
        dataset: what `keep` made of it, without its data.
        domains: by name, those that are arrays. Images in files are read where the task runs.
        fingerprints: of the pairs' domains, by their names with commas between.
    """

    group: str
    data_dir: str
    dataset: Any
    domains: dict[str, Any]
    fingerprints: dict[str, str]


def data_of(jobs: Sequence[Job], keep: Callable[[str, Any], Any]) -> list[Handed]:
    """Return what these runs need, each data set once.

    Args:
        keep: makes of a data set or a domain, by a name, what is handed in its place.
    """
    found: dict[tuple[str, str], Handed] = {}
    for setup in (job.setup for job in jobs):
        place = json.dumps(setup.config.dataset), setup.config.data_dir
        if not _is_arrays(setup):
            continue
        if place not in found:
            found[place] = Handed(*place, keep(f"{place}", _without_data(setup.dataset)), {}, {})
        handed = found[place]
        for name in setup.pair.domains:
            if name not in handed.domains:
                handed.domains[name] = keep(f"{place}/{name}", setup.dataset.load(name))
        handed.fingerprints[",".join(setup.pair.domains)] = setup.keys["data_fingerprint"]
    return list(found.values())


def _is_arrays(setup: Setup) -> bool:
    return not any(isinstance(setup.dataset.load(name).inputs, ImageFiles) for name in setup.pair.domains)


def _without_data(dataset: Dataset) -> Dataset:
    """Return a copy that holds nothing that it has read."""
    bare = copy(dataset)
    vars(bare).update({name: LRUCache(v.maxsize) for name, v in vars(bare).items() if isinstance(v, LRUCache)})
    return bare


_TAKEN: dict[tuple[str, str], tuple[dict[str, Domain], dict[str, str]]] = {}


def take_handed(handed: Handed, get: Callable[[Any], Any]) -> None:
    """Let the runs of this process have what was handed; what was not is read as ever.

    Args:
        get: undoes what `keep` did.
    """
    place = handed.group, handed.data_dir
    if place not in _TAKEN:
        _TAKEN[place] = {}, {}
        dataset = copy(get(handed.dataset))
        _give_from(dataset, _TAKEN[place])
        give_dataset(*place, dataset)
    domains, fingerprints = _TAKEN[place]
    domains |= {name: get(kept) for name, kept in handed.domains.items() if name not in domains}
    fingerprints |= handed.fingerprints


def _give_from(dataset: Dataset, handed: tuple[Mapping[str, Domain], Mapping[str, str]]) -> None:
    domains, fingerprints = handed
    load, fingerprint = dataset.load, dataset.fingerprint

    def known_fingerprint(names: Sequence[str]) -> str:
        known = fingerprints.get(",".join(names))
        return fingerprint(names) if known is None else known

    vars(dataset)["load"] = lambda name: domains[name] if name in domains else load(name)
    vars(dataset)["check"] = lambda name: None if name in domains else load(name)
    vars(dataset)["fingerprint"] = known_fingerprint
