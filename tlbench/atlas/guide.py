"""docs/atlas.md: its words are written by hand, the numbers between its marks come from the table."""

from __future__ import annotations

import re
from collections.abc import Callable

import pandas as pd

from tlbench.atlas.atlas_cells import plain_cells
from tlbench.atlas.atlas_ranks import ranks
from tlbench.atlas.atlas_words import ALIKE, Atlas, in_texts, lines_of
from tlbench.atlas.foresight import foresight
from tlbench.atlas.harm import FEWEST, harm, policies
from tlbench.atlas.truths import by_class_shares
from tlbench.errors import TlbenchError

MARK = re.compile(r"<!-- atlas: (\w+) -->\n.*?<!-- end -->", re.DOTALL)
FEW = 8


def renewed(text: str, found: Atlas) -> str:
    """Return the guide with what stands between its marks made anew. Raises TlbenchError for a mark that nothing makes."""

    def anew(match: re.Match[str]) -> str:
        name = match[1]
        if name not in BLOCKS:
            raise TlbenchError(f"docs/atlas.md has the mark '{name}'. Known: {', '.join(BLOCKS)}.")
        return "\n".join([f"<!-- atlas: {name} -->", *BLOCKS[name](found), "<!-- end -->"])

    return MARK.sub(anew, text)


def _in_short(found: Atlas) -> list[str]:
    cells = plain_cells(found.cells)
    whole = harm(cells, []).iloc[0]
    table = policies(cells).set_index("policy")
    never, always, oracle = (table["score"][name] for name in ("never", "always", "ORACLE"))
    return [
        f"Over {len(cells):,} cells with the defaults, in {int(whole['families'])} families of data, adapting lowered accuracy "
        f"in {whole['below']:.0f} % (beyond noise in {whole['hurt']:.0f} %; it helped beyond noise in {whole['helped']:.0f} %). "
        f"Never adapting scores {never:.1f} %, always {always:.1f}, and who knew the sign beforehand {oracle:.1f} (ORACLE).",
        "",
    ]


def _first(found: Atlas) -> list[str]:
    ranked = ranks(found.cells)
    if ranked is None:
        return ["Too few families have the same methods.", ""]
    table = ranked[0]
    below = harm(plain_cells(found.cells), ["method"]).set_index("method")
    shown = table.assign(
        below=table["method"].map(below["below"]), worst=table["method"].map(below["worst"]),
        interval=[f"{r.rank_low:.1f} to {r.rank_high:.1f}" for r in table.itertuples()],
    )  # fmt: skip
    never = shown.index[shown["method"] == "(never adapt)"]
    return lines_of(in_texts(shown[(shown.index < FEW) | shown.index.isin(never)], {
        "method": ("method", "word"), "mean rank": ("rank", "points"), "95 %": ("interval", "word"),
        "mean gain": ("gain", "gain"),
        "gain < 0, % of cells": ("below", "percent"), "worst 5 %": ("worst", "gain"),
    }))  # fmt: skip


def _worst(found: Atlas) -> list[str]:
    table = harm(plain_cells(found.cells), ["method"])
    return [ALIKE, "", *lines_of(in_texts(table[table["families"] >= FEWEST], {
        "method": ("method", "word"), "gain < 0, % of cells": ("below", "percent"), "mean gain": ("gain", "gain"),
        "worst 5 %": ("worst", "gain"),
    }, FEW))]  # fmt: skip


def _shares(found: Atlas) -> list[str]:
    return lines_of(in_texts(by_class_shares(found.cells), {
        "method": ("method", "word"), "gain, shares as they are": ("as_they_are", "gain"),
        "shares drawn anew": ("drawn", "gain"),
        "gain < 0 then, % of places": ("below_drawn", "percent"),
    }))  # fmt: skip


def _signs(found: Atlas) -> list[str]:
    table = foresight(plain_cells(found.cells))
    own = table[~table["candidate"].str.contains("oracle_")] if len(table) else pd.DataFrame()
    if own.empty:
        return ["Too few families have cells of both signs.", ""]
    return lines_of(in_texts(own, {
        "what": ("candidate", "word"), "AUROC": ("auroc", "area"), "gain beyond noise": ("beyond_noise", "area"),
    }, FEW))  # fmt: skip


BLOCKS: dict[str, Callable[[Atlas], list[str]]] = {
    "in_short": _in_short, "first": _first, "worst": _worst, "shares": _shares, "signs": _signs,
}  # fmt: skip
