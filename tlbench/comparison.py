"""A run's gains over its matched references, from the stored predictions of both."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from tlbench.config.build import dataset_of
from tlbench.config.identity import identity_of
from tlbench.config.schema import RunConfig
from tlbench.metrics import example_weights
from tlbench.store.runs import RunStore
from tlbench.transfer.gain import paired_gain

References = Mapping[str, str | None]
"""Name to run key; None for a reference that could not be had."""


def compared_with(config: RunConfig) -> dict[str, Any]:
    """What a record says of the comparison: the reference whose gain counts, the level and the margin."""
    return {"reference": next(iter(config.reference_names), None), "alpha": config.alpha, "margin": config.margin}


def is_current(record: dict[str, Any], config: RunConfig) -> bool:
    """Whether a finished run's gains are over the references, and at the level and margin, that this config asks for."""
    wanted = {name: identity_of(config.as_reference(name))["run_key"] for name in config.reference_names}
    stored = [{n: g["run_key"] for n, g in found["gains"].items()} for found in record["selections"].values()]
    same = all(record[key] == value for key, value in compared_with(config).items() if key != "reference")
    return same and all(list(gains.items()) == list(wanted.items()) for gains in stored)


def compared_again(
    record: dict[str, Any], config: RunConfig, store: RunStore, references: References
) -> dict[str, Any]:
    """The record with its gains worked out anew from stored predictions: the run itself does not depend on them."""
    gains = Gains(config, store, references)
    selections = {
        rule: {**found, "gains": gains.of(store.at_step(record["run_key"], found["step"]), found["step"], rule)}
        for rule, found in record["selections"].items()
    }
    return {**record, **compared_with(config), "selections": selections}


@dataclass
class Gains:
    """Gains over each reference that could be had. Rules that pick the same checkpoints share their comparison."""

    config: RunConfig
    store: RunStore
    references: References
    known: dict[tuple[str, int, int], dict[str, Any]] = field(default_factory=dict)
    records: dict[str, dict[str, Any]] = field(default_factory=dict)

    def of(self, own: pd.DataFrame, step: int, rule: str) -> dict[str, dict[str, Any]]:
        """Gain over each reference under the same selection, with the reference's run key, by the reference's name.

        Args:
            own: test predictions of the run at this step.
        """
        found = {}
        for name, key in self.references.items():
            if key is None:
                continue
            if key not in self.records:
                self.records[key] = self.store.record(key) or {}
            other_step = self.records[key]["selections"][rule]["step"]
            if (mark := (key, step, other_step)) not in self.known:
                self.known[mark] = self._compared(own, key, other_step, name)
            found[name] = self.known[mark]
        return found

    def _compared(self, own: pd.DataFrame, key: str, step: int, name: str) -> dict[str, Any]:
        other = self.store.at_step(key, step)
        if not np.array_equal(other["row"], own["row"]):
            raise RuntimeError(f"run {key} ({name}) was tested on other examples: it is no matched reference")
        right, other_right = ((table["prediction"] == table["label"]).to_numpy() for table in (own, other))
        weights = example_weights(own["label"].to_numpy(), dataset_of(self.config).metric)
        gain = paired_gain(
            right,
            other_right,
            own["group"].to_numpy(),
            alpha=self.config.alpha,
            margin=self.config.margin,
            seed=self.config.seed,
            weights_N=weights,
        )
        score = float(np.average(other_right, weights=weights))
        return {**gain.as_dict(), "run_key": key, "reference_step": step, "reference_score": score}
