"""Do distances between domains predict the gain?"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from tlbench.report.cells import BLOCK, Rule
from tlbench.report.figures.distance import gain_over_distance
from tlbench.report.section import Draw, Section, number, p_text
from tlbench.report.words import method_name
from tlbench.seeds import stream
from tlbench.transfer.cells import corrected
from tlbench.transfer.pair import MARGINAL_NAMES, ORACLE_NAMES
from tlbench.transfer.prediction import FEWEST_PAIRS, predicts_gain

NAMES = [name for name in [*MARGINAL_NAMES, *ORACLE_NAMES] if name not in ("mmd_p", "oracle_domain_accuracy_per_class")]
PLACE = ["dataset", "pair", "protocol"]
STRONGEST = 3
DRAWN, DRAWN_LABEL = "a_distance", "proxy A-distance of the raw features (0 to 2)"


def pair_distances(runs: pd.DataFrame, distances: pd.DataFrame) -> pd.DataFrame:
    """One row a (dataset, pair, protocol): means over runs of the distances of the raw features, and their number."""
    if distances.empty:
        return pd.DataFrame(columns=[*PLACE, *NAMES, "n_runs"])
    raw = distances[distances["features"] == "raw"].merge(
        runs.drop_duplicates("run_key")[["run_key", *PLACE]], on="run_key"
    )
    if raw.empty:
        return pd.DataFrame(columns=[*PLACE, *NAMES, "n_runs"])
    means = raw.assign(**{n: raw[n].astype(float) for n in NAMES}).groupby(PLACE, sort=False)[NAMES].mean()
    return (
        means.assign(n_runs=raw.groupby(PLACE, sort=False).size()).reset_index().sort_values(PLACE, ignore_index=True)
    )


def predictions(cells: pd.DataFrame, runs: pd.DataFrame, distances: pd.DataFrame, rule: Rule) -> pd.DataFrame:
    """Rank correlation over pairs of each distance with each method's gain.

    `raw` features are the pair's (what one has before any training), `trained` ones those that the method's own runs learnt.

    Returns:
        protocol, backbone, classifier, metric, method, variant, uses_target_labels, features, distance, rho, low, high, p, n
        (pairs), p_corrected (Holm, over the distances of one method and kind of features). Pairs with several sources are left
        out: their distances are of the pooled sources.
    """
    if cells.empty or distances.empty:
        return pd.DataFrame()
    known = cells[(cells["role"] == "method") & cells["gain"].notna() & ~cells["pair"].str.contains("+", regex=False)]
    raw = pair_distances(runs, distances)
    own = distances[distances["features"] == "trained"].merge(runs.drop_duplicates("run_key")[["run_key", "cell_key"]])
    trained = own.assign(**{n: own[n].astype(float) for n in NAMES}).groupby("cell_key")[NAMES].mean().reset_index()
    rows: list[dict[str, Any]] = []
    group = [*BLOCK[1:], "method", "variant", "uses_target_labels"]
    for features, table in (("raw", known.merge(raw, on=PLACE)), ("trained", known.merge(trained, on="cell_key"))):
        for key, mine in table.groupby(group, sort=False):
            start = len(rows)
            for name in (n for n in NAMES if features == "raw" or n != "oracle_label_shift"):  # labels know no features
                rng = stream(0, "predictions", features, name)
                found = predicts_gain(mine[name].tolist(), mine["gain"].tolist(), alpha=rule.alpha, rng=rng)
                if found.n >= FEWEST_PAIRS and not np.isnan(found.rho):
                    rows.append(
                        {**dict(zip(group, key, strict=True)), "features": features, "distance": name, **vars(found)}
                    )
            for row, p in zip(rows[start:], corrected([row["p"] for row in rows[start:]], "holm"), strict=True):
                row["p_corrected"] = p
    return pd.DataFrame(rows)


def gain_by_distance(cells: pd.DataFrame, pairs: pd.DataFrame, table: pd.DataFrame, distance: str) -> pd.DataFrame:
    """Gains beside a distance of the raw features, for one protocol and recipe.

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
    known = cells[(cells["role"] == "method") & cells["gain"].notna() & ~cells["pair"].str.contains("+", regex=False)]
    own = (
        known.drop(columns="p_corrected")
        .merge(pairs[[*PLACE, distance]].dropna(), on=PLACE)
        .rename(columns={distance: "distance"})
    )
    group = [*BLOCK[1:], "method", "variant", "uses_target_labels"]
    rho = ["rho", "low", "high", "p_corrected"]
    found = table[(table["features"] == "raw") & (table["distance"] == distance)] if len(table) else table
    found = found[[*group, *rho]] if len(found) else pd.DataFrame(columns=[*group, *rho])
    own = own.merge(found, on=group, how="left")
    own["n"] = own.groupby(group)["pair"].transform("size")
    own["method"] = [method_name(cell) for cell in own.itertuples()]
    kept = ["method", "dataset", "pair", "distance", "gain", "gain_half", "flag", "n_seeds", "reference", *rho, "n"]
    return own[kept].astype(dict.fromkeys(rho, float))


