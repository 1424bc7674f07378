"""Which checkpoint of a run counts.

A rule sees the checkpoints' outputs and the labels it is entitled to. `oracle` alone is given target labels, and is
printed as ORACLE wherever it appears.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tlbench.errors import TlbenchError
from tlbench.metrics import ACCURACY, Metric, score

if TYPE_CHECKING:  # a report reads the names of the rules, and need not wait for torch
    from tlbench.tasks import Task
    from tlbench.training.checkpoints import Checkpoint

LAST = "last"
ORACLE = "oracle"
SOURCE_VAL = "source_val"
NEED_SOURCE_VAL = (SOURCE_VAL, "iwv", "dev")
NEED_SOURCE = (*NEED_SOURCE_VAL, "circular")


def no_such_rule(selection: str, protocol: Mapping[str, Any]) -> TlbenchError:
    """Return the error of a selection that cannot be had under a protocol, given as its config group."""
    if selection in NEED_SOURCE and protocol.get("source") == "private":
        return TlbenchError(
            f"selection={selection} looks at source examples, and protocol.source=private hides them. Use a validator that looks "
            "at the target alone, such as selection=im, or selection=last."
        )
    if selection in NEED_SOURCE_VAL:
        return TlbenchError(
            f"selection={selection} needs source validation data, and protocol={protocol['name']} keeps none here. "
            "Use protocol=inductive with protocol.source_val above 0, or selection=last."
        )
    return TlbenchError(
        f"selection={selection} needs the validators' examples, and validators is 0. Set validators=300."
    )


def unseen_by(selection: str, method: str, part: str) -> TlbenchError:
    """Return the error of a selection that looks at a part of the task which the method is not given."""
    instead = "such as selection=im, or selection=last" if part == "source" else "such as selection=last"
    return TlbenchError(
        f"selection={selection} looks at {part} examples, and {method} is not given any. Use one that looks elsewhere, {instead}."
    )


def last_best(scores: Sequence[float]) -> int:
    """Return the index of the highest score; of equals the last, which has trained longest."""
    return len(scores) - 1 - int(np.argmax(np.asarray(scores)[::-1]))


def val_score(checkpoint: Checkpoint, task: Task, metric: Metric) -> float | None:
    """Compute the metric on source validation, of known classes alone; None where there is none."""
    if task.source_val is None or checkpoint.source_val is None:
        return None
    return score(checkpoint.source_val, task.source_val.labels, metric.of_known)


def chosen_checkpoints(
    checkpoints: Sequence[Checkpoint], task: Task, labels: np.ndarray, metric: Metric = ACCURACY
) -> dict[str, int]:
    """Return the index of the checkpoint that each rule picks: `last`, each validator that has what it needs, `oracle`.

    Args:
        labels: of the test examples; `oracle` alone looks at them.
    """
    picks = {LAST: len(checkpoints) - 1}
    val = [v for c in checkpoints if (v := val_score(c, task, metric)) is not None]
    if len(val) == len(checkpoints):
        picks[SOURCE_VAL] = last_best(val)
    for name in checkpoints[-1].scores:
        picks[name] = last_best([c.scores[name] for c in checkpoints])
    picks[ORACLE] = last_best([score(c.test, labels, metric) for c in checkpoints])
    return picks
