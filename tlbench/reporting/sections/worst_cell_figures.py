"""The figures of one cell, for a closer look."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from tlbench.errors import TlbenchError
from tlbench.findings.calibration import reliability_table
from tlbench.findings.cells import compared
from tlbench.findings.classes import of_cell
from tlbench.findings.confusion import confusion_table
from tlbench.findings.embeddings import About, about_run, embedding_map, embedding_numbers, kept_features
from tlbench.findings.learning import FEWEST_CHECKPOINTS, score_table, term_table
from tlbench.findings.names import method_name, rule_name
from tlbench.findings.paired import SEEDS, class_gains_by_seed, paired_predictions
from tlbench.reporting.figures.class_gains import class_gains
from tlbench.reporting.figures.confusion_change import confusion_change
from tlbench.reporting.figures.embedding_maps import embedding_maps
from tlbench.reporting.figures.learning_curves import learning_curves
from tlbench.reporting.figures.reliability import reliability
from tlbench.reporting.section import Draw

if TYPE_CHECKING:
    from tlbench.findings.evidence import Evidence
    from tlbench.findings.rule import Rule


def figures_of(cell: Any, evidence: Evidence) -> tuple[dict[str, Draw], str]:
    """Return the figures of one cell by the names of CAPTIONS, and why one is lacking."""
    rule, store, runs = evidence.rule, evidence.store, evidence.kept
    names, checkpoints = evidence.class_names.get(cell.dataset, ()), evidence.tables.checkpoints
    own = compared(runs, rule.selection)
    first = own[own["cell_key"] == cell.cell_key].sort_values("seed").iloc[0]
    pairs = paired_predictions(store, runs, cell.cell_key, rule.selection)
    figures: dict[str, Draw] = {}
    if len(by_class := of_cell(evidence.classes, cell.cell_key)):
        by_seed = class_gains_by_seed(pairs, names)
        by_class[SEEDS] = [by_seed.get(name, []) for name in by_class["class"]]
        figures["classes"] = partial(class_gains, by_class, rule)
    change = confusion_table(pairs, names)
    figures["confusions"] = partial(confusion_change, change, str(cell.reference), rule_name(rule.selection))
    sides = {method_name(cell): [mine for mine, _ in pairs], str(cell.reference): [other for _, other in pairs]}
    figures["calibration"] = partial(_reliability, sides, rule)
    try:
        if (checkpoints["run_key"] == first["run_key"]).sum() >= FEWEST_CHECKPOINTS:
            scores = score_table(checkpoints, runs, first["run_key"])
            terms = term_table(store.history(first["run_key"]))
            figures["training"] = partial(learning_curves, scores, terms, rule.selection)
        if store.keeps_features(first["run_key"]):
            kept = kept_features(store, first)
            figures["features"] = partial(_maps, kept, names, about_run(store, first))
    except TlbenchError as error:
        return figures, f" (a figure is lacking: {error})"
    return figures, ""


# functions of the module, so that they can be sent to another process with what they draw
def _reliability(sides: Mapping[str, Sequence[pd.DataFrame]], rule: Rule) -> Figure:
    return reliability(reliability_table(sides, alpha=rule.alpha), rule.selection)


def _maps(features: Mapping[str, np.ndarray], names: Sequence[str], about: About) -> Figure:
    return embedding_maps(embedding_map(features, names), embedding_numbers(features), about=about)
