"""Which of the candidates that others proposed would have known? Areas under the ROC curve of "gain < 0" on an atlas's runs.

    python -m benchmarks.warning_candidates --store STORE [--reverse 40] [--out results/atlas]

Each candidate is the method's less the reference's, its direction learnt on the other families of data, as `foresight` does for
all signals. Reverse validation fits again twice, so it is tried on so many cells of each family, drawn by seed 0.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from benchmarks.of_store import leave, options
from benchmarks.warning_candidates.reverse import way_back
from benchmarks.warning_candidates.trial import with_candidates
from tlbench.atlas.atlas_rows import atlas_rows
from tlbench.atlas.foresight import foresight
from tlbench.atlas.warning_trial import fitting_cells
from tlbench.errors import TlbenchError
from tlbench.running.setup import Setup
from tlbench.store.runs import RunStore

BESIDE = (
    "others_lead", "class_cluster", "bnm", "im", "critic", "projection_norm", "head_uniformity", "hopkins",
    "weighted_lead", "atc", "doc",
)  # fmt: skip
"""The warning's own signals that stand beside the candidates."""
TRIED = ("dawid_skene", "score_mixture", "aggregation", "reverse_validation")
WHERE = ["data_family", "verdict", "gain", "method"]


def main() -> None:
    given = options(__doc__, reverse=40)
    store = RunStore(given.store)
    rows = with_candidates(atlas_rows(store), store)
    cells = fitting_cells(rows).reset_index(drop=True)
    cells["signal_reverse_validation"] = reversed_leads(cells, rows, store, given.reverse)
    kept = [f"signal_{name}" for name in (*BESIDE, *TRIED) if f"signal_{name}" in cells]
    told = foresight(cells[[*WHERE, *kept]]).round(3)
    leave(told, given.out, "candidates.csv")


def reversed_leads(cells: pd.DataFrame, rows: pd.DataFrame, store: RunStore, most: int) -> pd.Series:
    """Return the difference of both ways' accuracies for up to `most` cells of each family, by the cells' index."""
    first = rows.sort_values("seed").drop_duplicates("cell_key").set_index("cell_key")
    drawn = cells.groupby("data_family", group_keys=False).sample(frac=1, random_state=0)
    found, known, counts = pd.Series(np.nan, cells.index), dict[str, float | None](), dict[str, int]()
    for cell in drawn.itertuples():
        if counts.get(cell.data_family, 0) >= most or first.at[cell.cell_key, "n_shots"]:
            continue
        keys = [str(first.at[cell.cell_key, name]) for name in ("run_key", "reference_run")]
        for key in keys:
            if key not in known:
                known[key] = _back(store, key)
        own, reference = (known[key] for key in keys)
        if own is not None and reference is not None:
            found[cell.Index] = own - reference
            counts[cell.data_family] = counts.get(cell.data_family, 0) + 1
    return found


def _back(store: RunStore, key: str) -> float | None:
    try:
        return way_back(Setup.of_stored(store.config(key)))
    except TlbenchError:
        return None


if __name__ == "__main__":
    main()
