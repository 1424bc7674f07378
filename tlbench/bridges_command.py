"""`tlbench bridges`: which domain to put between a source and a target, from unlabelled rows alone."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
from rich.console import Console
from rich.table import Table

from tlbench.errors import TlbenchError
from tlbench.running.candidates import candidates
from tlbench.sweeping.commands import planned_run
from tlbench.transfer.bridges import rank_bridges

CHANCE = 0.1
"""By so much a distance of 300 and 300 examples differs from draw to draw."""


def bridges(overrides: Sequence[str], config_dir: str | None, examples: int) -> int:
    """Print a row a candidate, the best first; 0."""
    found, console = ranked(overrides, config_dir, examples), Console(soft_wrap=True)
    pair, direct = found.attrs["pair"], found["source_to_target"].iloc[0]
    table = Table(title=f"Bridges of {pair}, by proxy A-distances of {found.attrs['of']}", title_justify="left")
    for name in ("rank", "bridge", "source to it", "it to target", "worst", "sum"):
        table.add_column(name, justify="left" if name == "bridge" else "right")
    for row in found.to_dict("records"):
        steps = [f"{row[name]:.2f}" for name in ("source_to_bridge", "bridge_to_target", "worst", "sum")]
        table.add_row(str(row["rank"]), row["bridge"], *steps)
    console.print(table)
    shorter = found.loc[found["worst"] < direct, "bridge"].tolist()
    said = f"both steps are shorter by {', '.join(shorter)}" if shorter else "no bridge has both steps shorter"
    console.print(f"Source to target: {direct:.2f}; {said}.", highlight=False)
    if caution := _caution(found):
        console.print(caution, highlight=False)
    return 0


def _caution(found: pd.DataFrame) -> str:
    """Return what is to be said of distances that do not tell the candidates apart."""
    if max(found["worst"].max(), found["source_to_target"].max()) < CHANCE:
        return (
            "A linear classifier tells no two of these domains apart, as where each was standardised by itself. "
            "Look before that: dataset.transforms=[row_l2], say."
        )
    if found["worst"].min() > 2 - CHANCE:
        return "A linear classifier tells all of these domains apart, so the distances are at their top and say little."
    if len(found) > 1 and found["worst"].max() - found["worst"].min() < CHANCE:
        return f"The candidates differ by less than {CHANCE:g}, which is chance."
    return ""


def ranked(overrides: Sequence[str], config_dir: str | None, examples: int) -> pd.DataFrame:
    """Rank all further domains of a data set as bridges of a pair.

    Returns:
        What `rank_bridges` returns; its `attrs` hold the `pair`, and `of`, what the rows are.

    Raises:
        TlbenchError: a setting is wrong, or there is nothing to rank.
    """
    if examples < 2:
        raise TlbenchError(f"A distance needs two or more examples of each domain, got {examples}. Set by --examples.")
    setup = planned_run(overrides, config_dir).setup
    rows = candidates(setup)
    try:
        found = rank_bridges(rows.source, rows.target, rows.bridges, seed=setup.config.seed, examples=examples)
    except ValueError as error:
        raise TlbenchError(f"The bridges of pair={setup.pair} cannot be ranked. {error}") from error
    found.attrs |= {"pair": str(setup.pair), "of": rows.of}
    return found
