"""tlbench in Python: what the command does, with tables and arrays in place of files and text.

`import tlbench as tl` gives these functions; each imports what it needs when it is called.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

    from tlbench.running.loaded_model import LoadedModel
    from tlbench.store.runs import RunStore
    from tlbench.sweeping.on_arrays import TransferEstimator
    from tlbench.sweeping.sweeper import Outcome
    from tlbench.tasks import Task

Value = Any
"""Of a setting: a number, a word, None, a list (a sweep takes one as several values), or Hydra's own grammar in a string."""


def run(*overrides: str, config_dir: str | None = None, **settings: Value) -> pd.Series:
    """Do one run and its references, unless they are done; return the run's row of the tidy table.

    Args:
        overrides: as on the command line, `"method.weight=0.5"`.
        config_dir: a folder of your own configs.
        settings: the same as keywords, `pair="H-P"`, `optim__lr=0.05` (two underscores for the dot).

    Raises:
        TlbenchError: a setting is wrong, or the run failed; the reason is in its text.
    """
    from tlbench.sweeping.commands import done_run

    job, store = done_run(arguments(overrides, settings), config_dir)
    return _tidy(store.where, [job.key], job.config.selection.rule).iloc[0].rename(job.key)


def sweep(*overrides: str, config_dir: str | None = None, **settings: Value) -> pd.DataFrame:
    """Do what is missing of a grid of runs, with a bar; return a row a run, references included, failed ones with their reason.

    Args:
        overrides, config_dir, settings: see `run`; lists are grids, `method=["dann", "mmd"]`, `seed=range(3)`.
    """
    from tlbench.sweeping.commands import conclude, swept

    outcome: Outcome = swept(arguments(overrides, settings), config_dir)
    conclude(outcome)
    rule = outcome.jobs[0].config.selection.rule
    return _tidy(outcome.store.where, [job.key for job in outcome.jobs], rule)


def read(
    store: str | Path | None = None, where: str | Sequence[str] = (), *, selection: str | None = "last"
) -> pd.DataFrame:
    """Read a store: one row a run, every setting a column; the columns are described in `tlbench.store.table`.

    Args:
        store: folder of runs; None: $TLBENCH_STORE, else results/runs.
        where: conditions such as `"method=dann,mmd"` or `["optim.lr=0.05", "pair!=A-W"]`.
        selection: the rule whose checkpoints count; None: a row for each rule.
    """
    return _tidy(_folder(store), None, selection, _listed_conditions(where))


def cells(
    store: str | Path | None = None,
    where: str | Sequence[str] = (),
    *,
    selection: str = "last",
    correction: str = "holm",
) -> pd.DataFrame:
    """Return one row a cell (all seeds of one method on one recipe): mean, gain, interval, p, flag, settings."""
    from tlbench.findings.evidence import gather_evidence
    from tlbench.findings.rule import rule_of
    from tlbench.findings.where import narrowed
    from tlbench.store.plans import planned
    from tlbench.store.runs import opened_store
    from tlbench.store.setting_columns import with_settings
    from tlbench.store.table import read_tables

    found = opened_store(_folder(store))
    tables, plans = read_tables(found, verify=True), planned(found)
    if conditions := _listed_conditions(where):
        tables, plans = narrowed(found, tables, plans, conditions)
    evidence = gather_evidence(found, tables, rule_of(tables.runs, selection, correction, None), plans=plans)
    return with_settings(evidence.cells, evidence.configs)


def report(
    store: str | Path | None = None, out: str | Path = "results/report", where: str | Sequence[str] = (), **options: Any
) -> Path:
    """Write the report's page and tables; return the page's path.

    Args:
        options: `selection`, `correction`, `margin`, `mix_protocols` as the command has them, and `formats`.
    """
    from tlbench.reporting.command import make_report

    formats, selection = options.pop("formats", ("html", "csv")), options.pop("selection", "last")
    make_report(_folder(store), str(out), formats, selection, where=_listed_conditions(where), **options)
    return Path(out) / "report.html"


def load(run: str | pd.Series, store: str | Path | None = None) -> LoadedModel:
    """Load the model that a run kept (`keep_model=true`).

    Args:
        run: what `run` returned, or a run key, or the start of one.

    Raises:
        TlbenchError: there is no such run, or it kept no model.
    """
    from tlbench.running.loaded_model import load_model

    return load_model(*_found(run, store))


