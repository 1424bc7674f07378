"""How the methods that were tried on one recipe vote between each of them and the reference."""

from __future__ import annotations

import pandas as pd

from tlbench.store.runs import RunStore
from tlbench.transfer.warning.outlook import Outlook
from tlbench.transfer.warning.signals import consensus

TOGETHER = ["recipe_key", "reference_run", "reference_step"]


def with_consensus(rows: pd.DataFrame, store: RunStore) -> pd.DataFrame:
    """Add `signal_others_votes` and `signal_others_lead` to rows of methods; what a search chose is no voter.

    Args:
        rows: run_key, step, family, tuned, uses_target_labels and TOGETHER; of references, too: one that is not there votes
            nowhere.
    """
    told = ~rows["uses_target_labels"].fillna(False).astype(bool)
    methods = rows[(rows["family"] != "reference") & told & ~rows["tuned"].astype(bool)]
    found, there = dict[str, dict[str, float]](), set(rows["run_key"])
    for (_, reference, step), group in methods.groupby(TOGETHER):
        if reference not in there or (other := _look(store, str(reference), int(step))) is None:
            continue
        looks = {str(r.run_key): _look(store, str(r.run_key), int(r.step)) for r in group.itertuples()}
        known = {key: look for key, look in looks.items() if look is not None and len(look.said_N) == len(other.said_N)}
        for key, look in known.items():
            found[key] = consensus(look, other, [voter for name, voter in known.items() if name != key])
    told = pd.DataFrame.from_dict(found, "index").add_prefix("signal_")
    return rows.join(told, on="run_key") if len(told.columns) else rows


def _look(store: RunStore, key: str, step: int) -> Outlook | None:
    arrays = store.outlooks(key).get(step)
    return None if arrays is None else Outlook.of_arrays(arrays)
