"""Where a comparison as papers make it, with a reference trained on another recipe, would have said something else."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.stats import ttest_ind_from_stats

from tlbench.findings.rule import Rule
from tlbench.transfer.gain import flag

PLACE = ["dataset", "pair", "protocol", "metric"]
NAMES = ["method", "variant", "uses_target_labels", "classifier", "backbone", "reference"]
COLUMNS = ["cell_key", *PLACE, *NAMES, "gain", "flag", "other", "unmatched_gain", "unmatched_p", "unmatched_flag"]
NUMBERS = ["cell_key", "score", "score_sd", "n_seeds", "backbone", "classifier", "variant"]


def unmatched(cells: pd.DataFrame, runs: pd.DataFrame, rule: Rule) -> pd.DataFrame:
    """Return the comparisons of methods with references of other recipes whose verdict differs from the matched one.

    The unmatched comparison is what a table of means and standard deviations allows: Welch's t test over seeds, level alpha,
    not corrected, between the method and a reference of the same name, data set, pair and protocol whose recipe (classifier,
    backbone, optimiser, ...) is another.

    Returns:
        cell_key, PLACE, method, variant, classifier, backbone, reference, gain, flag (matched); other (words on the
        reference's recipe), unmatched_gain, unmatched_p, unmatched_flag.
    """
    if cells.empty:
        return pd.DataFrame()
    own = cells[(cells["role"] == "method") & cells["gain"].notna() & (cells["n_seeds"] > 1)]
    references = cells[(cells["role"] == "reference") & (cells["hole"] == "") & (cells["n_seeds"] > 1)]
    references = references[[*PLACE, *NUMBERS]].assign(reference=references["method"])
    pairs = own.merge(references, on=[*PLACE, "reference"], suffixes=("", "_other"))
    matched = _matched_cells(runs)
    pairs = pairs[[matched.get(k) != o for k, o in zip(pairs["cell_key"], pairs["cell_key_other"], strict=True)]]
    if pairs.empty:
        return pd.DataFrame()
    names = [f"{name}{side}" for side in ("", "_other") for name in ("score", "score_sd", "n_seeds")]
    p = ttest_ind_from_stats(*pairs[names].to_numpy(float).T, equal_var=False).pvalue
    gains = (pairs["score"] - pairs["score_other"]).to_numpy()
    pairs = pairs.assign(
        unmatched_gain=gains,
        unmatched_p=p,
        unmatched_flag=[flag(g, q, rule.alpha) for g, q in zip(gains, p, strict=True)],
        other=[_words(row) for row in pairs.itertuples()],
    )
    said = pairs["flag"].where(pairs["flag"].isin(["negative", "positive"]), "neither")
    differs = said != pairs["unmatched_flag"].replace("inconclusive", "neither")
    order = np.argsort(-np.abs(pairs["unmatched_gain"] - pairs["gain"]).to_numpy(), kind="stable")
    return pairs.iloc[order][COLUMNS][differs.iloc[order]].reset_index(drop=True)


def _matched_cells(runs: pd.DataFrame) -> dict[str, str]:
    """Return each cell's key to that of its matched reference."""
    once = runs[["run_key", "cell_key"]].drop_duplicates()
    cell_of = dict(zip(once["run_key"], once["cell_key"], strict=True))
    known = runs.loc[runs["reference_run"].isin(cell_of), ["cell_key", "reference_run"]].drop_duplicates(keep="last")
    return {cell: cell_of[run] for cell, run in zip(known["cell_key"], known["reference_run"], strict=True)}


def _words(row: object) -> str:
    parts = [str(getattr(row, f"{name}_other")) for name in ("classifier", "backbone", "variant")]
    return ", ".join(part for part in parts if part)
