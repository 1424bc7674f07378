"""The trials of a search, as jobs of a sweep."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from omegaconf import DictConfig
from pydantic import ValidationError

from tlbench.config.compose import Composer, plain
from tlbench.config.schema import first_line
from tlbench.errors import TlbenchError, unknown
from tlbench.method.reference import Reference
from tlbench.running.setup import classifier_shape, method_class
from tlbench.store.content_keys import is_content
from tlbench.store.plans import BESIDE
from tlbench.sweeping.adaptive import same_trials, values_so_far
from tlbench.sweeping.overrides import Overrides, key_of, parsed
from tlbench.sweeping.recipes import SETTABLE, keys_in
from tlbench.sweeping.search import Range, Search, with_values

KNOBS = ("trials", "engine", "seed")
SEARCHED = ("method", *SETTABLE)
"""Groups whose keys may be searched."""


@dataclass(frozen=True)
class Asked:
    """A job that a command asks for.

    Attributes:
        search, trial: the space that it belongs to and its number there; None without a search.
        base: what it sets besides pair, seed, what is no content (`is_content`) and the trial's values; the trials of one base
            are chosen among.
    """

    overrides: Overrides
    search: str | None = None
    trial: int | None = None
    base: str | None = None


def search_of(composer: Composer, grid: Sequence[str]) -> tuple[Search | None, Overrides]:
    """Return the search that a grid asks for, and its other arguments. What those set is not searched.

    Raises:
        TlbenchError: the space or a number is out of range, or nothing is left to search.
    """
    own = [a for a in grid if key_of(a).split(".")[0] == "search"]
    others = [a for a in grid if a not in own]
    if any(o.is_sweep_override() for o in parsed(own)):
        raise TlbenchError(f"A sweep has one search, got {' '.join(own)}. Use a command for each.")
    named = [a.split("=", 1)[1] for a in own if key_of(a) == "search"]
    if not named or named[-1] == "null":
        if knobs := [a for a in own if key_of(a) != "search"]:
            raise TlbenchError(
                f"{knobs[0]} needs a search. Set search=NAME; `tlbench list searches` names what there is."
            )
        return None, others
    name = named[-1]
    if name not in (known := composer.options("search")):
        raise unknown("search", name, known, f"search={name}")
    group = plain(DictConfig({"search": composer.raw(own).search}))["search"]
    space = {key: _range(name, key, value) for key, value in group.items() if key not in KNOBS}
    given = {key_of(a) for a in others}
    left = {key: found for key, found in space.items() if key not in given}
    if not left:
        raise TlbenchError(f"search={name} has nothing left to search: the command sets {', '.join(space) or 'all'}.")
    try:
        return Search(name=name, space=left, **{key: group[key] for key in KNOBS}), others
    except ValidationError as error:
        raise TlbenchError(first_line(error, "search")) from error


def _range(name: str, key: str, value: Any) -> Range:
    place = f"conf/search/{name}.yaml"
    if (top := key.split(".")[0]) not in SEARCHED or key == "method":
        raise unknown("config group", top, SEARCHED, f"{key} in {place}")
    try:
        return Range.model_validate(value)
    except ValidationError as error:
        told = first_line(error, key).split(" Set by ")[0]
        raise TlbenchError(f"{told} Set in {place}.") from error


def with_trials(composer: Composer, jobs: Iterable[Overrides], search: Search | None) -> Iterator[Asked]:
    """Yield each job that has all searched keys once a trial, the others once. Raises TlbenchError if none has them."""
    if search is None:
        yield from map(Asked, jobs)
        return
    lacks, jobs = None, list(jobs)
    values: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for job in jobs:
        if (missing := _lacks(composer, job, search)) is not None:
            lacks = lacks or missing
            yield Asked(job)
            continue
        shared = same_trials(job)
        if shared not in values:
            alike = [other for other in jobs if same_trials(other) == shared]
            values[shared] = values_so_far(composer, alike, search) if search.engine == "tpe" else search.values()
        for trial, drawn in enumerate(values[shared]):
            base = BESIDE.join(sorted(filter(is_content, shared)))
            yield Asked(with_values(job, drawn), search.name, trial, base)
    if lacks is not None and not values:
        raise lacks


def _lacks(composer: Composer, job: Overrides, search: Search) -> TlbenchError | None:
    """Return why a search does not apply to a job, or None: a reference is left alone, and all searched keys must be there."""
    config = composer.raw(same_trials(job))
    if issubclass(method_class({**config.method, "name": config.hydra.runtime.choices.method}), Reference):
        return TlbenchError(f"search={search.name} applies to no method asked for: references are left alone.")
    known = {group: keys_in(config, group) | {group} for group in SEARCHED}
    if config.classifier and classifier_shape({**config.classifier}) == "estimator":
        known["optim"] = set()  # it is there, and without effect
    for key in search.space:
        own = known[key.split(".")[0]]
        if key not in own:
            place = f"search={search.name} (conf/search/{search.name}.yaml), which applies to no method asked for"
            return unknown("config key", key, own, place)
    return None
