"""`tlbench report`: from a store to the terminal and to files."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

import pandas as pd
from rich.console import Console

from tlbench.errors import TlbenchError
from tlbench.findings.notes import checks, notes
from tlbench.findings.rule import rule_of
from tlbench.findings.where import narrowed
from tlbench.reporting.analysis import Analysis, analyse
from tlbench.reporting.formats import to_latex, to_markdown
from tlbench.reporting.html import to_html
from tlbench.reporting.terminal import print_leaderboard
from tlbench.store.plans import planned
from tlbench.store.runs import RunStore, opened_store
from tlbench.store.setting_columns import with_settings
from tlbench.store.table import read_tables


def make_report(
    store_dir: str,
    out_dir: str,
    formats: Sequence[str],
    selection: str,
    *,
    correction: str = "holm",
    margin: float | None = None,
    mix_protocols: bool = False,
    where: Sequence[str] = (),
) -> int:
    """Print the leaderboard and write the formats; 0 if every planned run is done, else 1.

    Args:
        where: conditions on the runs that count, see `tlbench.findings.where`.
    """
    store = opened_store(store_dir)
    tables = read_tables(store, verify=True)
    if tables.runs.empty:
        why = " ".join(["", *notes(tables)])
        raise TlbenchError(
            f"Store '{store_dir}' holds no runs that can be read.{why} Set by --store or $TLBENCH_STORE; `tlbench sweep` "
            "fills it."
        )
    plans = planned(store)
    if where:
        tables, plans = narrowed(store, tables, plans, where)
    rule = rule_of(tables.runs, selection, correction, margin)
    found = analyse(store, tables, rule, mix_protocols=mix_protocols, plans=plans, conditions=where)
    console = Console(width=None if os.isatty(1) else 200)
    print_leaderboard(found.evidence, console)
    console.print(checks(tables, timed=True), style="dim", soft_wrap=True)
    writers: dict[str, Callable[[], Mapping[str, str | bytes]]] = {
        "html": lambda: {"report.html": to_html(found, {**provenance(store, tables.runs), "read": checks(tables)})},
        "md": lambda: {"report.md": to_markdown(found)},
        "latex": lambda: {"report.tex": to_latex(found)},
        "csv": lambda: csv_files(found),
        **{kind: partial(figure_files, found, kind) for kind in ("svg", "pdf", "png")},
    }
    out = Path(out_dir)
    try:
        for name in formats:
            files = writers[name]()
            for file, text in files.items():
                (out / file).parent.mkdir(parents=True, exist_ok=True)
                (out / file).write_bytes(text.encode() if isinstance(text, str) else text)
            if files:
                console.print(f"wrote {out / next(iter(files))}", style="dim", soft_wrap=True)
    except OSError as error:
        raise TlbenchError(f"'{out_dir}' cannot be written ({error.strerror}). Set by --out.") from error
    whole = (found.evidence.cells["hole"] == "").all() and not found.evidence.n_unfinished and not tables.damaged
    return 0 if whole else 1


def csv_files(found: Analysis) -> dict[str, str]:
    """Return the tidy table and the cells, both with every setting, and the data of each section, as CSV."""
    evidence = found.evidence
    files = {
        "runs.csv": with_settings(evidence.runs, evidence.configs),
        "tables/cells.csv": with_settings(evidence.cells, evidence.configs),
    }
    files |= {f"tables/{s.name}.csv": s.data for s in found.sections if s.data is not None}
    return {name: table.to_csv(index=False) for name, table in files.items()}


def figure_files(found: Analysis, kind: str) -> dict[str, bytes]:
    """Draw `figures/NAME.KIND` of every figure of the page, `kind` being svg, pdf or png."""
    from tlbench.reporting.figures.style import as_file  # matplotlib takes a second, and tables need none of it
    from tlbench.reporting.pictures import all_figures

    return {f"figures/{name}.{kind}": as_file(draw(), kind) for name, draw in all_figures(found).items()}


def provenance(store: RunStore, runs: pd.DataFrame) -> dict[str, object]:
    """Return what the foot of a page says of where its numbers come from."""
    first = store.record(str(runs["run_key"].iloc[0]))
    assert first is not None
    return {"store": Path(store.where).name, **first["code"], **first["versions"]}
