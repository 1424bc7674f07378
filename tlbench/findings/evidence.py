"""All that a store's runs say, worked out once: what pages, tables and views are made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import pandas as pd

from tlbench.findings.causes import causes
from tlbench.findings.cells import compared, summarise, variant_names
from tlbench.findings.classes import class_table, collapsed
from tlbench.findings.differences import Differences
from tlbench.findings.names import class_names
from tlbench.findings.notes import notes
from tlbench.findings.predictors import pair_distances
from tlbench.findings.rule import Rule
from tlbench.findings.trials import Choice, choose
from tlbench.selection.rules import LAST
from tlbench.store.plans import Planned, configs_of, planned
from tlbench.store.runs import RunStore
from tlbench.store.setting_columns import Configs
from tlbench.store.table import Tables


@dataclass(frozen=True)
class Evidence:
    """Cells with their flags, and what explains them.

    Attributes:
        runs: tidy table; a gain over a run that is gone is taken out.
        choice: the trials of searches that count.
        configs: cell key to its config.
        cells: `summarise`'s table, trials that were not chosen left out; classes, distances, causes: those of `class_table`,
            `pair_distances`, `causes`.
    """

    rule: Rule
    store: RunStore
    tables: Tables
    runs: pd.DataFrame
    choice: Choice
    configs: Configs
    cells: pd.DataFrame
    classes: pd.DataFrame
    distances: pd.DataFrame
    causes: pd.DataFrame
    conditions: Sequence[str] = ()

    @cached_property
    def kept(self) -> pd.DataFrame:
        """The runs of the cells."""
        return self.runs[~self.runs["cell_key"].isin(self.choice.dropped)]

    @cached_property
    def collapsed(self) -> pd.DataFrame:
        """Classes that are flagged negative where their cell is not."""
        return collapsed(self.classes)

    @cached_property
    def notes(self) -> list[str]:
        """What is to be known of the store beside its numbers."""
        found = notes(self.tables)
        if self.conditions:
            found = [
                f"Only runs with {' and '.join(self.conditions)} are looked at here: p-values are "
                "corrected over their gains alone, and causes know nothing of other methods and of what these measured.",
                *found,
            ]
        return found

    @property
    def class_names(self) -> dict[str, Sequence[str]]:
        """Data set to the names of its classes, where its config has them."""
        return _class_names(self.configs)

    @property
    def n_unfinished(self) -> int:
        """Runs of trials that are not done."""
        return len(self.choice.unfinished)


def gather_evidence(
    store: RunStore, tables: Tables, rule: Rule, *, plans: Planned | None = None, conditions: Sequence[str] = ()
) -> Evidence:
    """Judge a store's runs.

    Args:
        tables: `read_tables`', or a part of it.
        plans: those that count, where they are not all of the store's.
        conditions: by which tables and plans were narrowed, for people.
    """
    plans = planned(store) if plans is None else plans
    choice = choose(plans.runs, tables.runs, tables.checkpoints, rule.selection)
    runs = _without_lost(store, tables.runs)
    kept = runs[~runs["cell_key"].isin(choice.dropped)]
    if rule.selection != LAST:  # validators look at examples that the seed draws: another one may choose another trial
        kept = kept.assign(draws=kept["draws"].mask(kept["cell_key"].isin(choice.names), True))
    plan = plans.runs[~plans.runs["cell_key"].isin(choice.dropped)]
    configs = configs_of(store, kept, plans)
    names = variant_names(kept, Planned(plan, configs)) | choice.names
    differences = Differences(store).of(compared(kept, rule.selection))
    cells = summarise(kept, plan, differences, rule, names)
    distances = pair_distances(runs, tables.distances)
    why = causes(cells, kept, distances, store, rule)
    by_class = class_table(cells, differences, _class_names(configs), rule)
    return Evidence(rule, store, tables, runs, choice, configs, cells, by_class, distances, why, tuple(conditions))


def _without_lost(store: RunStore, runs: pd.DataFrame) -> pd.DataFrame:
    """Take out gains over runs that are no longer in the store, for they cannot be looked at: their cells are holes."""
    state = dict(zip(runs["run_key"], runs["status"], strict=True))
    lost = {
        key
        for key in runs["reference_run"].dropna().unique()
        if state.get(key, "not among these") != "done" and (key in state or store.stamp(key) is None)
    }
    return runs.assign(gain=runs["gain"].mask(runs["reference_run"].isin(lost))) if lost else runs


def _class_names(configs: Configs) -> dict[str, Sequence[str]]:
    groups = {config["dataset"]["name"]: class_names(config["dataset"]) for config in configs.values()}
    return {name: found for name, found in groups.items() if found}
