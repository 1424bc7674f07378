"""Do distances between domains predict the gain?"""

from __future__ import annotations

import numpy as np
import pandas as pd

from tlbench.report.cells import BLOCK, Rule
from tlbench.report.section import Section, number, p_text
from tlbench.seeds import stream
from tlbench.transfer.pair import MARGINAL_NAMES, ORACLE_NAMES
from tlbench.transfer.prediction import FEWEST_PAIRS, predicts_gain

NAMES = [name for name in [*MARGINAL_NAMES, *ORACLE_NAMES] if name not in ("mmd_p", "oracle_domain_accuracy_per_class")]
PLACE = ["dataset", "pair", "protocol"]


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
    return means.assign(n_runs=raw.groupby(PLACE, sort=False).size()).reset_index()


def predictions(cells: pd.DataFrame, runs: pd.DataFrame, distances: pd.DataFrame, rule: Rule) -> pd.DataFrame:
    """Rank correlation over pairs of each distance with each method's gain.

    `raw` features are the pair's (what one has before any training), `trained` ones those that the method's own runs learnt.

    Returns:
        protocol, backbone, classifier, metric, method, variant, features, distance, rho, low, high, p, n (pairs).
    """
    if cells.empty or distances.empty:
        return pd.DataFrame()
    known = cells[(cells["role"] == "method") & cells["gain"].notna()]
    raw = pair_distances(runs, distances)
    own = distances[distances["features"] == "trained"].merge(runs.drop_duplicates("run_key")[["run_key", "cell_key"]])
    trained = own.assign(**{n: own[n].astype(float) for n in NAMES}).groupby("cell_key")[NAMES].mean().reset_index()
    rows = []
    group = [*BLOCK[1:], "method", "variant"]
    for features, table in (("raw", known.merge(raw, on=PLACE)), ("trained", known.merge(trained, on="cell_key"))):
        for key, mine in table.groupby(group, sort=False):
            for name in NAMES:
                rng = stream(0, "predictions", features, name)
                found = predicts_gain(mine[name].tolist(), mine["gain"].tolist(), alpha=rule.alpha, rng=rng)
                if found.n >= FEWEST_PAIRS and not np.isnan(found.rho):
                    rows.append(
                        {**dict(zip(group, key, strict=True)), "features": features, "distance": name, **vars(found)}
                    )
    return pd.DataFrame(rows)


def sections(pairs: pd.DataFrame, table: pd.DataFrame) -> list[Section]:
    """Distances of the pairs, and whether they predict the gain."""
    found = []
    if len(pairs):
        shown = pairs[PLACE].assign(
            **{
                name.replace("oracle_", "ORACLE "): [number(v) for v in pairs[name]]
                for name in NAMES
                if pairs[name].notna().any()
            }
        )
        words = [
            "Means over seeds, from the inputs (or what a backbone makes of images before any training), "
            "standardised over both domains."
        ]
        words += [
            f"{name.replace('oracle_', 'ORACLE ')}: {text.removeprefix('ORACLE: ')}."
            for name, text in (MARGINAL_NAMES | ORACLE_NAMES).items()
            if name in NAMES
        ]
        found.append(Section("distances", "How far apart are the domains?", words, shown, pairs))
    if len(table):
        best = table.assign(strength=table["rho"].abs()).sort_values(
            ["method", "variant", "features", "strength"], ascending=[True, True, False, False]
        )
        shown = pd.DataFrame(
            {
                "method": [f"{r.method} [{r.variant}]" if r.variant else r.method for r in best.itertuples()],
                "recipe": [f"{r.protocol} · {r.backbone} · {r.classifier}" for r in best.itertuples()],
                "features": best["features"].to_list(),
                "distance": [n.replace("oracle_", "ORACLE ") for n in best["distance"]],
                "rank correlation": [f"{r.rho:+.2f} [{number(r.low)}, {number(r.high)}]" for r in best.itertuples()],
                "p": [p_text(p) for p in best["p"]],
                "pairs": best["n"].astype(str).to_list(),
            }
        )  # fmt: skip
        words = [
            "Spearman's rank correlation over pairs of a distance with the gain, with its bootstrap interval over "
            "pairs and a permutation "
            "p-value. Not corrected for the number of distances looked at: a single small p among many says little. "
            "Pairs of one data set "
            "share domains, so they are fewer than they look. A distance predicts where its interval stays away from 0."
        ]
        found.append(Section("predictions", "Do the distances predict the gain?", words, shown, table))
    return found
