"""`tlbench report`: from a store to the terminal and to files."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path

from rich.console import Console

from tlbench.errors import TlbenchError
from tlbench.report.cells import expected_seeds, summarise, variant_names
from tlbench.report.formats import to_latex, to_markdown
from tlbench.report.html import to_html
from tlbench.report.terminal import print_leaderboard
from tlbench.results.store import RunStore
from tlbench.results.table import read_runs

ALPHA = 0.05


def make_report(store_dir: str, out_dir: str, formats: Sequence[str], selection: str) -> int:
    """Prints the leaderboard and writes the formats; 0 if every planned run is done, else 1."""
    store = RunStore(store_dir)
    if not store.root.is_dir():
        raise TlbenchError(
            f"Store '{store_dir}' does not exist. Set by --store or $TLBENCH_STORE; `tlbench sweep` fills it."
        )
    runs, planned = read_runs(store), expected_seeds(store)
    if runs.empty:
        raise TlbenchError(
            f"Store '{store_dir}' holds no runs. Set by --store or $TLBENCH_STORE; `tlbench sweep` fills it."
        )
    names = variant_names(store, runs)
    cells = summarise(runs, planned, selection=selection, alpha=ALPHA, variants=names)
    console = Console(width=None if os.isatty(1) else 200)
    print_leaderboard(cells, selection, ALPHA, console)
    first = store.record(store.run_keys()[0])
    assert first is not None
    provenance = {"store": store.root.name, **first["code"], **first["versions"]}
    writers: dict[str, tuple[str, Callable[[], str]]] = {
        "html": ("report.html", lambda: to_html(cells, runs, selection, ALPHA, provenance)),
        "md": ("report.md", lambda: to_markdown(cells, selection, ALPHA)),
        "latex": ("report.tex", lambda: to_latex(cells, selection, ALPHA)),
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
