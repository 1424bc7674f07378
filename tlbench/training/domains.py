"""What a model makes of some examples of both domains: distances are measured in it, and maps are drawn of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tlbench.data.inputs import dense_float32
from tlbench.training.validator_probe import drawn
from tlbench.transfer.pair import measure_pair

if TYPE_CHECKING:
    from tlbench.data.inputs import Inputs
    from tlbench.tasks import Task
    from tlbench.training.validator_probe import Outputs


@dataclass(frozen=True)
class Sampled:
    """Features of up to so many training examples of each domain, the same examples for every model of a run.

    Attributes:
        source_rows, target_rows: which ones, of `Task.source` and `Task.target`.
        source_SD, target_TD: their features.
        target_TC: class probabilities of the target's; None where nothing was trained.
    """

    source_rows: np.ndarray
    target_rows: np.ndarray
    source_SD: np.ndarray
    target_TD: np.ndarray
    target_TC: np.ndarray | None = None


def flat(inputs: Inputs) -> np.ndarray:
    """Return the inputs themselves as (N, D) rows."""
    return dense_float32(inputs).reshape(inputs.shape[0], -1)


def sampled(
    task: Task,
    examples: int,
    seed: int,
    *,
    outputs: Outputs | None = None,
    rows: Callable[[Inputs], np.ndarray] = flat,
) -> Sampled:
    """Return features of up to `examples` examples of each domain.

    Args:
        outputs: what a model makes of inputs; its features are taken.
        rows: what they are where there is no model.
    """
    source_rows = drawn(len(task.source), examples, seed, "source")
    target_rows = drawn(task.target.shape[0], examples, seed, "target")
    source, target = task.source.inputs[source_rows], task.target[target_rows]
    if outputs is None:
        return Sampled(source_rows, target_rows, rows(source), rows(target))
    seen = outputs(target, "target")
    features = outputs(source, "source").features_ND
    return Sampled(source_rows, target_rows, features, seen.features_ND, seen.probabilities_NC)


def measured(
    found: Sampled, task: Task, target_labels: np.ndarray, seed: int, *, shift: bool, n_classes: int | None = None
) -> dict[str, Any]:
    """Apply `measure_pair` to sampled features. Target labels are used for what is named `oracle_...` and go nowhere else.

    Args:
        target_labels: row by row of `Task.target`.
        shift: tell the kind of the shift too.
        n_classes: of the target's labels, where they are more than a method has outputs for.
    """
    labels = task.source.labels[found.source_rows], target_labels[found.target_rows]
    return measure_pair(
        found.source_SD, labels[0], found.target_TD, labels[1], n_classes=n_classes or task.n_classes, seed=seed,
        probabilities_t=found.target_TC, shift=shift,
    )  # fmt: skip


def embedded(found: Sampled, task: Task, target_labels: np.ndarray) -> dict[str, np.ndarray]:
    """Return `source` and `target`, (N, D) float32, and for a map's colours `source_label` and `oracle_target_label`, (N,)."""
    features = {"source": np.asarray(found.source_SD, np.float32), "target": np.asarray(found.target_TD, np.float32)}
    labels = {
        "source_label": task.source.labels[found.source_rows],
        "oracle_target_label": target_labels[found.target_rows],
    }
    return features | labels
