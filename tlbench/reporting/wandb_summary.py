"""What a store, or the runs of a sweep, come to, as a run of Weights & Biases."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import PurePath

from tlbench.findings.evidence import Evidence
from tlbench.findings.rule import rule_of
from tlbench.loggers.wandb_export import TABLE_ROWS, Ledger, Summary, Target, log_summary, store_id
from tlbench.loggers.wandb_mode import mode
from tlbench.reporting.analysis import Analysis, analyse
from tlbench.reporting.command import provenance
from tlbench.reporting.html import to_html
from tlbench.selection.rules import ORACLE
from tlbench.store.plans import Planned, planned
from tlbench.store.runs import RunStore
from tlbench.store.table import read_tables


def log_summary_of_store(store: RunStore, target: Target, ledger: Ledger) -> None:
    """Log the summary of all runs, unless it is there for the store as it is now."""
    whole = hashlib.sha256(json.dumps(store.stamps()).encode()).hexdigest()
    if ledger.has(store_id(store), whole):
        return
    tables = read_tables(store, verify=True)
    found = analyse(store, tables, rule_of(tables.runs, "last", "holm", None))
    about = {"id": f"summary-{store_id(store)}", "name": f"summary of {PurePath(store.where).name}"}
    log_summary(_summary(store, found), target, mode(), about)
    ledger.note(store_id(store), whole)


def log_summary_of_sweep(
    store: RunStore, keys: Sequence[str], name: str, group: str, selection: str, target: Target
) -> str:
    """Log the summary of a sweep's runs, in their group; once more where the same sweep has gone on. Return `mode`'s answer."""
    how = mode()
    tables, plans = read_tables(store, keys, verify=True), planned(store)
    kept = plans.runs[plans.runs["run_key"].isin(set(keys))]
    rule = rule_of(tables.runs, selection, "holm", None)
    found = analyse(store, tables, rule, plans=Planned(kept, plans.configs))
    digest = hashlib.sha256(f"{group}\n{name}".encode()).hexdigest()[:8]
    about = {"id": f"summary-{store_id(store)}-{digest}", "name": f"summary of {name}", "group": group or name}
    log_summary(_summary(store, found), target, how, about)
    return how


def _summary(store: RunStore, found: Analysis) -> Summary:
    tables = {"runs": found.evidence.runs, "cells": found.evidence.cells}
    files = {"report.html": to_html(found, provenance(store, tables["runs"]))}
    files |= {f"{name}.csv": table.to_csv(index=False) for name, table in tables.items()}
    oracle = bool(tables["cells"]["uses_target_labels"].any()) or found.evidence.rule.selection == ORACLE
    return Summary(tables, _summary_numbers(found.evidence), files, oracle)


def _summary_numbers(found: Evidence) -> dict[str, int | str]:
    """Count runs by status and cells by flag, and say under which selection."""
    states = found.runs.drop_duplicates("run_key")["status"].value_counts()
    flags = found.cells["flag"].value_counts()
    counts: dict[str, int | str] = {f"runs/{state}": int(n) for state, n in states.items()}
    counts |= {f"cells/{flag}": int(n) for flag, n in flags.items() if flag}
    holes = int((found.cells["hole"] != "").sum())
    return counts | {
        "selection/rule": found.rule.selection,
        "cells/all": len(found.cells),
        "cells/holes": holes,
        "tables/capped": int(len(found.runs) > TABLE_ROWS),
    }