def sections(cells: pd.DataFrame, pairs: pd.DataFrame, table: pd.DataFrame, rule: Rule) -> list[Section]:
    """Distances of the pairs, and whether they predict the gain.

    Args:
        cells: `summarise`'s table.
        pairs: `pair_distances`' table.
        table: `predictions`' table.
    """
    found = []
    if len(pairs):
        columns = [name for name in NAMES if pairs[name].notna().any()]
        words = [
            "Means over seeds, from the inputs (or what a backbone makes of images before any training), "
            "standardised over both domains."
        ]
        words += [
            f"{name.replace('oracle_', 'ORACLE ')}: {text.removeprefix('ORACLE: ')}."
            for name, text in (MARGINAL_NAMES | ORACLE_NAMES).items()
            if name in NAMES
        ]
        for i, ((dataset, protocol), same) in enumerate(pairs.groupby(["dataset", "protocol"], sort=False)):
            shown = pd.DataFrame({"distance": [name.replace("oracle_", "ORACLE ") for name in columns]})
            for row in same.to_dict("records"):
                shown[str(row["pair"])] = [number(row[name]) for name in columns]
            name, data = ("distances", pairs) if i == 0 else (f"distances_{i + 1}", None)
            title = f"How far apart are the domains? {dataset} · protocol {protocol}"
            found.append(Section(name, title, words if i == 0 else [], shown, data))
    if len(table):
        order = ["protocol", "backbone", "classifier", "method", "variant", "features"]
        best = table.assign(strength=table["rho"].abs()).sort_values(
            [*order, "strength"], ascending=[True, True, True, True, True, False, False]
        )
        best = best.groupby(order, sort=False).head(STRONGEST)
        shown = pd.DataFrame(
            {
                "method": [method_name(r) for r in best.itertuples()],
                "recipe": [f"{r.protocol} · {r.backbone} · {r.classifier}" for r in best.itertuples()],
                "features": best["features"].to_list(),
                "distance": [n.replace("oracle_", "ORACLE ") for n in best["distance"]],
                "rank correlation": [f"{r.rho:+.2f} [{number(r.low)}, {number(r.high)}]" for r in best.itertuples()],
                "corrected p": [p_text(p) for p in best["p_corrected"]],
                "pairs": best["n"].astype(str).to_list(),
            }
        )  # fmt: skip
        words = [
            "Spearman's rank correlation over pairs of a distance with the gain, with its bootstrap interval over pairs (none "
            "where fewer than eight pairs leave it too short) and a permutation p-value, corrected by Holm over the distances "
            f"of one method and kind of features. The {STRONGEST} strongest of each are shown. Pairs of one data set share "
            "domains, so they are fewer than they look, and p is optimistic."
        ]
        found.append(
            Section(
                "predictions",
                "Do the distances predict the gain?",
                words,
                shown,
                table,
                _figures(cells, pairs, table, rule),
            )
        )
    return found


def _figures(cells: pd.DataFrame, pairs: pd.DataFrame, table: pd.DataFrame, rule: Rule) -> dict[str, Draw]:
    """Gains over one distance, fixed beforehand and not the one that fits best, for each protocol and recipe."""
    figures: dict[str, Draw] = {}
    for _, own in cells.groupby(BLOCK[1:], sort=False):
        points = gain_by_distance(own, pairs, table, DRAWN)
        if points["pair"].nunique() > 1:
            name = f"predictions{'' if not figures else f'_{len(figures) + 1}'}"
            figures[name] = partial(gain_over_distance, points, rule, DRAWN_LABEL)
    return figures
