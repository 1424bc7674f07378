"""How far apart the two domains of a run are, in its inputs and in what was learnt."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tlbench.data.domain import Inputs, dense_float32
from tlbench.task import HeldOut, Labelled, Task
from tlbench.training.probe import Outputs, drawn, some
from tlbench.transfer.pair import measure_pair


def flat(inputs: Inputs) -> np.ndarray:
    """The inputs themselves as (N, D) rows."""
    return dense_float32(inputs).reshape(inputs.shape[0], -1)


def sampled(task: Task, held_out: HeldOut, examples: int, seed: int) -> tuple[Labelled, Labelled]:
    """Up to `examples` training examples of the source and of the target, the same for every model of a run.

    The target's labels are what evaluation knows, not the method: a caller uses them for what is ORACLE.
    """
    chosen = drawn(task.target.shape[0], examples, seed, "target")
    target = Labelled(task.target[chosen], held_out.target_labels[chosen])
    return some(task.source, examples, seed, "source"), target


def features_of_domains(
    task: Task,
    held_out: HeldOut,
    examples: int,
    seed: int,
    *,
    outputs: Outputs | None = None,
    rows: Callable[[Inputs], np.ndarray] = flat,
) -> dict[str, np.ndarray]:
    """`source` and `target`: (N, D) float32 features of `sampled` examples, as `measure_domains` measures them.

    With them `source_label` and `oracle_target_label` (N,): target labels are looked up from what is held out, after the
    features were made, for the colours of a map.
    """
    source, target = sampled(task, held_out, examples, seed)
    xs, xt = (
        (rows(part.inputs) if outputs is None else outputs(part.inputs, name).features_ND)
        for part, name in ((source, "source"), (target, "target"))
    )
    features = {"source": np.asarray(xs, np.float32), "target": np.asarray(xt, np.float32)}
    return features | {"source_label": source.labels, "oracle_target_label": target.labels}


def measure_domains(
    task: Task,
    held_out: HeldOut,
    examples: int,
    seed: int,
    *,
    outputs: Outputs | None = None,
    rows: Callable[[Inputs], np.ndarray] = flat,
) -> dict[str, Any]:
    """`measure_pair` of up to `examples` training examples of each domain.

    Target labels are used for what is named `oracle_...` and go nowhere else.

    Args:
        outputs: what a model makes of inputs; its features are measured.
        rows: what is measured where there is no model.
    """
    source, target = sampled(task, held_out, examples, seed)
    probabilities = None
    if outputs is None:
        xs, xt = rows(source.inputs), rows(target.inputs)
    else:
        seen = outputs(target.inputs, "target")
        xs, xt, probabilities = outputs(source.inputs, "source").features_ND, seen.features_ND, seen.probabilities_NC
    return measure_pair(
        xs, source.labels, xt, target.labels, n_classes=task.n_classes, seed=seed, probabilities_t=probabilities
    )