def task(*overrides: str, config_dir: str | None = None, **settings: Value) -> Task:
    """Return what a method would see under these settings: arrays of the source with labels, of the target without."""
    from tlbench.sweeping.commands import planned_run
    from tlbench.tasks import load_task

    setup = planned_run(arguments(overrides, settings), config_dir).setup
    given = setup.dataset, setup.pair, setup.protocol, setup.config.seed, setup.augment
    return load_task(*given, n_outputs=setup.n_outputs)[0]


def bridges(*overrides: str, examples: int = 300, config_dir: str | None = None, **settings: Value) -> pd.DataFrame:
    """Rank the domains that could stand between a pair's source and target, from unlabelled rows alone; the best first.

    Args:
        overrides, config_dir, settings: see `run`; `dataset="office_caltech10", pair="C-D"`.
        examples: of each domain, drawn by the seed.

    Returns:
        A row a candidate, as `tlbench.transfer.bridges.rank_bridges` has it.

    Raises:
        TlbenchError: a setting is wrong, the pair has bridges already, or there is no further domain here.
    """
    from tlbench.bridges_command import ranked

    return ranked(arguments(overrides, settings), config_dir, examples)


def estimator(
    method: str = "coral_linear", classifier: str = "linear_svm", *, seed: int = 0, **parameters: Value
) -> TransferEstimator:
    """Return a method to be fitted on arrays by hand, as scikit-learn's are: `fit(X, y, X_target)`, `predict(X_target)`.

    Args:
        parameters: `dim=20` of the method, `classifier__C=10.0` of the classifier.
    """
    from tlbench.sweeping.on_arrays import TransferEstimator

    own = {key.replace("__", ".") if "__" in key else f"method.{key}": value for key, value in parameters.items()}
    return TransferEstimator(method, classifier, own, seed)


def predictions(run: str | pd.Series, store: str | Path | None = None, selection: str = "last") -> pd.DataFrame:
    """Return a run's test predictions: row, id, group, label, prediction, confidence."""
    found, key = _found(run, store)
    return found.predictions(key, selection)


def datasets(config_dir: str | None = None) -> pd.DataFrame:
    """List the data sets: a row each, with a line of words."""
    return _listed("dataset", config_dir)


def methods(config_dir: str | None = None) -> pd.DataFrame:
    """List the methods: a row each, with a line of words."""
    return _listed("method", config_dir)


def arguments(overrides: Sequence[str], settings: dict[str, Value]) -> list[str]:
    """Return overrides as the command line has them. Raises TlbenchError for a key that is set twice."""
    from tlbench.config.arguments import read as checked
    from tlbench.config.arguments import text_of

    return checked([*overrides, *(f"{key.replace('__', '.')}={text_of(value)}" for key, value in settings.items())])


def _listed(group: str, config_dir: str | None) -> pd.DataFrame:
    import pandas as pd

    from tlbench.listing import describe

    return pd.DataFrame(describe(group, config_dir), columns=["name", "what it is"]).set_index("name")


def _listed_conditions(where: str | Sequence[str]) -> list[str]:
    return [where] if isinstance(where, str) else list(where)


def _folder(store: str | Path | None) -> str:
    return str(store) if store is not None else os.environ.get("TLBENCH_STORE", "results/runs")


def _found(run: str | pd.Series, store: str | Path | None) -> tuple[RunStore, str]:
    """Return the store that a run is in, and its whole key."""
    from tlbench.store.runs import opened_store

    if isinstance(run, str):
        found = opened_store(_folder(store))
        return found, found.whole_key(run)
    found = opened_store(_folder(store if store is not None else run.attrs.get("store")))
    return found, found.whole_key(str(run["run_key"]))


def _tidy(folder: str, keys: Sequence[str] | None, selection: str | None, where: Sequence[str] = ()) -> pd.DataFrame:
    from tlbench.findings.where import narrowed
    from tlbench.store.plans import configs_of, planned
    from tlbench.store.runs import opened_store
    from tlbench.store.setting_columns import with_settings
    from tlbench.store.table import read_tables

    store = opened_store(folder)
    tables, plans = read_tables(store, keys, verify=True), planned(store)
    configs = configs_of(store, tables.runs, plans)
    if where:
        tables, plans = narrowed(store, tables, plans, where)
    runs = tables.runs
    if selection is not None:
        runs = runs[(runs["selection"] == selection) | (runs["status"] != "done")]
    table = with_settings(runs.reset_index(drop=True), configs)
    table.attrs["store"] = store.where
    return table
