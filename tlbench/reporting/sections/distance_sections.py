"""How far apart are the domains, and does that predict the gain? Parts of a report."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pandas as pd

from tlbench.findings.cells import BLOCK
from tlbench.findings.names import method_name
from tlbench.findings.number_format import number, p_text
from tlbench.findings.predictors import NAMES, gain_by_distance, predictions
from tlbench.reporting.figures.distance import gain_over_distance
from tlbench.reporting.section import Draw, Section
from tlbench.transfer.pair import MARGINAL_NAMES, ORACLE_NAMES

if TYPE_CHECKING:
    from tlbench.findings.evidence import Evidence
    from tlbench.findings.rule import Rule

STRONGEST = 3
DRAWN, DRAWN_LABEL = "a_distance", "proxy A-distance of the raw features (0 to 2)"


def distance_sections(cells: pd.DataFrame, pairs: pd.DataFrame, table: pd.DataFrame, rule: Rule) -> list[Section]:
    """Lay out the distances of the pairs, and whether they predict the gain.

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
            told = (same["oracle_shift"] != "").any()
            last = ["kind of shift (ORACLE)"] if told else []
            shown = pd.DataFrame({"distance": [*(name.replace("oracle_", "ORACLE ") for name in columns), *last]})
            for row in same.to_dict("records"):
                kind = [row["oracle_shift"]] if told else []
                shown[str(row["pair"])] = [*(number(row[name]) for name in columns), *kind]
            name, data = ("distances", pairs) if i == 0 else (f"distances_{i + 1}", None)
            title = f"How far apart are the domains? {dataset} · protocol {protocol}"
            found.append(Section(name, title, words if i == 0 else [], shown, data))
    if len(table):
        order = ["protocol", "backbone", "classifier", "method", "variant", "features"]
        best = table.assign(strength=table["rho"].abs())
        best = best.sort_values([*order, "strength"], ascending=[True, True, True, True, True, False, False])
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
        )
        words = [
            "Spearman's rank correlation over pairs of a distance with the gain, with its bootstrap interval over pairs (none "
            "where fewer than eight pairs leave it too short) and a permutation p-value, corrected by Holm over the distances "
            f"of one method and kind of features. The {STRONGEST} strongest of each are shown. Pairs of one data set share "
            "domains, so they are fewer than they look, and p is optimistic."
        ]
        figures = _figures(cells, pairs, table, rule)
        found.append(Section("predictions", "Do the distances predict the gain?", words, shown, table, figures))
    return found


def _figures(cells: pd.DataFrame, pairs: pd.DataFrame, table: pd.DataFrame, rule: Rule) -> dict[str, Draw]:
    """Draw gains over one distance, fixed beforehand and not the one that fits best, for each protocol and recipe."""
    figures: dict[str, Draw] = {}
    for _, own in cells.groupby(BLOCK[1:], sort=False):
        points = gain_by_distance(own, pairs, table, DRAWN)
        if points["pair"].nunique() > 1:
            name = f"predictions_{len(figures) + 1}" if figures else "predictions"
            figures[name] = partial(gain_over_distance, points, rule, DRAWN_LABEL)
    return figures


def distances_of(found: Evidence) -> list[Section]:
    """Return the sections of a report's evidence."""
    said = predictions(found.cells, found.kept, found.tables.distances, found.rule)
    return distance_sections(found.cells, found.distances, said, found.rule)
