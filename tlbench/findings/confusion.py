"""Where a method's confusions differ from its reference's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from tlbench.findings.names import class_name

if TYPE_CHECKING:
    from tlbench.findings.paired import Paired

COLUMNS = ["true", "predicted", "share", "reference_share", "difference", "n", "n_runs"]


def confusion_table(pairs: Paired, names: Sequence[str] = ()) -> pd.DataFrame:
    """Return one row a true and a predicted class: shares of the true class's test examples, and their difference.

    Counts of all seeds are added up before they become shares.

    Args:
        pairs: `paired.paired_predictions`'; tables with label and prediction.
        names: of the classes; their numbers where there are none.

    Returns:
        true, predicted (names), share and reference_share (percent; nan for a class without test examples), difference
        (points), n (test examples of the true class over all runs), n_runs.

    Raises:
        ValueError: no pair, or a run and its reference were tested on different examples.
    """
    if not pairs:
        raise ValueError("A confusion needs predictions of a run and of its reference, got none.")
    for mine, other in pairs:
        if not np.array_equal(mine["label"], other["label"]):
            raise ValueError("A run and its reference were tested on different examples.")
    tables = [table[["label", "prediction"]].to_numpy() for pair in pairs for table in pair]
    k = max(len(names), 1 + max(int(table.max()) for table in tables))
    shown = [class_name(i, names) for i in range(k)]
    mine_CC, other_CC = (_counts([pair[side] for pair in pairs], k) for side in (0, 1))
    n_C = mine_CC.sum(axis=1)
    with np.errstate(invalid="ignore"):
        share, reference = (100 * counts / n_C[:, None] for counts in (mine_CC, other_CC))
    table = pd.DataFrame({"true": np.repeat(shown, k), "predicted": np.tile(shown, k), "share": share.ravel()})
    table = table.assign(reference_share=reference.ravel(), difference=(share - reference).ravel())
    return table.assign(n=np.repeat(n_C, k), n_runs=len(pairs))


def _counts(tables: Sequence[pd.DataFrame], k: int) -> np.ndarray:
    """Return (k, k) counts, rows are true classes."""
    every = pd.concat([table[["label", "prediction"]] for table in tables])
    places = k * every["label"].to_numpy(np.int64) + every["prediction"].to_numpy(np.int64)
    return np.bincount(places, minlength=k * k).reshape(k, k)
