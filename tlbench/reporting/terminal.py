"""The leaderboard in the terminal."""

from __future__ import annotations

from dataclasses import replace

from rich.console import Console
from rich.table import Table
from rich.text import Text

from tlbench.findings.evidence import Evidence
from tlbench.findings.grid import Grid, folded, grids
from tlbench.findings.names import method_name, pair_title
from tlbench.findings.number_format import points
from tlbench.findings.overview import overview
from tlbench.reporting.words import average_text, cell_text, legend, warning_text
from tlbench.transfer.crossed_gain import CORRECTIONS

WIDTH = 120
"""Columns that a table fills at most."""
WIDEST = 28
"""Of these, a method's; longer names and reasons are broken."""
COLOUR = {
    "negative": "bold red", "positive": "bold green", "no_effect": "cyan", "inconclusive": "dim", "few_seeds": "dim", "": "",
}  # fmt: skip


def print_leaderboard(found: Evidence, console: Console) -> None:
    """Print a table for each block, then what hurt and why, what helped and what is missing."""
    cells, first = found.cells, overview(found)
    if cells.empty:
        console.print(first.headline)
        return
    for grid in grids(cells):
        for part, methods in enumerate(folded(grid.methods, _most(grid))):
            console.print(_table(replace(grid, methods=methods, title="" if part else grid.title)))
    console.print(legend(found), style="dim")
    unsure = f"no flag over seeds and examples after {CORRECTIONS[found.rule.correction]}, but each of its runs is beyond noise"
    headings = {"negative": "negative transfer", "positive": "transfer helps"}
    for flag, told in (("negative", first.negative), ("positive", first.positive)):
        console.print(f"\n[bold]{headings[flag]}[/]: {len(told)} of {first.n_compared} cells")
        for cell in told:
            console.print(Text(f"  {cell.method} on {cell.text}", style=COLOUR[flag]))
            if cell.cause:
                console.print(Text(f"    {cell.cause}: {cell.evidence}", style="dim"))
        for cell in first.alone[flag]:
            console.print(Text(f"  {cell.method} on {cell.text}: {unsure} by itself"))
    if len(found.collapsed):
        console.print(f"\n[bold]classes that lose in cells that do not[/]: {len(found.collapsed)}")
        for row in found.collapsed.head(10).rename(columns={"class": "label"}).itertuples():
            lost = points(row.class_gain, signed=True)
            console.print(Text(f"  class {row.label} of {method_name(row)} on {pair_title(row.pair)}: {lost}"))
    if first.missing:
        console.print(f"\n[bold]not complete[/]: {first.n_holes} of {len(cells)} cells")
        for text in first.missing:
            console.print(Text(f"  {text}", style="yellow"))


def _most(grid: Grid) -> int:
    """Return how many methods stand beside each other in WIDTH columns."""
    cells = [grid.cells.get((pair, method)) for method in grid.methods for pair in grid.pairs]
    texts = [text for cell in cells for text in (*cell_text(cell), warning_text(cell))]
    each = 3 + min(WIDEST, max(map(len, [*grid.methods, *texts])))
    return max(1, (WIDTH - max(map(len, grid.pairs)) - 4) // each)


def _table(grid: Grid) -> Table:
    caption = f"gains are over {grid.reference}" if grid.reference else None
    table = Table(title=Text(grid.title), title_justify="left", caption=caption, caption_justify="left")
    table.add_column("pair")
    for method in grid.methods:  # not a string: rich would take the variant's brackets for markup
        table.add_column(Text(method), justify="right", max_width=WIDEST)
    for pair in grid.pairs:
        table.add_row(Text(pair), *[_text(grid, pair, method) for method in grid.methods])
    for name, means in grid.averages.items() if len(grid.pairs) > 1 else ():
        texts = [Text("\n".join(filter(None, average_text(*means[method])))) for method in grid.methods]
        table.add_section()
        table.add_row(name, *texts, style="bold")
    return table


def _text(grid: Grid, pair: str, method: str) -> Text:
    cell = grid.cells.get((pair, method))
    accuracy, gain = cell_text(cell)
    found = Text(accuracy)
    if cell is not None and gain:
        found += Text(f"\n{gain}", style=COLOUR[cell.flag])
    return found + Text(f"\n{warning}", style="dim") if (warning := warning_text(cell)) else found
