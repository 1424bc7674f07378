"""A closer look at the cells that lose most: which classes, what they are taken for, and what training looked like."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from tlbench.errors import TlbenchError
from tlbench.report.calibration import reliability_table
from tlbench.report.cells import Rule, compared
from tlbench.report.classes import of_cell
from tlbench.report.confusion import confusion_table
from tlbench.report.embeddings import About, about_run, embedding_map, embedding_numbers, kept_features
from tlbench.report.figures.calibration import reliability
from tlbench.report.figures.classes import class_gains
from tlbench.report.figures.confusion import confusion_change
from tlbench.report.figures.embeddings import embedding_maps
from tlbench.report.figures.learning import learning_curves
from tlbench.report.learning import score_table, term_table
from tlbench.report.paired import SEEDS, class_gains_by_seed, paired_predictions
from tlbench.report.section import Draw, Section
from tlbench.report.words import method_name, plus_minus, rule_name
from tlbench.results.store import RunStore

LOOKED_AT = 3
FEWEST_CHECKPOINTS = 2
"""Of a run, for a curve."""


def worst(cells: pd.DataFrame, classes: pd.DataFrame) -> pd.DataFrame:
    """At most LOOKED_AT cells of methods: those flagged negative, then those in which a class is, the greatest loss first."""
    if cells.empty:
        return cells
    hit = set(classes.loc[classes["class_flag"] == "negative", "cell_key"]) if len(classes) else set()
    methods = cells[(cells["role"] == "method") & cells["gain"].notna()]
    methods = methods.assign(rank=methods["flag"].ne("negative").astype(int))
    chosen = methods[(methods["rank"] == 0) | methods["cell_key"].isin(hit)]
    return chosen.sort_values(["rank", "gain"], kind="stable").head(LOOKED_AT)


def section(
    cells: pd.DataFrame,
    classes: pd.DataFrame,
    runs: pd.DataFrame,
    checkpoints: pd.DataFrame,
    names: Mapping[str, Sequence[str]],
    store: RunStore,
    rule: Rule,
) -> Section | None:
    """Figures of the `worst` cells; None where no cell and no class loses beyond noise.

    Args:
        classes: `classes.class_table`'s.
        runs, checkpoints: of `read_tables`.
        names: data set to the names of its classes.
    """
    chosen = worst(cells, classes)
    if chosen.empty:
        return None
    figures: dict[str, Draw] = {}
    listed = []
    for i, cell in enumerate(chosen.itertuples(), 1):
        own = compared(runs, rule.selection)
        first = own[own["cell_key"] == cell.cell_key].sort_values("seed").iloc[0]
        lost = plus_minus(cell.gain, cell.gain_half, signed=True)
        listed.append(
            f"{i}: {method_name(cell)} on {cell.dataset}, {cell.pair}, {cell.protocol} ({lost} over {cell.reference})"
        )
        pairs, own_names = paired_predictions(store, runs, cell.cell_key, rule.selection), names.get(cell.dataset, ())
        if len(by_class := of_cell(classes, cell.cell_key)):
            by_seed = class_gains_by_seed(pairs, own_names)
            by_class[SEEDS] = [by_seed.get(name, []) for name in by_class["class"]]
            figures[f"{i}_classes"] = partial(class_gains, by_class, rule)
        change = confusion_table(pairs, own_names)
        figures[f"{i}_confusions"] = partial(confusion_change, change, str(cell.reference), rule_name(rule.selection))
        sides = {method_name(cell): [mine for mine, _ in pairs], str(cell.reference): [other for _, other in pairs]}
        figures[f"{i}_calibration"] = partial(_reliability, sides, rule)
        if (checkpoints["run_key"] == first["run_key"]).sum() >= FEWEST_CHECKPOINTS:
            scores, terms = (
                score_table(checkpoints, runs, first["run_key"]),
                term_table(store.history(first["run_key"])),
            )
            figures[f"{i}_training"] = partial(learning_curves, scores, terms, rule.selection)
        if store.keeps_features(first["run_key"]):
            try:
                kept = kept_features(store, first)
                figures[f"{i}_features"] = partial(_maps, kept, own_names, about_run(store, first))
            except TlbenchError as error:
                listed[-1] += f" (no map of features: {error})"
    words = [
        "The cells that lose most beyond noise, and then those in which a class does. For each: the gain of each class; how "
        "its predictions differ from its reference's, and how sure both are; the training of its first seed, and maps of the "
        "features that it kept.",
        " ".join(f"{text}." for text in listed),
    ]
    return Section("closer", "A closer look at the greatest losses", words, None, None, figures)


def _reliability(sides: Mapping[str, Sequence[pd.DataFrame]], rule: Rule) -> Figure:
    return reliability(reliability_table(sides, alpha=rule.alpha), rule.selection)


def _maps(features: Mapping[str, np.ndarray], names: Sequence[str], about: About) -> Figure:
    return embedding_maps(embedding_map(features, names), embedding_numbers(features), about=about)
