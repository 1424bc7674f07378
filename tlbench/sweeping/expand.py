"""From the overrides of a sweep to the overrides of each job, what they leave open filled in from recipes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product

from tlbench.config.compose import GROUPS, Composer
from tlbench.data.base_dataset import ALIASES
from tlbench.errors import TlbenchError, say_once, unknown
from tlbench.sweeping.overrides import Overrides, key_of, parsed, values_of
from tlbench.sweeping.recipes import completed, dataset_like
from tlbench.sweeping.search_trials import Asked, search_of, with_trials


def expand(composer: Composer, arguments: Sequence[str]) -> list[Asked]:
    """Return every job that the arguments ask for, in order and once, without references."""
    jobs: dict[tuple[str, ...], Asked] = {}
    for grid in grids(composer, arguments):
        search, others = search_of(composer, grid)
        for job in with_trials(composer, completed(composer, list(_product(composer, others))), search):
            jobs.setdefault(tuple(job.overrides), job)
    return list(jobs.values())


def grids(composer: Composer, arguments: Sequence[str]) -> list[Overrides]:
    """Return the grids of `sweep=NAME`, each with the other arguments in place of its own; without it the arguments alone."""
    named = [a.split("=", 1)[1] for a in arguments if key_of(a) == "sweep"]
    others = [a for a in arguments if key_of(a) != "sweep"]
    if not named:
        return [others]
    if named[-1] not in (known := composer.options("sweep")):
        raise unknown("sweep", named[-1], known, f"sweep={named[-1]}")
    given = {key_of(a) for a in others}
    found = composer.raw([f"sweep={named[-1]}"]).sweep.grids
    return [[str(o) for o in grid if key_of(str(o)) not in given] + others for grid in found]


def _product(composer: Composer, arguments: Sequence[str]) -> Iterator[Overrides]:
    lists = [values_of(override) for override in parsed(arguments)]
    for values in lists:
        _check_choices(composer, values)
    for job in product(*lists):
        for pair in _pairs(composer, job):
            yield [o for o in job if key_of(o) != "pair"] + [f"pair={pair}"]


def _check_choices(composer: Composer, overrides: Sequence[str]) -> None:
    for override in overrides:
        group, _, name = override.partition("=")
        if group in GROUPS and (name := name.strip("'\"")) not in (options := composer.options(group)):
            raise unknown(group, name, options, f"{group}={name}")


def _pairs(composer: Composer, job: Sequence[str]) -> list[str]:
    dataset = dataset_like(composer, job)
    asked = [o.split("=", 1)[1].strip("'\"") for o in job if key_of(o) == "pair"]
    if not asked:
        pairs = ", ".join(map(str, dataset.pairs))
        raise TlbenchError(f"No pair is chosen. Set pair=all or one of {pairs}.")
    if asked[-1] in ALIASES:
        whole = dataset.pairs_of(asked[-1])
        here = dataset.here(whole)
        if 0 < len(here) < len(whole):
            missing = ", ".join(domain for domain in dataset.domains if not dataset.is_here(domain))
            say_once(f"{dataset.name}: {len(here)} of {len(whole)} pairs can be run here; not here: {missing}.")
        return [str(pair) for pair in here or whole]
    return [str(dataset.pair(asked[-1]))]
