"""Does `tlbench advise --label 10` settle the sign of a gain? Tried on the runs of an atlas, whose target labels are known.

    python -m benchmarks.few_labels --store STORE [--labels 10] [--fewest 50] [--out results/atlas]

For each cell's first run with so many disagreements among the examples of its outlook: labels are looked up of those that
`chosen_rows` chooses, of as many random disagreements, and of those that a consensus of all methods doubts most; the warning
beside them is of a model that was chosen, fitted and calibrated without the family of data. Asked: the area under the ROC curve
of the sign of the gain on all test examples but those that were labelled.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.of_store import leave, options
from benchmarks.warning_candidates.active import doubtful_rows
from tlbench.atlas.atlas_cells import compared_rows
from tlbench.atlas.atlas_rows import atlas_rows
from tlbench.atlas.warning_trial import blind, fitting_cells
from tlbench.errors import TlbenchError
from tlbench.running.setup import Setup
from tlbench.store.runs import RunStore
from tlbench.tasks import arrival, load_task
from tlbench.training.validator_probe import drawn
from tlbench.transfer.warning.labelling import chosen_rows, settled
from tlbench.transfer.warning.outlook import Outlook
from tlbench.transfer.warning.scoring import auroc

CHOICES = ("chosen", "random", "consensus")


def main() -> None:
    given = options(__doc__, labels=10, fewest=50)
    store = RunStore(given.store)
    found = pd.DataFrame(trials(store, atlas_rows(store), given.labels, given.fewest))
    told = pd.DataFrame(
        [summary(own, family) for family, own in found.groupby("data_family")] + [summary(found, "all")]
    )
    leave(told, given.out, f"few_labels_{given.labels}.csv")


def trials(store: RunStore, rows: pd.DataFrame, n_labels: int, fewest: int) -> Iterator[dict[str, Any]]:
    cells = fitting_cells(rows)
    warned = dict(zip(cells["cell_key"], blind(cells)[0]["probability"], strict=True))
    first = rows[rows["cell_key"].isin(warned)].sort_values("seed").drop_duplicates("cell_key")
    rng, of_family = np.random.default_rng(0), dict(zip(rows["run_key"], rows["data_family"], strict=True))
    steps_of = dict(zip(rows["run_key"], rows["step"].astype(int), strict=True))
    methods = compared_rows(rows)
    together = methods[~methods["tuned"].astype(bool)].groupby(["recipe_key", "reference_run"])
    others = {where: group["run_key"].tolist() for where, group in together}
    for row in first.itertuples():
        steps = (str(row.run_key), int(row.step)), (str(row.reference_run), steps_of[str(row.reference_run)])
        looks = [store.outlooks(key).get(step) for key, step in steps]
        if None in looks:
            continue
        own, reference = (Outlook.of_arrays(look) for look in looks if look is not None)
        apart = np.flatnonzero(own.said_N != reference.said_N)
        if len(apart) < fewest or own.target_NC.shape != reference.target_NC.shape:
            continue
        try:
            labels, places = target_of(store, steps[0][0])
        except TlbenchError as error:
            print(f"left out {row.run_key}: {error}")
            continue
        both = (own.target_NC.astype(float), reference.target_NC.astype(float))
        picked = {"chosen": chosen_rows(*both, n_labels), "random": rng.choice(apart, n_labels, replace=False)}
        said_VN = voters(store, steps, others.get((row.recipe_key, row.reference_run), []), steps_of, own, reference)
        n_classes = max(int(said_VN.max()), int(labels.max())) + 1
        picked["consensus"] = doubtful_rows(said_VN, n_classes, labels, n_labels)
        told = {"data_family": of_family[row.run_key], "warning": warned[row.cell_key]}
        right = [store.at_step(key, step) for key, step in steps]
        for name, rows_ in picked.items():
            sizes = len(apart), len(own.said_N)
            said = settled(labels[rows_], own.said_N[rows_], reference.said_N[rows_], *sizes, told["warning"])
            kept = ~right[0]["row"].isin(places[rows_]).to_numpy()
            shares = [(table["prediction"] == table["label"]).to_numpy()[kept].mean() for table in right]
            told |= {name: said.probability, f"{name}_gain": shares[0] - shares[1]}
        yield told


def voters(
    store: RunStore, steps: Sequence[tuple[str, int]], keys: Sequence[str], steps_of: Mapping[str, int], own: Outlook,
    reference: Outlook,
) -> np.ndarray:  # fmt: skip
    """Return the classes, (V, N), of a run, its reference, the reference's voters, and other methods on the same examples."""
    found = [own.said_N, reference.said_N, *(votes.astype(int) for votes in reference.votes.values())]
    looks = (store.outlooks(key).get(steps_of[key]) for key in keys if key != steps[0][0])
    found.extend(Outlook.of_arrays(arrays).said_N for arrays in looks if arrays is not None)
    return np.stack([said for said in found if len(said) == len(own.said_N)])


def target_of(store: RunStore, key: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the labels of a run's outlook examples, and their rows in the target's domain."""
    setup = Setup.of_stored(store.config(key))
    labels, rows = _target(setup)
    picked = drawn(len(labels), setup.config.validators, setup.config.seed, "target")
    return labels[picked], rows[picked]


def _target(setup: Setup) -> tuple[np.ndarray, np.ndarray]:
    """Return the labels of the target's unlabelled examples, and their rows in its domain."""
    dataset, pair, seed = setup.dataset, setup.pair, setup.config.seed
    _, _, hidden = load_task(dataset, pair, setup.protocol, seed, setup.augment, n_outputs=setup.n_outputs)
    target = dataset.load_as(pair.target, "target")
    sources = [dataset.load_as(name, "source") for name in pair.sources]
    bridges = [dataset.load_as(name, "bridge") for name in pair.bridges]
    rows = setup.protocol.rows(sources, target, seed, bridges)
    return hidden.target_labels, arrival(target, rows.target_unlabelled)


def summary(own: pd.DataFrame, family: object) -> dict[str, Any]:
    """Return the areas under the ROC curve of the sign of the gain, with the warning alone beside."""
    areas = {name: round(auroc(own[f"{name}_gain"] < 0, own[name]), 3) for name in CHOICES}
    alone = round(auroc(own["chosen_gain"] < 0, own["warning"]), 3)
    return {"data_family": family, "runs": len(own), "without labels": alone, **areas}


if __name__ == "__main__":
    main()
