"""The candidates of every run of a store as columns beside the atlas's own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd

from benchmarks.warning_candidates.aggregation import parts
from benchmarks.warning_candidates.posteriors import dawid_skene, lead, score_mixture
from tlbench.atlas.consensus_votes import TOGETHER
from tlbench.store.runs import RunStore
from tlbench.transfer.warning.outlook import Outlook


def with_candidates(rows: pd.DataFrame, store: RunStore) -> pd.DataFrame:
    """Add `signal_dawid_skene`, `signal_score_mixture` and `signal_aggregation` to an atlas's rows of methods."""
    told = pd.DataFrame.from_dict(dict(_by_run(rows, store)), "index").add_prefix("signal_")
    return rows.join(told, on="run_key")


def groups(rows: pd.DataFrame, store: RunStore) -> Iterator[tuple[Outlook, dict[str, Outlook]]]:
    """Yield each reference's outlook with those of the methods that were tried on its recipe, by run key."""
    steps = dict(zip(rows["run_key"], rows["step"].astype(int), strict=True))
    told = ~rows["uses_target_labels"].fillna(False).astype(bool)
    methods = rows[(rows["family"] != "reference") & told & ~rows["tuned"].astype(bool)]
    for (_, reference), group in methods.groupby(TOGETHER[:2]):
        keys = [key for key in (str(reference), *group["run_key"]) if key in steps]
        looks = {key: arrays for key in keys if (arrays := store.outlooks(key).get(steps[key])) is not None}
        found = {key: Outlook.of_arrays(arrays) for key, arrays in looks.items()}
        if (own := found.pop(str(reference), None)) is not None and found:
            yield own, {key: look for key, look in found.items() if len(look.said_N) == len(own.said_N)}


def _by_run(rows: pd.DataFrame, store: RunStore) -> Iterator[tuple[str, dict[str, float]]]:
    for reference, looks in groups(rows, store):
        ways = posteriors(reference, looks)
        for key, look in looks.items():
            found = {name: lead(says, look.said_N, reference.said_N) for name, says in ways.items()}
            both = parts(look, reference)
            yield key, found | ({} if both is None else {"aggregation": both[0] - both[1]})


def posteriors(reference: Outlook, looks: Mapping[str, Outlook]) -> dict[str, np.ndarray]:
    """Return what each mixture of reference, methods and the reference's voters makes of the examples, (N, C) each."""
    everyone = [reference, *looks.values()]
    said_VN = np.stack([look.said_N for look in everyone] + [votes.astype(int) for votes in reference.votes.values()])
    n_classes = max(int(said_VN.max()) + 1, *(look.n_classes for look in everyone))
    says = [np.pad(look.target_NC.astype(float), ((0, 0), (0, n_classes - look.n_classes))) for look in everyone]
    return {"dawid_skene": dawid_skene(said_VN, n_classes), "score_mixture": score_mixture(np.stack(says))}
