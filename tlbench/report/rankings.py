"""Methods beside each other over all pairs and data sets: ranks with tests, interquartile means."""

from __future__ import annotations

from functools import partial

import numpy as np
import pandas as pd

from tlbench.errors import TlbenchError
from tlbench.report.cells import Rule
from tlbench.report.figures.ranks import critical_difference
from tlbench.report.section import Draw, Section, number, p_text, points
from tlbench.report.words import method_name, rule_name
from tlbench.seeds import stream
from tlbench.transfer.interquartile import interquartile_mean
from tlbench.transfer.ranks import rank_methods

TABLE = ["protocol", "backbone", "classifier", "metric"]


def sections(cells: pd.DataFrame, runs: pd.DataFrame, rule: Rule, *, mix_protocols: bool = False) -> list[Section]:
    """A ranking for each protocol and recipe; over all protocols together only where that is asked for.

    Pairs with several sources are ranked apart from those with one.
    """
    if cells.empty:
        return []
    shared = [name for name in TABLE if not (mix_protocols and name == "protocol")]
    whole = cells.assign(
        sources=np.where(cells["pair"].str.contains("+", regex=False), "several sources", "one source")
    )
    found = []
    for i, (key, table) in enumerate(whole.groupby([*shared, "sources"], sort=False)):
        title = " · ".join(map(str, key if isinstance(key, tuple) else (key,)))
        if (made := ranking(table, runs, rule, title, f"ranks_{i + 1}", mix_protocols=mix_protocols)) is not None:
            found.append(made)
    return found


def ranking(
    cells: pd.DataFrame, runs: pd.DataFrame, rule: Rule, title: str, name: str, *, mix_protocols: bool = False
) -> Section | None:
    """Ranks of the methods that have every pair; None for fewer than two methods.

    Raises:
        TlbenchError: the cells are of several protocols, and mixing them is not asked for.
    """
    protocols = sorted(cells["protocol"].unique())
    if len(protocols) > 1 and not mix_protocols:
        raise TlbenchError(
            f"A ranking over protocols {', '.join(protocols)} mixes what cannot be compared. Ask for it with --mix-protocols."
        )
    named = cells.assign(
        name=[method_name(cell) for cell in cells.itertuples()], place=cells["dataset"] + " " + cells["pair"]
    )
    if mix_protocols:
        named["place"] += " " + named["protocol"]
    wide = named.pivot(index="place", columns="name", values="score")
    holes = sorted(wide.columns[wide.isna().any()])
    wide = wide.drop(columns=holes)
    if wide.shape[1] < 2:
        return None
    found = rank_methods(wide, alpha=rule.alpha)
    scores = (
        runs[(runs["status"] == "done") & (runs["selection"] == rule.selection)].groupby("cell_key")["score"].agg(list)
    )
    rows = []
    for method, rank in found.average_rank.items():
        own = named[named["name"] == method]
        by_pair = [100 * np.asarray(scores[key]) for key in own["cell_key"]]
        middle = interquartile_mean(by_pair, alpha=rule.alpha, rng=stream(0, "interquartile", str(method)))
        rows.append({"method": method, "average_rank": rank, "mean": own["score"].mean(), "iqm": middle.estimate,
                     "iqm_low": middle.low, "iqm_high": middle.high})  # fmt: skip
    data = pd.DataFrame(rows).assign(pairs=found.n_pairs, test=found.test, p=found.p,
                                     critical_difference=found.critical_difference)  # fmt: skip
    shown = pd.DataFrame(
        {
            "method": data["method"],
            "average rank": [number(v) for v in data["average_rank"]],
            "mean accuracy": [points(v) for v in data["mean"]],
            "interquartile mean": [
                f"{points(r.iqm)} [{points(r.iqm_low)}, {points(r.iqm_high)}]" for r in data.itertuples()
            ],
        }
    )
    test = f"{found.test.capitalize()} test p = {p_text(found.p)}. " if found.test else ""
    difference = ""
    if found.posthoc_allowed and not np.isnan(found.critical_difference):
        difference = f"Average ranks differ where they are {found.critical_difference:.2f} or more apart (Nemenyi). "
    words = [
        f"{found.n_pairs} pairs, {found.n_methods} methods; selection {rule_name(rule.selection)}. Rank 1 is best. "
        f"{test}{difference}{found.why + ' ' if found.why else ''}Pairs of one data set share domains, and the tests take them "
        "as independent: p is optimistic. Interquartile mean: of the middle half of all runs, with its "
        f"{100 * (1 - rule.alpha):g} % interval (seeds resampled within each pair)."
    ]
    if holes:
        words.append(f"Not ranked, because a pair is missing: {', '.join(holes)}.")
    figures: dict[str, Draw] = {} if found.pairwise_p is None else {name: partial(critical_difference, found)}
    return Section(name, f"Ranks over all pairs: {title}", words, shown, data, figures)
