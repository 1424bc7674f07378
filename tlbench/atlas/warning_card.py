"""The warning's card: what it was fitted on, how good it is on families of data that it has not seen, and where it fails."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from tlbench.atlas.atlas_words import lines_of
from tlbench.atlas.warning_fit import PREFIX, Recipe, hurt
from tlbench.transfer.warning.model import WarningModel
from tlbench.transfer.warning.scoring import (
    Estimate,
    auroc,
    brier,
    calibration_error,
    group_mean,
    interval,
    obeyed,
    reliability,
)

RESAMPLES = 500
NO_PROMISE = (
    "No guarantee is given, and none can be: without assumptions on how the target differs, its accuracy cannot be told from "
    "unlabelled examples. Where the target's classes have other shares, all methods that align domains err alike, and so does "
    "this."
)


@dataclass(frozen=True)
class Trial:
    """A model, and what it says of cells that models like it had not seen.

    Attributes:
        cells: of `atlas_cells`, with `probability` and `alone` of `warning_trial.blind`, and `other_method`, the probability by a
            model of the shipped recipe that was fitted without the cell's method.
        recipes: by family left out.
    """

    model: WarningModel
    recipe: Recipe
    cells: pd.DataFrame
    recipes: Mapping[str, Recipe]


def card(trial: Trial) -> str:
    """Write the card in Markdown."""
    cells = trial.cells
    head = [
        f"# The warning, version {trial.model.version}",
        "",
        f"Fitted by `tlbench atlas fit` on {len(cells)} cells of {cells['data_family'].nunique()} families of data and "
        f"{cells['method'].nunique()} methods; {100 * hurt(cells).mean():.0f} % have a gain below 0. A cell is all seeds "
        "of a method on one recipe. Every number here is of cells whose family of data was left out while signals, fit and "
        "calibration were chosen and made; intervals (95 %) are over pairs of domains drawn anew.",
        "",
        NO_PROMISE,
        "",
    ]
    return "\n".join([*head, *_families(cells), *_whole(cells), *_reliability(cells), *_looks_at(trial)])


def _clusters(cells: pd.DataFrame) -> np.ndarray:
    return (cells["dataset"].astype(str) + " " + cells["pair"].astype(str)).to_numpy()


def _area(cells: pd.DataFrame, values_N: np.ndarray, rows: np.ndarray | None = None) -> Estimate:
    y, kept = hurt(cells), np.arange(len(cells)) if rows is None else np.flatnonzero(rows)
    y, p, clusters = y[kept], values_N[kept], _clusters(cells)[kept]
    return interval(lambda drawn: auroc(y[drawn], p[drawn]), clusters, resamples=RESAMPLES)


def _families(cells: pd.DataFrame) -> list[str]:
    """Return a row a family, the one in which the warning did worst first."""
    rows = []
    for family, own in cells.groupby("data_family"):
        p, y = own["probability"].to_numpy(), hurt(own)
        gain, sure = own["gain"].to_numpy(), (own["verdict"] != "open").to_numpy()
        rows.append(
            (
                auroc(y, p),
                family,
                len(own),
                y.mean(),
                auroc(y[sure], p[sure]),
                p.mean(),
                gain.mean(),
                obeyed(gain, p).mean(),
            )
        )
    table = pd.DataFrame(
        [
            (family, n, f"{100 * rate:.0f} %", _two(area), _two(beyond), f"{said:.2f}", f"{always:+.1f}", f"{took:+.1f}")
            for area, family, n, rate, beyond, said, always, took in sorted(rows, key=lambda row: row[0])
        ],
        columns=["family of data", "cells", "hurt", "AUROC", "beyond noise", "mean probability", "always adapting", "obeying"],
    )  # fmt: skip
    told = "Gains in points against never adapting. AUROC: of a gain below 0; 0.5 is chance."
    return ["## Family by family, the worst first", "", told, "", *lines_of(table)]


def _whole(cells: pd.DataFrame) -> list[str]:
    p, y, gain = cells["probability"].to_numpy(), hurt(cells), cells["gain"].to_numpy()
    sure, families, clusters = (
        (cells["verdict"] != "open").to_numpy(),
        cells["data_family"].to_numpy(),
        _clusters(cells),
    )

    def worth(against: Callable[[np.ndarray], np.ndarray]) -> Estimate:
        value = obeyed(gain, p) - against(gain)
        return interval(lambda rows: group_mean(value[rows], families[rows]), clusters, resamples=RESAMPLES)

    rows = {
        "AUROC": _area(cells, p).told(),
        "AUROC, gain beyond noise": _area(cells, p, sure).told(),
        "AUROC, no other method tried": _area(cells, cells["alone"].to_numpy()).told(),
        "AUROC, the method left out, not the family": _area(cells, cells["other_method"].to_numpy()).told(),
        "AUROC of BNM alone (method less reference)": _area(cells, -cells[PREFIX + "bnm"].fillna(0).to_numpy()).told(),
        "AUROC of the method's base rate in other families": _area(cells, _base_rates(cells)).told(),
        "calibration error, ten bins": f"{calibration_error(y, p):.3f}",
        "Brier score (of the base rate alone)": f"{brier(y, p):.3f} ({brier(y, np.full(len(y), y.mean())):.3f})",
        "points by obeying, against never adapting": worth(np.zeros_like).told("+.2f"),
        "points by obeying, against always adapting": worth(lambda g: g).told("+.2f"),
    }
    table = pd.DataFrame(rows.items(), columns=["over all cells", "blind"])
    told = "Families of data count alike in points. Obeying: adapting where the probability is below 0.5."
    return ["## As a whole", "", told, "", *lines_of(table)]


def _base_rates(cells: pd.DataFrame) -> np.ndarray:
    """Return the share of each method's cells in other families that have a gain below 0."""
    found = np.full(len(cells), 0.5)
    for family in cells["data_family"].unique():
        mine = (cells["data_family"] == family).to_numpy()
        rest = cells[~mine]
        rates = pd.Series(hurt(rest), index=rest.index).groupby(rest["method"]).mean()
        found[mine] = cells.loc[mine, "method"].map(rates).fillna(0.5)
    return found


def _reliability(cells: pd.DataFrame) -> list[str]:
    bins = reliability(hurt(cells), cells["probability"].to_numpy())
    table = pd.DataFrame(
        [(f"{p:.2f}", f"{share:.2f}", int(n)) for p, share, n in bins],
        columns=["probability", "share that was hurt", "cells"],
    )
    return ["## Is a probability what it says?", "", *lines_of(table)]


def _looks_at(trial: Trial) -> list[str]:
    """Return what the shipped model looks at, and how far each signal can move the log odds."""
    reach = {name: (min(step.values), max(step.values)) for name, step in trial.model.steps.items()}
    ordered = sorted(reach.items(), key=lambda item: item[1][0] - item[1][1])
    table = pd.DataFrame(
        [(f"`{name}`", f"{low:+.2f}", f"{high:+.2f}") for name, (low, high) in ordered],
        columns=["signal", "least log odds", "most"],
    )
    others = sorted({recipe.signals for recipe in trial.recipes.values()})
    told = (
        f"Chosen on all families: the set `{trial.recipe.signals}`, {trial.recipe.rounds} rounds; with one family left out: "
        f"{', '.join(others)}. Signals are described in [docs/warning.md](../../docs/warning.md)."
    )
    return ["## What it looks at", "", told, "", *lines_of(table)]


def _two(value: float) -> str:
    return "–" if np.isnan(value) else f"{value:.2f}"
