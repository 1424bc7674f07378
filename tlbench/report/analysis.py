"""All that a report says of a store, worked out once and shown by every format."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from tlbench.report import (
    causes,
    classes,
    closer,
    efficiency,
    matched,
    predictors,
    rankings,
    references,
    selections,
    trials,
)
from tlbench.report.cells import Rule, compared, summarise, variant_names
from tlbench.report.differences import Differences
from tlbench.report.notes import notes
from tlbench.report.section import Section
from tlbench.store.plans import Planned, planned
from tlbench.store.runs import RunStore
from tlbench.store.table import Tables


@dataclass(frozen=True)
class Analysis:
    """A report's content.

    Attributes:
        runs: tidy table of the store.
        cells: `summarise`'s table, trials that were not chosen left out.
        n_unfinished: runs of trials that are not done.
        causes: `causes.causes`' table.
        collapsed: classes that are flagged negative where their cell is not.
        sections: the parts that follow the main tables.
        notes: what is to be known of the store beside its numbers.
    """

    rule: Rule
    runs: pd.DataFrame
    cells: pd.DataFrame
    causes: pd.DataFrame
    collapsed: pd.DataFrame
    sections: list[Section]
    notes: Sequence[str] = ()
    n_unfinished: int = 0


def analyse(
    store: RunStore,
    tables: Tables,
    rule: Rule,
    *,
    mix_protocols: bool = False,
    plans: Planned | None = None,
    brief: bool = False,
) -> Analysis:
    """Everything, in the order in which questions are asked: did it hurt, why, would one have known.

    Args:
        plans: those that count, where they are not all of the store's.
        brief: cells, causes and classes alone, no sections.
    """
    plans = planned(store) if plans is None else plans
    runs, choice = tables.runs, trials.choose(plans.runs, tables.runs, tables.checkpoints, rule.selection)
    runs = without_lost(runs)
    kept = runs[~runs["cell_key"].isin(choice.dropped)]
    plan = plans.runs[~plans.runs["cell_key"].isin(choice.dropped)]
    configs = _configs(store, kept, plans)
    names = variant_names(kept, Planned(plan, configs)) | choice.names
    differences = Differences(store).of(compared(kept, rule.selection))
    cells = summarise(kept, plan, differences, rule, names)
    of_pairs = predictors.pair_distances(runs, tables.distances)
    why = causes.causes(cells, kept, of_pairs, store, rule)
    class_names = _class_names(configs)
    by_class = classes.class_table(cells, differences, class_names, rule)
    parts: list[Section | None] = (
        []
        if brief
        else [
            causes.section(why),
            classes.section(by_class),
            closer.section(cells, by_class, kept, tables.checkpoints, class_names, store, rule),
            references.section(references.other_gains(cells, kept, store, rule), rule),
            matched.section(matched.unmatched(cells, kept, rule)),
            *rankings.sections(cells, kept, rule, mix_protocols=mix_protocols),
            *selections.sections(selections.selection_table(kept, tables.checkpoints, cells)),
            trials.section(choice, rule.selection),
            *efficiency.sections(cells, configs, kept, rule),
            *predictors.sections(cells, of_pairs, predictors.predictions(cells, kept, tables.distances, rule), rule),
        ]
    )
    return Analysis(
        rule,
        runs,
        cells,
        why,
        classes.collapsed(by_class),
        [part for part in parts if part is not None],
        notes(tables),
        len(choice.unfinished),
    )


def without_lost(runs: pd.DataFrame) -> pd.DataFrame:
    """A gain over a run that is no longer in the store cannot be looked at: it is taken out, and its cell is a hole."""
    lost = runs["reference_run"].notna() & ~runs["reference_run"].isin(
        set(runs.loc[runs["status"] == "done", "run_key"])
    )
    return runs.assign(gain=runs["gain"].mask(lost)) if lost.any() else runs


def _configs(store: RunStore, runs: pd.DataFrame, plans: Planned) -> dict[str, Mapping[str, Any]]:
    """Config of each cell, from its plan or from one of its runs."""
    first = runs.drop_duplicates("cell_key")
    return {
        str(row.cell_key): plans.configs.get(row.cell_key) or store.config(row.run_key) for row in first.itertuples()
    } | {str(cell): config for cell, config in plans.configs.items() if cell not in set(first["cell_key"])}


def _class_names(configs: Mapping[str, Mapping[str, Any]]) -> dict[str, Sequence[str]]:
    """Data set to the names of its classes, where its config has them."""
    groups = {config["dataset"]["name"]: config["dataset"].get("classes") for config in configs.values()}
    return {name: [str(c) for c in found] for name, found in groups.items() if isinstance(found, list)}
