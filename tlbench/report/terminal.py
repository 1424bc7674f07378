"""The leaderboard in the terminal."""

from __future__ import annotations

import pandas as pd
from rich.console import Console
from rich.table import Table
from rich.text import Text

from tlbench.report.grid import Grid, grids
from tlbench.report.words import MEANING, cell_text, legend, method_name, plus_minus, unanimous

COLOUR = {
    "negative": "bold red", "positive": "bold green", "no_effect": "cyan", "inconclusive": "dim", "few_seeds": "dim", "": "",
}  # fmt: skip


def print_leaderboard(cells: pd.DataFrame, selection: str, alpha: float, console: Console) -> None:
    """A table for each block, then what helped, what hurt and what is missing."""
    if cells.empty:
        console.print("The store holds no runs.")
        return
    for grid in grids(cells):
        console.print(_table(grid))
    console.print(legend(alpha, int(cells["n_tests"].iloc[0]), selection), style="dim")
    for flag in ("negative", "positive"):
        found = cells[cells["flag"] == flag].sort_values("gain", ascending=flag == "negative")
        heading = MEANING[flag].split(":")[0] if flag == "negative" else "transfer helps"
        console.print(f"\n[bold]{heading}[/]: {len(found)} of {int(cells['gain'].notna().sum())} cells")
        for cell in found.itertuples():
            line = f"  {method_name(cell)} on {cell.pair}: {plus_minus(cell.gain, cell.gain_half, signed=True)} over "
            console.print(Text(f"{line}{cell.reference}, corrected p = {cell.p_holm:.2g}", style=COLOUR[flag]))
        for cell in unanimous(cells, flag).itertuples():
            line = f"  {method_name(cell)} on {cell.pair}: {plus_minus(cell.gain, cell.gain_half, signed=True)} over "
            console.print(
                Text(
                    f"{line}{cell.reference}: no flag over seeds after Holm, but each of its {cell.n_seeds} runs is "
                    "beyond noise by itself"
                )
            )
    holes = cells[cells["hole"] != ""]
    if len(holes):
        console.print(f"\n[bold]not complete[/]: {len(holes)} of {len(cells)} cells")
        for cell in holes.itertuples():
            console.print(Text(f"  {method_name(cell)} on {cell.pair}: {cell.hole}", style="yellow"))


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
    if len(grid.pairs) > 1:
        means = [grid.average[method] for method in grid.methods]
        signed = [Text("" if pd.isna(g) else f"\n{g:+.1f}") for _, g in means]
        averages = [Text(plus_minus(a, float("nan"))) + s for (a, _), s in zip(means, signed, strict=True)]
        table.add_section()
        table.add_row("average", *averages, style="bold")
    return table


def _text(grid: Grid, pair: str, method: str) -> Text:
    cell = grid.cells.get((pair, method))
    if cell is None:
        return Text("–")
    accuracy, gain = cell_text(cell)
    return Text(accuracy) + (Text(f"\n{gain}", style=COLOUR[cell.flag]) if gain else Text(""))
