"""What a job leaves open, filled in: from the `recipe` of its method, then from that of its data set."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

from omegaconf import DictConfig, ListConfig

from tlbench.config.compose import PER_RUN, Composer, flat_keys, plain
from tlbench.data.base_dataset import Dataset
from tlbench.errors import TlbenchError, unknown
from tlbench.running.setup import classifier_shape, dataset_named, method_class
from tlbench.sweeping.overrides import Overrides, key_of, parsed

SETTABLE = ("protocol", "augment", "backbone", "classifier", "optim", "trainer")
"""Groups that the recipe of a method may set; its own parameters stand in its config as they are."""


def dataset_like(composer: Composer, job: Sequence[str]) -> Dataset:
    """Return the data set of a job, for its names, its recipe and what of it is on this machine; no data are read."""
    own = tuple(o for o in job if key_of(o) in ("dataset", "data_dir") or key_of(o).startswith("dataset."))
    return _dataset_like(composer, own)


@lru_cache(maxsize=64)
def _dataset_like(composer: Composer, overrides: tuple[str, ...]) -> Dataset:
    config = composer.raw(overrides)
    group = plain(config.dataset)
    return dataset_named(group, str(config.data_dir), group.get("name", config.hydra.runtime.choices.dataset))


def completed(composer: Composer, jobs: Sequence[Overrides]) -> Iterator[Overrides]:
    """Add what a job leaves open: from the recipe of its method, then from the data set's, by the shape of its method,
    or, for a reference, by the shapes of the methods that it is swept beside."""
    jobs = [[*method_recipe(composer, job), *job] for job in jobs]
    shapes = [_shape(composer, tuple(o for o in job if key_of(o) in ("method", "classifier"))) for job in jobs]
    beside = sorted({shape for shape in shapes if shape != "either"})
    for job, shape in zip(jobs, shapes, strict=True):
        recipe = _data_recipe(dataset_like(composer, job))
        for learner in [shape] if shape != "either" else beside or [*recipe["reference"]]:
            given = {key_of(o) for o in job}
            asked = [o for o in (*recipe.get(learner, []), *recipe.get("common", [])) if key_of(o) not in given]
            whole = [*_fitting(composer, asked, job), *job]
            _check_keys(composer, whole)
            yield whole


def _fitting(composer: Composer, asked: Overrides, job: Overrides) -> Overrides:
    """Return what of a data set's recipe the job has a place for.

    The job, or its method's recipe, may have chosen another classifier than the recipe, one without a `classifier.C`, say.
    """
    chosen = {key_of(o) for o in job}
    doubtful = [o for o in asked if "." in key_of(o) and key_of(o).split(".")[0] in chosen]
    if not doubtful:
        return asked
    config = composer.raw([o for o in (*asked, *job) if "." not in key_of(o) and key_of(o) not in PER_RUN])
    lost = {key_of(o) for o in doubtful if key_of(o) not in keys_in(config, key_of(o).split(".")[0])}
    return [o for o in asked if key_of(o) not in lost]


def _data_recipe(dataset: Dataset) -> dict[str, Overrides]:
    """Return the recipe of a data set, `reference` as a list of one shape.

    Raises:
        TlbenchError: a part of it is no list of key=value, or the shape is none.
    """
    shape = dataset.recipe.get("reference", "gradient")
    if shape not in ("gradient", "estimator"):
        raise TlbenchError(
            f"recipe.reference of a data set is gradient or estimator, got {shape!r}. Set in conf/dataset/{dataset.name}.yaml."
        )
    parts = {name: part for name, part in dataset.recipe.items() if name != "reference"}
    for name, part in parts.items():
        if not isinstance(part, list) or not all(isinstance(o, str) and "=" in o for o in part):
            raise TlbenchError(
                f"recipe.{name} of a data set is a list of overrides such as [backbone=mlp, classifier=head], got {part!r}. "
                f"Set in conf/dataset/{dataset.name}.yaml."
            )
    return {**parts, "reference": [shape]}


def method_recipe(composer: Composer, job: Sequence[str]) -> Overrides:
    """Return what the config of the job's method asks for under `recipe` and the job itself does not set.

    Raises:
        TlbenchError: it is no list of key=value, or sets what is not the recipe's.
    """
    name, recipe = _recipe(composer, job)
    for o in recipe:
        group, _, option = o.partition("=")
        if (top := group.split(".")[0]) not in SETTABLE:
            raise unknown("config group", top, SETTABLE, _place(name))
        if "." not in group and option not in (options := composer.options(group)):
            raise unknown(group, option, options, _place(name))
    given = {key_of(o) for o in job}
    return [o for o in recipe if key_of(o) not in given]


def _recipe(composer: Composer, job: Sequence[str]) -> tuple[str, Overrides]:
    """Return the name of the job's method, and the recipe in its config."""
    return _recipe_of(composer, tuple(o for o in job if key_of(o).split(".")[0] == "method"))


@lru_cache(maxsize=64)
def _recipe_of(composer: Composer, overrides: tuple[str, ...]) -> tuple[str, Overrides]:
    config = composer.raw(overrides)
    name, recipe = config.hydra.runtime.choices.method, config.method.get("recipe")
    if recipe is None:
        return name, []
    lines: list[Any] = list(recipe) if isinstance(recipe, ListConfig) else [None]
    if not all(isinstance(o, str) and "=" in o for o in lines) or any(o.is_sweep_override() for o in parsed(lines)):
        raise TlbenchError(
            "The recipe of a method is a list of single overrides such as [optim.lr=0.003, classifier.bottleneck=256], "
            f"got {recipe}. Set by {_place(name)}."
        )
    return name, lines


def _check_keys(composer: Composer, job: Sequence[str]) -> None:
    """Raise TlbenchError with the nearest known key where the recipe of the job's method misspells one."""
    name, recipe = _recipe(composer, job)
    keys = [key_of(o) for o in recipe if "." in key_of(o)]
    if not keys:
        return
    config = composer.raw([o for o in job if key_of(o) not in (*PER_RUN, *keys)])
    for key in keys:
        if key not in (known := keys_in(config, key.split(".")[0])):
            raise unknown("config key", key, known, _place(name))


def keys_in(config: DictConfig, group: str) -> set[str]:
    """Return the dotted keys of a group in a composed config; none where nothing is chosen."""
    return {f"{group}.{key}" for key in flat_keys(config[group] or {})}


def _place(name: str) -> str:
    return f"recipe in conf/method/{name}.yaml"


@lru_cache(maxsize=64)
def _shape(composer: Composer, overrides: tuple[str, ...]) -> str:
    config = composer.raw(overrides)
    shape = method_class({**config.method, "name": config.hydra.runtime.choices.method}).learner
    if shape == "either" and any(key_of(o) == "classifier" for o in overrides):
        return classifier_shape({**config.classifier})
    return shape
