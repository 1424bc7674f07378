"""The runs of a store as rows of the atlas: one a run, under the selection `last`, with what was known beside its gain.

Columns:
    data_family, dataset, data_words, pair, metric     where; the family is that of `data_families`, the words are what the run
                                      sets otherwise than the shipped config of the data set (`dial=0.5`)
    method, family, setting, protocol, backbone, classifier, seed    as in the tidy table of `tlbench.store.table`
    source_shares                     concentration of the class shares that the source was thinned to; none: as they are
    n_source, n_target, n_shots, n_test, step, draws, uses_target_labels, seconds      likewise
    tuned, search, rule, trial, n_trials      whether the row is what a rule without target labels chose of a search; by which
                                      rule, of how many trials. A chosen trial that is the default has a row as default, too
    score, reference, reference_score, gain, gain_low, gain_high, gain_p, gain_flag    scores in [0, 1], gains in points
    validator_NAME, reference_validator_NAME    of the run's and of its reference's last checkpoint
    distance_NAME                     of the raw features, as the reference without shots measured them; oracle_...: ORACLE
    signal_NAME                       of the warning, where the store has them
    run_key, reference_run, recipe_key, cell_key, data_fingerprint, harness, method_revision, method_code     what it was
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import pandas as pd
import yaml

from tlbench.atlas.chosen_trials import chosen_trials
from tlbench.atlas.consensus_votes import with_consensus
from tlbench.atlas.data_families import family_of
from tlbench.paths import conf_dir
from tlbench.selection.rules import LAST
from tlbench.store.plans import configs_of, planned
from tlbench.store.runs import RunStore
from tlbench.store.setting_columns import in_words
from tlbench.store.table import Tables, read_tables

TUNED_BY = "im"
"""The rule that chooses among the trials of a search, the same for all methods; it was fixed before any of them was run."""
WORDS = [
    "data_family", "dataset", "data_words", "pair", "metric", "method", "family", "setting", "protocol", "backbone", "classifier",
    "reference", "gain_flag", "search", "rule", "run_key", "reference_run", "recipe_key", "cell_key", "data_fingerprint",
    "method_code",
]  # fmt: skip
COUNTS = [
    "seed",
    "step",
    "n_source",
    "n_target",
    "n_shots",
    "n_test",
    "trial",
    "n_trials",
    "harness",
    "method_revision",
]
TRUTHS = ["tuned", "draws", "uses_target_labels"]
NUMBERS = ["source_shares", "score", "reference_score", "gain", "gain_low", "gain_high", "gain_p", "seconds"]
PLACES = ["run_key", "step", "reference_step"]
"""What a row of `Tables.signals` is of: two checkpoints."""


def atlas_rows(store: RunStore, keys: Sequence[str] | None = None, rule: str = TUNED_BY) -> pd.DataFrame:
    """Return the finished runs of a store, or some of them, as rows of the atlas; see the module's text for its columns.

    Args:
        keys: run keys, references among them; None: all.
        rule: by which the trials of a search are chosen.
    """
    tables, plans = read_tables(store, keys), planned(store)
    last = tables.runs[(tables.runs["status"] == "done") & (tables.runs["selection"] == LAST)]
    if last.empty:
        return ordered(last.reindex(columns=[*WORDS, *COUNTS, *TRUTHS, *NUMBERS]))
    rows = last.assign(
        data_family=last["dataset"].map(family_of),
        data_fingerprint=[(store.record(key) or {}).get("data_fingerprint") for key in last["run_key"]],
        reference_score=last["reference_run"].map(last.set_index("run_key")["score"]),
    )
    told = pd.DataFrame.from_dict({cell: _told(c) for cell, c in configs_of(store, last, plans).items()}, "index")
    rows = rows.join(told, on="cell_key")
    rows = _with_what_was_known(rows, tables)
    return ordered(with_consensus(chosen_trials(rows, plans.runs, tables, rule), store))


def ordered(rows: pd.DataFrame) -> pd.DataFrame:
    """Return rows with the columns of the atlas, in their order, sorted by where and what they are."""
    known = [*WORDS, *COUNTS, *TRUTHS, *NUMBERS]
    found = sorted(c for c in rows if str(c).startswith(("validator_", "reference_validator_", "distance_", "signal_")))
    rows = rows.reindex(columns=[*known, *found])
    return rows.sort_values(["data_family", "dataset", "data_words", "pair", "protocol", "backbone", "classifier", "method",
                             "search", "trial", "seed", "run_key", "rule"], ignore_index=True)  # fmt: skip


def _told(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a cell's config says of the data and of their class shares."""
    own = config.get("dataset", {})
    shipped = _shipped(str(own.get("name", "")))
    changed = {
        k: own[k] for k, value in shipped.items() if k in own and own[k] != value and not isinstance(value, Mapping)
    }
    words = " ".join(f"{name}={in_words(value)}" for name, value in sorted(changed.items()))
    return {"data_words": words, "source_shares": config.get("protocol", {}).get("source_shares")}


@cache
def _shipped(name: str) -> dict[str, Any]:
    """Return what the shipped config of a data set sets; nothing for one of somebody's own."""
    path = conf_dir() / "dataset" / f"{name}.yaml"
    return yaml.safe_load(path.read_text("utf-8")) if path.is_file() else {}


def _with_what_was_known(rows: pd.DataFrame, tables: Tables) -> pd.DataFrame:
    """Add validators of run and reference, distances of the pair, and signals."""
    looks = tables.checkpoints.sort_values("step").drop_duplicates("run_key", keep="last").set_index("run_key")
    looks = looks.drop(columns=["step", "oracle_score"], errors="ignore").dropna(axis=1, how="all")
    rows = rows.join(looks.add_prefix("validator_"), on="run_key")
    rows = rows.join(looks.add_prefix("reference_validator_"), on="reference_run")
    raw = tables.distances[tables.distances["features"] == "raw"].drop_duplicates("run_key").set_index("run_key")
    raw = raw.drop(columns="features").map(_number).dropna(axis=1, how="all")
    plain = rows.get("run_over_source_only", rows["reference_run"]).fillna(rows["reference_run"])
    rows = rows.assign(_plain=plain.where(plain.isin(raw.index), rows["run_key"]))
    rows = rows.join(raw.add_prefix("distance_"), on="_plain").drop(columns="_plain")
    signals = tables.signals
    if signals.empty:
        return rows
    own = signals.set_index(PLACES).map(_number).dropna(axis=1, how="all")
    return rows.join(own[~own.index.duplicated()].add_prefix("signal_"), on=PLACES)


def _number(value: Any) -> float | None:
    """Return a plain number; None for words and lists."""
    return float(value) if isinstance(value, int | float) else None
