"""Methods beside each other over all pairs and data sets: ranks with tests, interquartile means."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from tlbench.errors import TlbenchError
from tlbench.findings.cells import by_setting, sources_of
from tlbench.findings.names import method_name, setting_title
from tlbench.findings.rule import Rule
from tlbench.seeds import stream
from tlbench.transfer.interquartile import interquartile_mean
from tlbench.transfer.ranks import Ranking, rank_methods

TABLE = ["protocol", "backbone", "classifier", "metric"]


@dataclass(frozen=True)
class RankedMethods:
    """The methods of one protocol and recipe that have every pair.

    Attributes:
        title: protocol, recipe and number of sources.
        ranks: average ranks and their tests.
        table: one row a method, the best rank first: method, average_rank, mean, iqm, iqm_low, iqm_high (points); the same in
            each row: pairs (their number), test, p, critical_difference.
        unranked: methods that lack a pair.
    """

    title: str
    ranks: Ranking
    table: pd.DataFrame
    unranked: Sequence[str] = ()


def rankings(
    cells: pd.DataFrame, runs: pd.DataFrame, rule: Rule, *, mix_protocols: bool = False
) -> list[RankedMethods | None]:
    """Rank methods for each protocol and recipe; over all protocols together only where that is asked for.

    Settings are ranked apart, and pairs with several sources apart from those with one. None where fewer than two methods have
    every pair.
    """
    if cells.empty:
        return []
    shared = [name for name in TABLE if not (mix_protocols and name == "protocol")]
    whole = cells.assign(sources=sources_of(cells))
    return [
        ranking(own, runs, rule, " · ".join([*map(str, key), *_told(setting)]), mix_protocols=mix_protocols)
        for key, table in whole.groupby([*shared, "sources"], sort=False)
        for setting, own in by_setting(table)
    ]


def _told(setting: str) -> list[str]:
    """Return what a title says of a setting that neither protocol nor sources tell."""
    return [] if setting in ("closed_set", "semi_supervised", "multi_source", "chain") else [setting_title(setting)]


def ranking(
    cells: pd.DataFrame, runs: pd.DataFrame, rule: Rule, title: str, *, mix_protocols: bool = False
) -> RankedMethods | None:
    """Rank the methods that have every pair; None for fewer than two methods.

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
    ranks = rank_methods(wide, alpha=rule.alpha)
    done = runs[(runs["status"] == "done") & (runs["selection"] == rule.selection)]
    scores = done.groupby("cell_key")["score"].agg(list)
    rows = []
    for method, rank in ranks.average_rank.items():
        own = named[named["name"] == method]
        by_pair = [100 * np.asarray(scores[key]) for key in own["cell_key"]]
        middle = interquartile_mean(by_pair, alpha=rule.alpha, rng=stream(0, "interquartile", str(method)))
        rows.append((method, rank, own["score"].mean(), middle.estimate, middle.low, middle.high))
    table = pd.DataFrame(rows, columns=["method", "average_rank", "mean", "iqm", "iqm_low", "iqm_high"])
    same = {"pairs": ranks.n_pairs, "test": ranks.test, "p": ranks.p, "critical_difference": ranks.critical_difference}
    return RankedMethods(title, ranks, table.assign(**same), holes)
