"""`tlbench store check`, `unpack`, `export` and `compact`: the words, the files and the exit status."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import yaml

from tlbench.config.keys import key_of_stored
from tlbench.errors import TlbenchError
from tlbench.paths import conf_dir
from tlbench.store.check_run import remedy
from tlbench.store.check_store import check_store
from tlbench.store.plans import configs_of, planned
from tlbench.store.reading import Damaged, StoreReader
from tlbench.store.run_files import lay_out
from tlbench.store.runs import RunStore, opened_store
from tlbench.store.setting_columns import with_settings
from tlbench.store.table import compact, read_tables


def check(folder: str) -> int:
    """Print what is wrong, a line each; return 0 only if nothing is."""
    found = check_store(opened_store(folder), wrong_key)
    for problem in found.problems:
        print(problem.line())
    counts = ", ".join(f"{n} {status}" for status, n in sorted(found.statuses.items())) or "none"
    older = f"; {found.n_older} of another version of tlbench are left alone" if found.n_older else ""
    print(f"Runs: {counts}{older}.")
    print("All is well." if not found.problems else f"{len(found.problems)} problems.")
    return 1 if found.problems else 0


def wrong_key(store: StoreReader, key: str, record: dict[str, Any]) -> str | None:
    """Tell what is wrong where the config of a run is not that of its key."""
    try:
        found = key_of_stored(store.config(key), record)
    except Damaged:  # told already
        return None
    if found is None or found == key:
        return None
    return f"is the config of run {found}, not of this one; {remedy(store, key)}"


def make_index(folder: str) -> int:
    """Write or renew the index."""
    store = opened_store(folder)
    try:
        path, n = compact(store)
    except OSError as error:
        raise TlbenchError(f"Store '{folder}' cannot be written ({error.strerror}).") from error
    print(f"{path}: {n} runs, {path.stat().st_size / 2**20:.1f} MiB. Reports use it by themselves; it may be deleted.")
    return 0


def unpack(folder: str, run: str, out: str | None) -> int:
    """Lay the files of a run out as a folder."""
    store = opened_store(folder)
    key = store.whole_key(run)
    to = Path(out or key)
    if to.exists():
        raise TlbenchError(f"'{to}' is there already. Set by --out; choose another folder.")
    try:
        lay_out(to, {name: store.part(key, name) for name in store.part_names(key)})
    except ValueError as error:
        raise TlbenchError(f"{store.path(key)} is damaged ({error}). {store.remedy(key)}") from error
    except OSError as error:
        raise TlbenchError(f"'{to}' cannot be written ({error.strerror}). Set by --out.") from error
    print(f"{to}: {', '.join(sorted(store.part_names(key)))}")
    return 0


def export(folder: str, *, csv: str | None, parquet: str | None, to_wandb: bool, project: str | None,
           entity: str | None, out: str) -> int:  # fmt: skip
    """Write the tidy table into files, or everything to Weights & Biases."""
    store = opened_store(folder)
    if not (csv or parquet or to_wandb):
        raise TlbenchError("Nothing to export to: give --csv FILE, --parquet FILE or --wandb.")
    runs = read_tables(store, verify=True).runs
    if runs.empty:
        raise TlbenchError(f"Store '{folder}' holds no runs.")
    runs = with_settings(runs, configs_of(store, runs, planned(store)))
    for name, write in ((csv, runs.to_csv), (parquet, runs.to_parquet)):
        if name:
            path = Path(name)
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                write(path, index=False)
            except OSError as error:
                raise TlbenchError(f"'{name}' cannot be written ({error.strerror}).") from error
            print(f"wrote {path}: {len(runs)} rows")
    if to_wandb:
        _to_wandb(store, project, entity, Path(out))
    return 0


def _to_wandb(store: RunStore, project: str | None, entity: str | None, out: Path) -> None:
    from tlbench.loggers.wandb_export import Ledger, Target, export_runs
    from tlbench.loggers.wandb_mode import mode
    from tlbench.reporting.wandb_summary import log_summary_of_store
    from tlbench.running.setup import logger_of

    logger = yaml.safe_load((conf_dir() / "logger" / "wandb.yaml").read_text("utf-8"))
    target = Target({**logger, "name": "wandb", "project": project or logger["project"], "entity": entity}, out)
    ledger = Ledger(target)
    new, old = export_runs(store, target, ledger, logger_of)
    log_summary_of_store(store, target, ledger)
    print(f"W&B project {target.project}, {mode()}: {new} runs exported, {old} were there.")
    if mode() == "offline":
        print(f"The run folders are in {out / 'wandb'}. Upload them: wandb sync {out / 'wandb'}/offline-run-*")


WANDB = "tlbench.loggers.wandb.wandb_logger"


def log_sweep(outcome: Any) -> None:
    """Log the tables of a sweep's runs and cells and its report into the group of its runs.

    Nothing where no run was logged to W&B, or none was done now. A log that fails costs the sweep nothing.
    """
    logged = [job.config for job in outcome.jobs if job.config.logger.get("_target_") == WANDB]
    if not logged or not outcome.ran:
        return
    try:
        from tlbench.loggers.wandb_export import Target
        from tlbench.loggers.wandb_mode import mode
        from tlbench.reporting.wandb_summary import log_summary_of_sweep

        if mode() == "disabled":
            return
        folder = outcome.store.root / "plans" / "sweeps" / "logs"  # where the `wandb sync` below finds it
        print("Summing the sweep up in Weights & Biases ...", file=sys.stderr, flush=True)
        keys, first, store = [job.key for job in outcome.jobs], logged[0], outcome.store
        target = Target(first.logger, folder)
        how = log_summary_of_sweep(store, keys, outcome.name, first.group, first.selection.rule, target)
        if how == "offline":
            print(f"Offline: `wandb sync {store.root}/*/*/logs/wandb/offline-run-*` uploads later.", file=sys.stderr)
    except Exception as error:
        reason = f"{type(error).__name__}: {' '.join(str(error).split())}"
        print(f"tlbench: the sweep's W&B summary failed, its runs are kept: {reason}", file=sys.stderr)
