"""Maps of kept features, with numbers from the features themselves: a map alone misleads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE
from sklearn.neighbors import KNeighborsClassifier
from threadpoolctl import threadpool_limits

from tlbench.findings.names import class_name, rule_name
from tlbench.seeds import stream
from tlbench.store.runs import RunStore
from tlbench.transfer.distances import proxy_a_distance
from tlbench.transfer.features import standardised_pair

KINDS = ("raw", "reference", "trained")
COLUMNS = ["kind", "domain", "row", "label", "x", "y"]
NUMBERS = ["kind", "nearest_neighbour", "a_distance", "n_source", "n_target", "width"]
PERPLEXITY = 30.0
Layout = Literal["tsne", "pca"]
Labels = Literal["none", "shots", "all"]


def kept_features(store: RunStore, run: Any) -> dict[str, np.ndarray]:
    """Return what a run kept, with what its reference learnt where that kept the same examples.

    Args:
        run: a row of the tidy table (`read_runs`).

    Raises:
        TlbenchError: the run kept no features, or a file is damaged.
    """
    features, reference = store.features(run["run_key"]), run["reference_run"]
    if not isinstance(reference, str) or not store.keeps_features(reference):
        return features
    return with_reference(features, store.features(reference))


@dataclass(frozen=True)
class About:
    """What a map is of.

    Attributes:
        where: data set, pair and seed.
        method, reference: names.
        step, selection: the checkpoint that is reported, and by which rule; the features are those of the last step.
        labels: target labels that the method learnt from.
    """

    where: str = ""
    method: str = "the method"
    reference: str = "the reference"
    step: int | None = None
    selection: str = ""
    labels: Labels = "none"


def about_run(store: RunStore, run: Any) -> About:
    """Tell what a map of a run is of.

    Args:
        run: a row of the tidy table (`read_runs`).
    """
    record = store.record(run["run_key"])
    assert record is not None
    labels: Labels = "all" if record["oracle"] else "shots" if record["sizes"]["shots"] else "none"
    where = f"{run['dataset']}, {run['pair']}, {run['protocol']}, seed {run['seed']}"
    step, selection = int(run["step"]), rule_name(str(run["selection"]))
    return About(where, str(run["method"]), str(run["reference"]), step, selection, labels)


def with_reference(features: Mapping[str, np.ndarray], reference: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Add to a run's features what its reference learnt for the same examples, as `reference_source`, `reference_target`.

    Args:
        features, reference: `RunStore.features`' of two runs of one recipe.

    Returns:
        The run's features alone, where the reference learns none or kept those of other examples.
    """
    same = all(
        np.shape(features[name]) == np.shape(reference.get(name, ()))
        and np.allclose(features[name], reference[name], rtol=1e-3, atol=1e-5)  # another device rounds otherwise
        for name in ("source_label", "oracle_target_label", "raw_source", "raw_target")
    )
    learnt = {f"reference_{domain}": reference.get(f"trained_{domain}") for domain in ("source", "target")}
    return {**features, **{name: found for name, found in learnt.items() if same and found is not None}}


def embedding_map(
    features: Mapping[str, np.ndarray], names: Sequence[str] = (), *, how: Layout = "tsne", seed: int = 0
) -> pd.DataFrame:
    """Return one row an example and kind of features: its place in a plane in which both domains were laid out together.

    Features are standardised over both domains first, as distances are. t-SNE starts from principal components, so equal
    features and seeds give equal maps; its distances between groups say little.

    Args:
        features: `RunStore.features`', or `with_reference`'s.
        names: of the classes; their numbers where there are none.

    Returns:
        kind (raw, reference, trained), domain (source, target), row (of the features), label (name; the
        target's is ORACLE, used for colour alone), x, y.

    Raises:
        ValueError: features of no kind are there, or a domain has fewer than two examples.
    """
    parts = []
    for kind in _kinds(features):
        xs, xt = _both(features, kind)
        places = _plane(np.concatenate([xs, xt]), how, seed)
        numbers = np.concatenate([features["source_label"], features["oracle_target_label"]])
        rows = np.concatenate([np.arange(len(xs)), np.arange(len(xt))])
        part = pd.DataFrame({"kind": kind, "domain": np.repeat(["source", "target"], [len(xs), len(xt)]), "row": rows})
        labels = [class_name(i, names) for i in numbers]
        parts.append(part.assign(label=labels, x=places[:, 0], y=places[:, 1]))
    return pd.concat(parts, ignore_index=True)[COLUMNS]


def embedding_numbers(features: Mapping[str, np.ndarray], *, seed: int = 0) -> pd.DataFrame:
    """Measure how far the domains are apart in the full features, one row a kind; no label is looked at.

    Returns:
        kind; nearest_neighbour: balanced accuracy in [0, 1] of telling an example's domain by its nearest other example (0.5
        and below: mixed); a_distance: proxy A-distance of one split, 0 to 2; n_source, n_target, width (of the features).

    Raises:
        ValueError: as in `embedding_map`.
    """
    rows = []
    for kind in _kinds(features):
        xs, xt = _both(features, kind)
        rng = stream(seed, "embedding")  # the same folds for all kinds, so that their distances compare
        rows.append((kind, nearest_neighbour(xs, xt), proxy_a_distance(xs, xt, rng=rng), len(xs), len(xt), xs.shape[1]))
    return pd.DataFrame(rows, columns=NUMBERS)


def nearest_neighbour(xs_ND: np.ndarray, xt_MD: np.ndarray) -> float:
    """Return the balanced share of examples whose nearest other example is of their own domain."""
    x, domain = np.concatenate([xs_ND, xt_MD]), np.repeat([0, 1], [len(xs_ND), len(xt_MD)])
    near = KNeighborsClassifier(1).fit(x, domain).kneighbors(return_distance=False)[:, 0]  # itself is not its neighbour
    own = domain[near] == domain
    return float((own[domain == 0].mean() + own[domain == 1].mean()) / 2)


def _kinds(features: Mapping[str, np.ndarray]) -> list[str]:
    found = [kind for kind in KINDS if f"{kind}_source" in features and f"{kind}_target" in features]
    if not found:
        raise ValueError(f"A map needs raw or trained features of both domains, got {sorted(features)}.")
    return found


def _both(features: Mapping[str, np.ndarray], kind: str) -> tuple[np.ndarray, np.ndarray]:
    xs, xt = (np.asarray(features[f"{kind}_{domain}"], np.float64) for domain in ("source", "target"))
    if min(len(xs), len(xt)) < 2:
        raise ValueError(f"A map needs two examples of each domain, got {len(xs)} and {len(xt)}.")
    return standardised_pair(xs, xt)


def _plane(x_ND: np.ndarray, how: str, seed: int) -> np.ndarray:
    if how == "pca":
        return PCA(2, svd_solver="full").fit_transform(x_ND) if x_ND.shape[1] > 1 else np.pad(x_ND, ((0, 0), (0, 1)))
    perplexity = min(PERPLEXITY, (len(x_ND) - 1) / 3)
    start = "pca" if x_ND.shape[1] > 1 else "random"
    with threadpool_limits(1):  # few points: threads that wait for each other take longer, and sums keep their order
        return TSNE(perplexity=perplexity, init=start, random_state=seed).fit_transform(x_ND)
