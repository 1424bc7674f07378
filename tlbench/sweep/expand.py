"""From the overrides of a sweep to the overrides of each job, the recipe filled in from the data set's config."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException

from tlbench.config.build import build, classifier_learner, method_class
from tlbench.config.compose import GROUPS, Composer, plain
from tlbench.data.dataset import Dataset
from tlbench.errors import TlbenchError, unknown

Overrides = list[str]


def key_of(override: str) -> str:
    return override.split("=", 1)[0]


def expand(composer: Composer, arguments: Sequence[str]) -> list[Overrides]:
    """Every job that the arguments ask for, in order and once, without references."""
    jobs: dict[tuple[str, ...], None] = {}
    for grid in grids(composer, arguments):
        for job in _completed(composer, list(_product(composer, grid))):
            jobs.setdefault(tuple(job))
    return [list(job) for job in jobs]


def grids(composer: Composer, arguments: Sequence[str]) -> list[Overrides]:
    """The grids of `sweep=NAME`, each with the other arguments in place of its own; without it the arguments alone."""
    named = [a.split("=", 1)[1] for a in arguments if key_of(a) == "sweep"]
    others = [a for a in arguments if key_of(a) != "sweep"]
    if not named:
        return [others]
    given = {key_of(a) for a in others}
    found = composer.raw([f"sweep={named[-1]}"]).sweep.grids
    return [[str(o) for o in grid if key_of(str(o)) not in given] + others for grid in found]


def _parsed(arguments: Sequence[str]) -> list[Override]:
    try:
        return OverridesParser.create().parse_overrides(list(arguments))
    except HydraException as error:
        text = " ".join(str(error).split())
        raise TlbenchError(f"{text}. An argument is written key=value, such as method=dann or seed=0,1,2.") from error


def _values(override: Override) -> list[str]:
    if override.is_sweep_override():
        return [f"{override.get_key_element()}={value}" for value in override.sweep_string_iterator()]
    return [override.input_line or ""]


def _product(composer: Composer, arguments: Sequence[str]) -> Iterator[Overrides]:
    lists = [_values(override) for override in _parsed(arguments)]
    for values in lists:
        _check_choices(composer, values)
    for job in product(*lists):
        for pair in _pairs(composer, job):
            yield [o for o in job if key_of(o) != "pair"] + [f"pair={pair}"]


def _check_choices(composer: Composer, overrides: Sequence[str]) -> None:
    for override in overrides:
        group, _, name = override.partition("=")
        if group in GROUPS and name not in (options := composer.options(group)):
            raise unknown(group, name, options, override)


def _pairs(composer: Composer, job: Sequence[str]) -> list[str]:
    dataset = dataset_like(composer, job)
    asked = [o.split("=", 1)[1].strip("'\"") for o in job if key_of(o) == "pair"]
    if not asked:
        pairs = ", ".join(map(str, dataset.pairs))
        raise TlbenchError(f"No pair is chosen. Set pair=all or one of {pairs}.")
    if asked[-1] == "all":
        return [str(pair) for pair in dataset.pairs]
    return [str(dataset.pair(asked[-1]))]


def dataset_like(composer: Composer, job: Sequence[str]) -> Dataset:
    """The data set of a job, for its names and its recipe; reads no data."""
    config = composer.raw([o for o in job if key_of(o) == "dataset" or key_of(o).startswith("dataset.")])
    group = plain(config.dataset)
    return build("dataset", group, name=group.get("name", config.hydra.runtime.choices.dataset), data_dir="")


def _completed(composer: Composer, jobs: Sequence[Overrides]) -> Iterator[Overrides]:
    """Adds what a job leaves open, from the data set's `recipe`: by the shape of its method, or, for a reference,
    by the shapes of the methods that it is swept beside."""
    shapes = [_shape(composer, job) for job in jobs]
    beside = sorted({shape for shape in shapes if shape != "either"})
    for job, shape in zip(jobs, shapes, strict=True):
        recipe = dataset_like(composer, job).recipe
        own = [shape] if shape != "either" else beside or [str(recipe.get("reference", "gradient"))]
        for learner in own:
            given = {key_of(o) for o in job}
            added = [
                str(o) for o in [*recipe.get(learner, []), *recipe.get("common", [])] if key_of(str(o)) not in given
            ]
            yield [*added, *job]


def _shape(composer: Composer, job: Sequence[str]) -> str:
    config = composer.raw([o for o in job if key_of(o) in ("method", "classifier")])
    shape = method_class({**config.method, "name": config.hydra.runtime.choices.method}).learner
    if shape == "either" and any(key_of(o) == "classifier" for o in job):
        return classifier_learner({**config.classifier})
    return shape
