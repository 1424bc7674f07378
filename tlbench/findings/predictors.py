"""Do distances between domains predict the gain?"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from tlbench.findings.cells import BLOCK, sources_of
from tlbench.findings.names import method_name
from tlbench.findings.rule import Rule
from tlbench.seeds import stream
from tlbench.transfer.crossed_gain import corrected
from tlbench.transfer.pair import MARGINAL_NAMES, ORACLE_NAMES
from tlbench.transfer.prediction import FEWEST_PAIRS, predicts_gain
from tlbench.transfer.shift_kind import SHIFT_NAMES, kind_of_shift

NAMES = [name for name in [*MARGINAL_NAMES, *ORACLE_NAMES] if name not in ("mmd_p", "oracle_domain_accuracy_per_class")]
SHIFT = ["mmd_p", *SHIFT_NAMES]
PLACE = ["dataset", "pair", "protocol"]
GROUP = [*BLOCK[1:], "method", "variant", "uses_target_labels"]
RHO = ["rho", "low", "high", "p_corrected"]
GAIN_COLUMNS = ["method", *PLACE[:2], "distance", "gain", "gain_half", "flag", "n_seeds", "reference", *RHO, "n"]


def pair_distances(runs: pd.DataFrame, distances: pd.DataFrame) -> pd.DataFrame:
    """Return one row a (dataset, pair, protocol): means over runs of the the raw features' distances, the kind of shift that they
    tell of ("" in runs of before it was told), and the number of runs."""
    raw = distances if distances.empty else distances[distances["features"] == "raw"]
    if len(raw):
        raw = raw.merge(runs.drop_duplicates("run_key")[["run_key", *PLACE]], on="run_key")
    if raw.empty:
        return pd.DataFrame(columns=[*PLACE, *NAMES, "oracle_shift", "n_runs"])
    every = [*NAMES, *SHIFT]
    same = raw.reindex(columns=[*PLACE, *every]).astype(dict.fromkeys(every, float)).groupby(PLACE, sort=False)
    means = same[every].mean()
    named = [kind_of_shift(row) or "" for row in means.to_dict("records")]
    found = means[NAMES].assign(oracle_shift=named, n_runs=same.size())
    return found.reset_index().sort_values(PLACE, ignore_index=True)


def _of_one_source(cells: pd.DataFrame) -> pd.DataFrame:
    """Return the methods' cells with a gain, without pairs of several sources, whose distances are of the pool,
    and without chains, whose distances are those of the direct pair."""
    return cells[(cells["role"] == "method") & cells["gain"].notna() & (sources_of(cells) == "one source")]


def predictions(cells: pd.DataFrame, runs: pd.DataFrame, distances: pd.DataFrame, rule: Rule) -> pd.DataFrame:
    """Compute the rank correlation over pairs of each distance with each method's gain.

    `raw` features are the pair's (what one has before any training), `trained` ones those that the method's own runs learnt.

    Returns:
        protocol, backbone, classifier, metric, method, variant, uses_target_labels, features, distance, rho, low, high, p, n
        (pairs), p_corrected (Holm, over the distances of one method and kind of features).
    """
    if cells.empty or distances.empty:
        return pd.DataFrame()
    known, raw = _of_one_source(cells), pair_distances(runs, distances)
    own = distances[distances["features"] == "trained"].merge(runs.drop_duplicates("run_key")[["run_key", "cell_key"]])
    trained = own.astype(dict.fromkeys(NAMES, float)).groupby("cell_key")[NAMES].mean().reset_index()
    rows: list[dict[str, Any]] = []
    for features, table in (("raw", known.merge(raw, on=PLACE)), ("trained", known.merge(trained, on="cell_key"))):
        for key, mine in table.groupby(GROUP, sort=False):
            place, start = dict(zip(GROUP, key, strict=True)), len(rows)
            for name in (n for n in NAMES if features == "raw" or n != "oracle_label_shift"):  # labels know no features
                rng = stream(0, "predictions", features, name)
                found = predicts_gain(mine[name].tolist(), mine["gain"].tolist(), alpha=rule.alpha, rng=rng)
                if found.n >= FEWEST_PAIRS and not np.isnan(found.rho):
                    rows.append({**place, "features": features, "distance": name, **vars(found)})
            for row, p in zip(rows[start:], corrected([row["p"] for row in rows[start:]], "holm"), strict=True):
                row["p_corrected"] = p
    return pd.DataFrame(rows)


def gain_by_distance(cells: pd.DataFrame, pairs: pd.DataFrame, table: pd.DataFrame, distance: str) -> pd.DataFrame:
    """Put gains beside a distance of the raw features, for one protocol and recipe.

    Args:
        cells: rows of `summarise`'s table of one block (or of one recipe on several data sets).
        pairs: `pair_distances`' table.
        table: `predictions`' table.
        distance: one of NAMES.

    Returns:
        method (as tables print it), dataset, pair, distance, gain, gain_half, flag, n_seeds, reference, one row a pair and
        method with both; rho, low, high, p_corrected, n: the method's rank correlation over pairs, nan for fewer than five
        pairs (n is then the number of pairs).
    """
    measured = pairs[[*PLACE, distance]].dropna().rename(columns={distance: "distance"})
    own = _of_one_source(cells).drop(columns="p_corrected").merge(measured, on=PLACE)
    found = table[(table["features"] == "raw") & (table["distance"] == distance)] if len(table) else table
    found = found[[*GROUP, *RHO]] if len(found) else pd.DataFrame(columns=[*GROUP, *RHO])
    own = own.merge(found, on=GROUP, how="left")
    own["n"] = own.groupby(GROUP)["pair"].transform("size")
    own["method"] = [method_name(cell) for cell in own.itertuples()]
    return own[GAIN_COLUMNS].astype(dict.fromkeys(RHO, float))
