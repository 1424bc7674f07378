"""A run's gains over its matched references, from the test predictions of both."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from tlbench.metrics import Metric
from tlbench.running.setup import Setup
from tlbench.running.warned import warnings_of
from tlbench.store.reading import StoreReader
from tlbench.transfer.gain import Gain, paired_gain
from tlbench.transfer.statistic_gain import paired_statistic
from tlbench.transfer.warning.outlook import Outlook


@dataclass(frozen=True)
class Reference:
    """A finished run that others are compared with.

    Attributes:
        key: its run key.
        steps: each selection rule to the step of the checkpoint that it picks.
        predictions: of the test examples at those steps, as a store holds them (`PREDICTIONS`).
        outlooks: by step, what it says of unlabelled target examples; none where nothing was kept.
    """

    key: str
    steps: Mapping[str, int]
    predictions: pd.DataFrame
    outlooks: Mapping[int, Outlook] = field(default_factory=dict)

    def at(self, step: int) -> pd.DataFrame:
        """Return its test predictions after a step."""
        return self.predictions[self.predictions["step"] == step]


def kept_outlooks(store: StoreReader, key: str) -> dict[int, Outlook]:
    """Return what a finished run said of unlabelled target examples, by step; nothing where it kept nothing."""
    return {step: Outlook.of_arrays(arrays) for step, arrays in store.outlooks(key).items()}


References = Mapping[str, Reference | None]
"""By name, primary first; None for a reference that could not be had."""


@dataclass(frozen=True)
class Comparison:
    """How gains are worked out: the metric, the level and the margin of a flag, the seed of the bootstrap."""

    metric: Metric
    alpha: float
    margin: float
    seed: int

    @classmethod
    def of(cls, setup: Setup) -> Comparison:
        config = setup.config
        return cls(setup.dataset.metric, config.alpha, config.margin, config.seed)

    def gain(self, own: pd.DataFrame, other: pd.DataFrame) -> Gain:
        """Compare the test predictions of a run with its reference's, of the same examples in the same order."""
        right, other_right = ((table["prediction"] == table["label"]).to_numpy() for table in (own, other))
        labels, groups = own["label"].to_numpy(), own["group"].to_numpy()
        how: dict[str, Any] = {"alpha": self.alpha, "margin": self.margin, "seed": self.seed}
        if self.metric.joined is not None:
            return paired_statistic(self.metric.values, self.metric.slopes, labels, right, other_right, groups, **how)
        weights = self.metric.weights(labels)
        if weights is None or weights.all():
            return paired_gain(right, other_right, groups, weights_N=weights, **how)
        # examples without weight can only leave a resample empty
        kept = weights > 0
        return paired_gain(right[kept], other_right[kept], groups[kept], weights_N=weights[kept], **how)


@dataclass
class Gains:
    """Gains over each reference that could be had. Rules that pick the same checkpoints share their comparison."""

    how: Comparison
    references: References
    known: dict[tuple[str, int, int], dict[str, Any]] = field(default_factory=dict)

    def of(self, own: pd.DataFrame, step: int, rule: str) -> dict[str, dict[str, Any]]:
        """Compute the gain over each reference under the same selection, with the reference's run key, by the reference's name.

        Args:
            own: test predictions of the run at this step.

        Raises:
            RuntimeError: a reference was tested on other examples.
        """
        found = {}
        for name, reference in self.references.items():
            if reference is None:
                continue
            mark = reference.key, step, reference.steps[rule]
            if mark not in self.known:
                self.known[mark] = self._compared(own, reference, name, reference.steps[rule])
            found[name] = self.known[mark]
        return found

    def _compared(self, own: pd.DataFrame, reference: Reference, name: str, step: int) -> dict[str, Any]:
        other = reference.at(step)
        if not np.array_equal(other["row"], own["row"]):
            raise RuntimeError(f"run {reference.key} ({name}) was tested on other examples: it is no matched reference")
        score = self.how.metric.score(other["label"].to_numpy(), other["prediction"].to_numpy())
        gain = self.how.gain(own, other)
        return {**gain.as_dict(), "run_key": reference.key, "reference_step": step, "reference_score": score}


def compared_with(setup: Setup) -> dict[str, Any]:
    """Return what a record says of the comparison: the reference whose gain counts, level, margin and how it was tested."""
    config = setup.config
    found = {"reference": next(iter(config.reference_names), None), "alpha": config.alpha, "margin": config.margin}
    return found | {"tested": how_tested(setup.dataset.metric)}


def how_tested(metric: Metric) -> int:
    """Return a number that is raised when a gain's test or interval becomes another; records are then compared anew."""
    return 1 if metric.joined is None else 2  # 2: Student's interval in place of a bootstrap


def is_current(record: dict[str, Any], setup: Setup) -> bool:
    """Tell whether a finished run's gains are over the references, at the level and by the test that this setup asks for."""
    if (record["alpha"], record["margin"]) != (setup.config.alpha, setup.config.margin):
        return False
    if record.get("tested", 1) != how_tested(setup.dataset.metric):
        return False
    # by run key too: a reference of another revision is another run
    wanted = [(name, reference.key) for name, reference in setup.references.items()]
    stored = [[(n, g["run_key"]) for n, g in found["gains"].items()] for found in record["selections"].values()]
    return all(gains == wanted for gains in stored)


def compared_again(
    record: dict[str, Any],
    setup: Setup,
    predictions: pd.DataFrame,
    references: References,
    outlooks: Mapping[int, Outlook] | None = None,
) -> dict[str, Any]:
    """Compute the gains and warnings of a record anew from stored predictions and outlooks: the run itself does not depend on
    them."""
    gains, own = Gains(Comparison.of(setup), references), Reference(record["run_key"], {}, predictions)
    selections = {
        rule: {**found, "gains": gains.of(own.at(found["step"]), found["step"], rule)}
        for rule, found in record["selections"].items()
    }
    steps = {rule: found["step"] for rule, found in selections.items()}
    warnings = warnings_of(steps, outlooks or {}, primary_of(setup, references))
    return {**record, **compared_with(setup), "selections": selections, "warnings": warnings}


def primary_of(setup: Setup, references: References) -> Reference | None:
    """Return the reference whose gain counts; None where there is none or it could not be had."""
    return references.get(next(iter(setup.config.reference_names), ""))
