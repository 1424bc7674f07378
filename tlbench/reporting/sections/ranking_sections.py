"""Ranks over all pairs, as parts of a report."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from tlbench.findings.names import rule_name
from tlbench.findings.number_format import number, p_text, points
from tlbench.findings.rankings import RankedMethods, rankings
from tlbench.reporting.figures.rank_diagram import critical_difference
from tlbench.reporting.section import Draw, Section

if TYPE_CHECKING:
    from tlbench.findings.evidence import Evidence
    from tlbench.findings.rule import Rule


def ranking_sections(ranked: Sequence[RankedMethods | None], rule: Rule) -> list[Section]:
    """Lay out each of `rankings`' that ranks anything; the number in a name is its place among all."""
    return [_section(found, rule, f"ranks_{i}") for i, found in enumerate(ranked, 1) if found is not None]


def _section(ranked: RankedMethods, rule: Rule, name: str) -> Section:
    ranks, data = ranked.ranks, ranked.table
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
    test = f"{ranks.test.capitalize()} test p = {p_text(ranks.p)}. " if ranks.test else ""
    difference = ""
    if ranks.posthoc_allowed and not np.isnan(ranks.critical_difference):
        difference = f"Average ranks differ where they are {ranks.critical_difference:.2f} or more apart (Nemenyi). "
    words = [
        f"{ranks.n_pairs} pairs, {ranks.n_methods} methods; selection {rule_name(rule.selection)}. Rank 1 is best. "
        f"{test}{difference}{ranks.why + ' ' if ranks.why else ''}Pairs of one data set share domains, and the tests take them "
        "as independent: p is optimistic. Interquartile mean: of the middle half of all runs, with its "
        f"{100 * (1 - rule.alpha):g} % interval (seeds resampled within each pair)."
    ]
    if ranked.unranked:
        words.append(f"Not ranked, because a pair is missing: {', '.join(ranked.unranked)}.")
    figures: dict[str, Draw] = {} if ranks.pairwise_p is None else {name: partial(critical_difference, ranks)}
    return Section(name, f"Ranks over all pairs: {ranked.title}", words, shown, data, figures)


def rankings_of(found: Evidence, *, mix_protocols: bool) -> list[Section]:
    """Return the sections of a report's evidence."""
    return ranking_sections(rankings(found.cells, found.kept, found.rule, mix_protocols=mix_protocols), found.rule)
