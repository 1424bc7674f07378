"""What is the vote worth that `tlbench advise` gives by default? Tried on the test predictions of an atlas's runs.

    python -m benchmarks.vote_of_methods --store STORE [--fewest 3] [--out results/atlas]

For each recipe on which so many methods were tried: each example gets the class for which the reference and the methods are
surest together (each votes with its confidence; stored predictions have that of the predicted class alone). Gains are in points
over the reference, beside the mean of the methods' own gains; families of data count alike in the last row.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.of_store import leave, options
from tlbench.atlas.atlas_cells import compared_rows
from tlbench.atlas.atlas_rows import atlas_rows
from tlbench.store.runs import RunStore


def main() -> None:
    given = options(__doc__, fewest=3)
    store = RunStore(given.store)
    told = summary(pd.DataFrame(votes(store, atlas_rows(store), given.fewest)))
    leave(told, given.out, "vote.csv")


def votes(store: RunStore, rows: pd.DataFrame, fewest: int) -> Iterator[dict[str, Any]]:
    """Yield the gain of the vote on each recipe, and the mean of its methods' gains."""
    methods, steps = compared_rows(rows), dict(zip(rows["run_key"], rows["step"].astype(int), strict=True))
    methods = methods[~methods["tuned"].astype(bool) & methods["reference_run"].isin(steps)]
    for (_, reference), group in methods.groupby(["recipe_key", "reference_run"]):
        if len(group) < fewest:
            continue
        tables = [store.at_step(key, steps[key]) for key in (str(reference), *group["run_key"])]
        first = tables[0]
        alike = [table for table in tables if table["row"].equals(first["row"])]
        said = voted(alike, int(max(table["prediction"].max() for table in alike)) + 1)
        right, before = (said == first["label"]).mean(), (first["prediction"] == first["label"]).mean()
        mean = group["gain"].mean()
        yield {"data_family": group["data_family"].iloc[0], "vote": 100 * float(right - before), "methods": float(mean)}


def voted(tables: list[pd.DataFrame], n_classes: int) -> np.ndarray:
    """Return the class of each example with the largest sum of confidences, (N,)."""
    sums_NC = np.zeros((len(tables[0]), n_classes))
    for table in tables:
        sums_NC[np.arange(len(table)), table["prediction"]] += table["confidence"]
    return sums_NC.argmax(axis=1)


def summary(found: pd.DataFrame) -> pd.DataFrame:
    """Return a row a family: recipes, mean gain of the vote and of the methods, share of recipes where the vote lost."""
    families = found.groupby("data_family")
    told = families[["vote", "methods"]].mean().assign(
        recipes=families.size(), vote_lost=families["vote"].agg(lambda gains: float((gains < 0).mean()))
    )  # fmt: skip
    told.loc["families alike"] = told.mean().to_dict() | {"recipes": len(found)}
    told["recipes"] = told["recipes"].astype(int)
    return told.round(2).reset_index(names="data_family")[["data_family", "recipes", "vote", "methods", "vote_lost"]]


if __name__ == "__main__":
    main()
