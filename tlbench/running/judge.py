"""What a fitted run comes to: the checkpoints that rules pick, their scores, gains over references, distances of the domains.

The only stage that is given labels which no method sees.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from tlbench import environment
from tlbench.metrics import Metric, measure, score
from tlbench.running.clock import Clock
from tlbench.running.comparison import Comparison, Gains, References, primary_of
from tlbench.running.describe import costs_of, examples_seen, sizes_of
from tlbench.running.stage_values import Fitted
from tlbench.running.warned import warnings_of
from tlbench.selection.rules import ORACLE, SOURCE_VAL, chosen_checkpoints, no_such_rule, val_score
from tlbench.store.reading import HISTORY
from tlbench.tasks import Hidden, Task
from tlbench.training.checkpoints import Checkpoint
from tlbench.training.domains import embedded, measured
from tlbench.transfer.warning.outlook import Outlook


@dataclass(frozen=True)
class Judged:
    """A run's part of the record, its tables for a store, the features that it keeps for maps, and its outlooks by step."""

    record: dict[str, Any]
    predictions: pd.DataFrame
    history: pd.DataFrame
    features: dict[str, np.ndarray]
    outlooks: dict[int, Mapping[str, np.ndarray]]


def judge(fitted: Fitted, hidden: Hidden, references: References) -> Judged:
    """Judge a run against its references.

    Raises:
        TlbenchError: the rule that the run asks for picks nothing under its protocol.
    """
    clock, prepared = Clock(fitted.seconds), fitted.prepared
    setup, task, tested = prepared.setup, prepared.task, hidden.in_file_order()
    checkpoints = [replace(found, test=found.test[hidden.file_order]) for found in fitted.checkpoints]
    metric = setup.dataset.metric
    picks = chosen_checkpoints(checkpoints, task, tested.labels, metric)
    if setup.config.selection.rule not in picks:
        raise no_such_rule(setup.config.selection.name, setup.config.protocol)
    outputs = {index: predicted(checkpoints[index], tested) for index in sorted(set(picks.values()))}
    numbers = {index: measure(checkpoints[index].test, tested.labels, setup.dataset.unknown_class) for index in outputs}
    gains = Gains(Comparison.of(setup), references)
    selections = {
        rule: {
            "step": checkpoints[index].step,
            "oracle": rule == ORACLE,
            "metrics": {name: value for name, value in numbers[index].items() if isinstance(value, float)},
            "gains": gains.of(outputs[index], checkpoints[index].step, rule),
        }
        for rule, index in picks.items()
    }
    outlooks = {
        checkpoints[index].step: checkpoints[index].outlook
        for index in outputs
        if checkpoints[index].outlook and not setup.method.oracle
    }
    clock.lap("measure")
    distances = _distances(fitted, hidden)
    clock.lap("distances")
    record = {
        "selections": selections,
        "per_step": {
            checkpoints[index].step: {k: v for k, v in found.items() if not isinstance(v, float)}
            for index, found in numbers.items()
        },
        "checkpoints": [judged_checkpoint(checkpoint, task, tested.labels, metric) for checkpoint in checkpoints],
        "warnings": warnings_of(
            {rule: checkpoints[index].step for rule, index in picks.items()},
            {step: Outlook.of_arrays(arrays) for step, arrays in outlooks.items()},
            primary_of(setup, references),
        ),
        "distances": distances,
        "sizes": sizes_of(prepared),
        "costs": costs_of(clock.laps, examples_seen(prepared)),
        **({"stacked": fitted.stacked} if fitted.stacked > 1 else {}),
        "hardware": environment.hardware(setup.config.trainer.accelerator, with_torch=setup.needs_torch),
    }
    rows = [(step, name, value) for step, values in enumerate(fitted.history) for name, value in values.items()]
    table = pd.concat(list(outputs.values()), ignore_index=True)
    return Judged(record, table, pd.DataFrame(rows, columns=HISTORY), _features(fitted, hidden), outlooks)


def predicted(checkpoint: Checkpoint, hidden: Hidden) -> pd.DataFrame:
    """Return the test predictions at a checkpoint, one row an example."""
    return pd.DataFrame(
        {
            "step": checkpoint.step,
            "row": hidden.rows,
            "id": hidden.ids,
            "group": hidden.groups,
            "label": hidden.labels,
            "prediction": checkpoint.test.argmax(axis=1),
            "confidence": checkpoint.test.max(axis=1),
        }
    )


def judged_checkpoint(checkpoint: Checkpoint, task: Task, labels: np.ndarray, metric: Metric) -> dict[str, Any]:
    """Return what each validator says of a checkpoint, beside its score on the target test part, which is ORACLE."""
    val = val_score(checkpoint, task, metric)
    return {
        "step": checkpoint.step,
        "oracle_score": score(checkpoint.test, labels, metric),
        "scores": {**({} if val is None else {SOURCE_VAL: val}), **checkpoint.scores},
    }


def _distances(fitted: Fitted, hidden: Hidden) -> dict[str, dict[str, Any]]:
    """Compute distances of the two domains, by what they are measured in: `raw`, `trained`."""
    run, found = fitted.prepared, {}
    for kind, looks in (("raw", run.raw), ("trained", fitted.trained)):
        if "distances" in looks:
            found[kind] = measured(
                looks["distances"], run.task, hidden.target_labels, run.setup.config.seed, shift=kind == "raw",
                n_classes=len(run.setup.dataset.classes),
            )  # fmt: skip
    return found


def _features(fitted: Fitted, hidden: Hidden) -> dict[str, np.ndarray]:
    """Return the features that a run keeps for maps, as `StoreReader.features` gives them; nothing where `embeddings` is 0."""
    run, kept = fitted.prepared, dict[str, np.ndarray]()
    for kind, looks in (("raw", run.raw), ("trained", fitted.trained)):
        if "embeddings" in looks:
            found = embedded(looks["embeddings"], run.task, hidden.target_labels)
            kept |= {name if "label" in name else f"{kind}_{name}": values for name, values in found.items()}
    return kept
