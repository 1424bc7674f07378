"""Curves over what a protocol grants, as parts of a report."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import pandas as pd

from tlbench.findings.efficiency import AXES, axes_of, curve_table, worth
from tlbench.findings.names import rule_name
from tlbench.findings.number_format import points
from tlbench.findings.rule import Rule
from tlbench.reporting.figures.label_efficiency import label_efficiency
from tlbench.reporting.section import Section
from tlbench.transfer.curves import BOUNDS


def efficiency_sections(
    cells: pd.DataFrame, configs: Mapping[str, Mapping[str, Any]], runs: pd.DataFrame, rule: Rule
) -> list[Section]:
    """Lay out a curve for each pair and axis that the store has."""
    found = []
    for i, axis in enumerate(axes_of(cells, configs)):
        curve, title = curve_table(axis, runs, rule), AXES[axis.name]
        name, shown = f"curve_{i + 1}_{axis.name}", None
        selected = f"Selection {rule_name(rule.selection)}; gains over source_only, mean over seeds with t intervals over seeds."
        words = [selected]
        data = curve.drop(columns=["seeds"])
        if axis.name == "shots" and len(table := worth(axis, curve, runs, rule)):
            words.append(
                "How many labelled target examples per class would target_only need for the same accuracy? Read from its own "
                "curve, made monotone; beyond the curve a bound is named, nothing is extrapolated."
            )
            shown = pd.DataFrame(
                {
                    "method": table["method"],
                    "with": table["shots"] + " a class",
                    "accuracy": [points(a) for a in table["accuracy"]],
                    "as good as target_only with": table["needed"],
                    "worth (labels a class)": [f"{BOUNDS[r.bound]}{r.worth:+.3g}" for r in table.itertuples()],
                    f"{100 * (1 - rule.alpha):g} % interval": table["interval"],
                }
            )
            worths = table.drop(columns="accuracy")
            data = data.merge(worths, left_on=["method", "x"], right_on=["method", "shots"], how="left")
        labels = {"x_label": title, "score_label": "accuracy (%)", "words": selected}
        figure = partial(label_efficiency, curve, alpha=rule.alpha, **labels)
        found.append(Section(name, f"{title.capitalize()}: {axis.title}", words, shown, data, {name: figure}))
    return found
