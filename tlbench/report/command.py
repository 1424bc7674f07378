"""`tlbench report`: from a store to the terminal and to files."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path

import pandas as pd
from rich.console import Console

from tlbench.errors import TlbenchError
from tlbench.report.cells import planned, summarise, variant_names
from tlbench.report.formats import to_latex, to_markdown
from tlbench.report.html import to_html
from tlbench.report.terminal import print_leaderboard
from tlbench.results.store import RunStore
from tlbench.results.table import read_runs


def level_of(runs: pd.DataFrame) -> float:
    """The alpha that the runs were compared at; 0.05 where none is compared. Raises TlbenchError for a mixture."""
    levels = sorted(runs["alpha"].dropna().unique())
    if len(levels) > 1:
        raise TlbenchError(
            f"This store's runs were compared at different levels, alpha = {', '.join(f'{a:g}' for a in levels)}. Run the "
            "sweeps again with one alpha=...; only the comparison is made anew."
        )
    return float(levels[0]) if levels else 0.05


def make_report(store_dir: str, out_dir: str, formats: Sequence[str], selection: str) -> int:
    """Prints the leaderboard and writes the formats; 0 if every planned run is done, else 1."""
    store = RunStore(store_dir)
    if not store.root.is_dir():
        raise TlbenchError(
            f"Store '{store_dir}' does not exist. Set by --store or $TLBENCH_STORE; `tlbench sweep` fills it."
        )
    runs, plans = read_runs(store), planned(store)
    if runs.empty:
        raise TlbenchError(
            f"Store '{store_dir}' holds no runs. Set by --store or $TLBENCH_STORE; `tlbench sweep` fills it."
        )
    alpha = level_of(runs)
    cells = summarise(runs, plans.runs, selection=selection, alpha=alpha, variants=variant_names(store, runs, plans))
    console = Console(width=None if os.isatty(1) else 200)
    print_leaderboard(cells, selection, alpha, console)
    first = store.record(store.run_keys()[0])
    assert first is not None
    provenance = {"store": store.root.name, **first["code"], **first["versions"]}
    writers: dict[str, tuple[str, Callable[[], str]]] = {
        "html": ("report.html", lambda: to_html(cells, runs, selection, alpha, provenance)),
        "md": ("report.md", lambda: to_markdown(cells, selection, alpha)),
        "latex": ("report.tex", lambda: to_latex(cells, selection, alpha)),
        "csv": ("runs.csv", lambda: runs.to_csv(index=False)),
    }
    out = Path(out_dir)
    try:
        out.mkdir(parents=True, exist_ok=True)
        for name in formats:
            file, text = writers[name]
            (out / file).write_text(text(), "utf-8")
            console.print(f"wrote {out / file}", style="dim", soft_wrap=True)
    except OSError as error:
        raise TlbenchError(f"'{out_dir}' cannot be written ({error.strerror}). Set by --out.") from error
    return 0 if (cells["hole"] == "").all() else 1
