"""The keys of a run, which need the fingerprint of its data."""

from __future__ import annotations

from tlbench.config.build import dataset_of, method_class
from tlbench.config.keys import cell_key, recipe_key, run_key
from tlbench.config.schema import RunConfig


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
