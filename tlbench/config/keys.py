"""Content hashes that name a run, its recipe and its cell."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from tlbench.backbones.found_weights import own_digest
from tlbench.backbones.weights import file_hash
from tlbench.config.schema import RunConfig, checked_config
from tlbench.config.targets import located
from tlbench.data.images.draws import BILINEAR
from tlbench.errors import TlbenchError
from tlbench.store.content_keys import NOT_CONTENT, NOT_DATA

HARNESS = 2
"""Raised when the harness itself moves the numbers of all runs. 2: the target's examples come in an order of their own."""


LATER = (
    ("augment", "interpolation", BILINEAR),
    ("dataset", "label_map", None),
    ("classifier", "gamma", None),
    ("classifier", "last", "linear"),
    ("classifier", "temperature", 0.05),
    ("protocol", "source_shares", None),
    ("protocol", "source", "given"),
    ("protocol", "reject", None),
)
"""Settings that came when runs were kept already, each with the value that is as before: older keys stay what they were."""


def recipe_of(config: RunConfig, fingerprint: str, weights: str | None = None) -> dict[str, Any]:
    """Return all that two runs must share to be compared: everything but the method, and the data's fingerprint.

    Args:
        weights: hash of pretrained weights that their name does not tell, see `own_digest`.
    """
    recipe = config.model_dump(mode="json", exclude=NOT_CONTENT | {"method"})
    recipe["dataset"] = {k: v for k, v in recipe["dataset"].items() if k not in NOT_DATA}
    # batch statistics (MMD, CORAL) are of one device's share of a batch, so the number of devices moves numbers
    hardware = {name: getattr(config.trainer, name) for name in ("precision", "devices", "accumulate", "tf32")}
    for group, setting, value in LATER:
        if recipe.get(group, {}).get(setting, ...) == value:
            recipe[group] = {k: v for k, v in recipe[group].items() if k != setting}
    if recipe["backbone"].get("weights"):
        recipe["backbone"]["weights"] = file_hash(recipe["backbone"]["weights"])
    elif weights is not None:
        recipe["backbone"]["weights"] = weights
    if (
        recipe["backbone"].get("mode") == "last_k"
    ):  # runs of before mixed pixels for MixVal, not what the first stages give
        recipe["backbone"]["kept_outputs"] = 1
    return {**recipe, **hardware, "fingerprint": fingerprint, "harness": HARNESS}


def method_of(config: RunConfig) -> dict[str, Any]:
    """Return the method's config without its `later` parameters that are as if they were not there."""
    try:
        later = getattr(located("method", config.method), "later", {})
    except TlbenchError:  # a stored config's method that is no longer to be had
        later = {}
    return {name: value for name, value in config.method.items() if name not in later or value != later[name]}


def recipe_key(config: RunConfig, fingerprint: str, weights: str | None = None) -> str:
    """Compute the hash of the recipe, the seed included."""
    return _digest(recipe_of(config, fingerprint, weights))


def run_key(
    config: RunConfig, fingerprint: str, revision: int, weights: str | None = None, start: str | None = None
) -> str:
    """Compute the hash of recipe, method and the method's revision.

    Args:
        start: run key of the source model that the run starts from, where it does.
    """
    return _digest(_content(config, fingerprint, revision, weights, start))


def cell_key(
    config: RunConfig, fingerprint: str, revision: int, weights: str | None = None, start: str | None = None
) -> str:
    """Compute the run key without the seed; `start` is the cell key of the source model."""
    content = _content(config, fingerprint, revision, weights, start)
    return _digest({k: v for k, v in content.items() if k != "seed"})


def _content(
    config: RunConfig, fingerprint: str, revision: int, weights: str | None, start: str | None
) -> dict[str, Any]:
    own = {"method": method_of(config), "revision": revision, **({} if start is None else {"source_model": start})}
    return {**recipe_of(config, fingerprint, weights), **own}


def key_of_stored(config: Mapping[str, Any], record: Mapping[str, Any]) -> str | None:
    """Compute the run key that a stored config has with the fingerprint and the revision of its record; no data are read.

    None where it cannot be told: the run is of another revision of the harness, this version does not take such a config, or a
    file of weights that is a part of the key is gone.
    """
    if record.get("harness") != HARNESS:
        return None
    try:
        weights, start = own_digest(record.get("weights")), record.get("source_model", {}).get("run_key")
        revision = record["method_revision"]
        return run_key(checked_config(dict(config)), record["data_fingerprint"], revision, weights, start)
    except (TlbenchError, OSError):
        return None


def _digest(content: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]
