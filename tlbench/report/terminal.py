"""The leaderboard in the terminal."""

from __future__ import annotations

from typing import Any

import pandas as pd
from rich.console import Console
from rich.table import Table
from rich.text import Text

from tlbench.findings.evidence import Evidence
from tlbench.findings.flags import MEANING, unanimous
from tlbench.findings.grid import Grid, grids
from tlbench.findings.names import method_name
from tlbench.findings.number_format import p_text, plus_minus, points
from tlbench.report.words import cell_text, legend
from tlbench.transfer.cells import CORRECTIONS

COLOUR = {
    "negative": "bold red", "positive": "bold green", "no_effect": "cyan", "inconclusive": "dim", "few_seeds": "dim", "": "",
}  # fmt: skip


def print_leaderboard(found: Evidence, console: Console) -> None:
    """A table for each block, then what hurt and why, what helped and what is missing."""
    cells, rule = found.cells, found.rule
    if cells.empty:
        console.print("The store holds no runs.")
        return
    for grid in grids(cells):
        console.print(_table(grid))
    methods = cells[cells["role"] == "method"]
    console.print(legend(rule, int(methods["n_tests"].max()) if len(methods) else 0), style="dim")
    why = dict(zip(found.causes["cell_key"], found.causes["cause"] + ": " + found.causes["evidence"], strict=True))
    for flag in ("negative", "positive"):
        flagged = methods[methods["flag"] == flag].sort_values("gain", ascending=flag == "negative")
        heading = MEANING[flag].split(":")[0] if flag == "negative" else "transfer helps"
        console.print(f"\n[bold]{heading}[/]: {len(flagged)} of {int(methods['gain'].notna().sum())} cells")
        for cell in flagged.itertuples():
            console.print(Text(f"{_line(cell)}, corrected p = {p_text(cell.p_corrected)}", style=COLOUR[flag]))
            if cell.cell_key in why:
                console.print(Text(f"    {why[cell.cell_key]}", style="dim"))
        for cell in unanimous(cells, flag).itertuples():
            console.print(
                Text(
                    f"{_line(cell)}: no flag over seeds and examples after {CORRECTIONS[rule.correction]}, but each of its "
                    f"{cell.n_seeds} runs is beyond noise by itself"
                )
            )
    if len(found.collapsed):
        console.print(f"\n[bold]classes that lose in cells that do not[/]: {len(found.collapsed)}")
        for row in found.collapsed.head(10).rename(columns={"class": "label"}).itertuples():
            lost = points(row.class_gain, signed=True)
            console.print(Text(f"  class {row.label} of {method_name(row)} on {row.pair}: {lost}"))
    holes = cells[cells["hole"] != ""]
    if len(holes):
        console.print(f"\n[bold]not complete[/]: {len(holes)} of {len(cells)} cells")
        for cell in holes.itertuples():
            console.print(Text(f"  {method_name(cell)} on {cell.pair}, {cell.protocol}: {cell.hole}", style="yellow"))
    if found.n_unfinished:
        console.print(f"\n[bold]not done[/]: {found.n_unfinished} runs of trials; see Hyper-parameters in the page")
    for note in found.notes:
        console.print(Text(f"\n{note}", style="dim"))


def _line(cell: Any) -> str:
    gain = plus_minus(cell.gain, cell.gain_half, signed=True)
    return f"  {method_name(cell)} on {cell.pair}, {cell.protocol}: {gain} over {cell.reference}"


def _table(grid: Grid) -> Table:
    caption = f"gains are over {grid.reference}" if grid.reference else None
    table = Table(title=Text(grid.title), title_justify="left", caption=caption, caption_justify="left")
    table.add_column("pair")
    for method in grid.methods:
        table.add_column(
            Text(method), justify="right"
        )  # not a string: rich would take the variant's brackets for markup
    for pair in grid.pairs:
        table.add_row(Text(pair), *[_text(grid, pair, method) for method in grid.methods])
    for name, means in grid.averages.items() if len(grid.pairs) > 1 else ():
        own = [means[method] for method in grid.methods]
        table.add_section()
        table.add_row(
            name,
            *[Text(points(a) + ("" if pd.isna(g) else f"\n{points(g, signed=True)}")) for a, g in own],
            style="bold",
        )
    return table


def _text(grid: Grid, pair: str, method: str) -> Text:
    cell = grid.cells.get((pair, method))
    if cell is None:
        return Text("–")
    accuracy, gain = cell_text(cell)
    return Text(accuracy) + (Text(f"\n{gain}", style=COLOUR[cell.flag]) if gain else Text(""))
