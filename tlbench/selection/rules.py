"""Which checkpoint of a run counts.

A rule sees the checkpoints' outputs and the labels it is entitled to. `oracle` alone is given target labels, and is
printed as ORACLE wherever it appears.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tlbench.errors import TlbenchError
from tlbench.metrics import Metric, score
from tlbench.task import HeldOut, Task
from tlbench.training.checkpoints import Checkpoint

ORACLE = "oracle"
SOURCE_VAL = "source_val"


def no_source_val(selection: str, protocol: str) -> TlbenchError:
    """The error of a selection by source validation under a protocol that keeps no such part."""
    return TlbenchError(
        f"selection={selection} needs source validation data, and protocol={protocol} keeps none here. "
        "Use protocol=inductive with protocol.source_val above 0, or selection=last."
    )


def last_best(scores: Sequence[float]) -> int:
    """Index of the highest score; of equals the last, which has trained longest."""
    return len(scores) - 1 - int(np.argmax(np.asarray(scores)[::-1]))


def chosen(
    checkpoints: Sequence[Checkpoint], task: Task, held_out: HeldOut, metric: Metric = "accuracy"
) -> dict[str, int]:
    """Index of the checkpoint that each rule picks; `source_val` only where the protocol keeps a validation part."""
    picks = {"last": len(checkpoints) - 1}
    if task.source_val is not None:
        labels = task.source_val.labels
        picks[SOURCE_VAL] = last_best(
            [score(c.source_val, labels, metric) for c in checkpoints if c.source_val is not None]
        )
    picks[ORACLE] = last_best([score(c.test, held_out.test.labels, metric) for c in checkpoints])
    return picks
