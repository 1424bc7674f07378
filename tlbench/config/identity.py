"""The keys of a run, which need the fingerprint of its data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tlbench.config.build import dataset_of, method_class
from tlbench.config.keys import HARNESS, cell_key, recipe_key, run_key
from tlbench.config.schema import RunConfig, checked
from tlbench.errors import TlbenchError


def identity_of(config: RunConfig) -> dict[str, str]:
    """Run key, recipe key, cell key and data fingerprint of a run. Reads (or makes) the data of its pair."""
    dataset, revision = dataset_of(config), method_class(config.method).revision
    pair = dataset.pair(config.pair)
    fingerprint = dataset.fingerprint([*pair.sources, pair.target])
    return {
        "run_key": run_key(config, fingerprint, revision),
        "recipe_key": recipe_key(config, fingerprint),
        "cell_key": cell_key(config, fingerprint, revision),
        "data_fingerprint": fingerprint,
    }


def key_of_stored(config: Mapping[str, Any], record: Mapping[str, Any]) -> str | None:
    """The run key that a stored config has with the fingerprint and the revision of its record; reads no data.

    None where it cannot be told: the run is of another revision of the harness, this version does not take such a config, or a
    file of weights that is a part of the key is gone.
    """
    if record.get("harness") != HARNESS:
        return None
    try:
        return run_key(checked(dict(config)), record["data_fingerprint"], record["method_revision"])
    except (TlbenchError, OSError):
        return None
