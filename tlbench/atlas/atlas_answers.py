"""Parts of the atlas's page: ranks, tuning, fine-tuning, what would have warned, holes."""

from __future__ import annotations

from collections.abc import Iterator

from tlbench.atlas.atlas_cells import default_cells
from tlbench.atlas.atlas_ranks import ranks
from tlbench.atlas.atlas_rows import TUNED_BY
from tlbench.atlas.atlas_words import ALIKE, Atlas, in_texts, lines_of
from tlbench.atlas.foresight import foresight
from tlbench.atlas.holes import told_holes
from tlbench.atlas.tuning import tuned_beside_default, what_tuning_does

Lines = Iterator[str]


def rank_lines(found: Atlas) -> Lines:
    """Tell how methods rank over families of data."""
    ranked = ranks(found.cells)
    yield from ("## Ranks over families of data", "")
    if ranked is None:
        yield from ("Too few families have the same methods.", "")
        return
    table, tests = ranked
    yield (
        f"Mean gains of {tests.n_methods - 1} methods that {tests.n_pairs} families share (closed set, one source, defaults), "
        "ranked in each family beside not adapting; intervals: families resampled."
    )
    if tests.test == "friedman":
        yield f"Friedman's test of no difference: p = {tests.p:.2g}."
    yield ""
    shown = table.assign(interval=[f"{r.rank_low:.1f} to {r.rank_high:.1f}" for r in table.itertuples()])
    columns = {
        "method": ("method", "word"), "mean rank": ("rank", "points"), "95 %": ("interval", "word"),
        "mean gain": ("gain", "gain"),
    }  # fmt: skip
    yield from lines_of(in_texts(shown, columns))


def tuning_lines(found: Atlas) -> Lines:
    """Tell what a search changes."""
    both = tuned_beside_default(found.cells)
    yield from ("## Does tuning change the answer", "")
    if both.empty:
        yield from ("No search is in the atlas.", "")
        return
    trials = int(found.rows.loc[found.rows["tuned"].astype(bool), "n_trials"].max())
    yield (
        f"A search of {trials} trials for each method, its defaults the first, chosen pair by pair by `{TUNED_BY}`, which was "
        f"fixed before any trial was run; the same budget and rule for all. {ALIKE}"
    )
    yield ""
    columns = {
        "method": ("method", "word"), "places": ("places", "count"), "another trial chosen, %": ("moved", "percent"),
        "gain, defaults": ("default", "gain"), "tuned": ("tuned", "gain"), "change": ("change", "gain"),
        "gain < 0, defaults, %": ("below_default", "percent"), "tuned, %": ("below_tuned", "percent"),
    }  # fmt: skip
    yield from lines_of(in_texts(what_tuning_does(both), columns))


def fine_tuning_lines(found: Atlas) -> Lines:
    """Put the frozen network beside the fine-tuned one."""
    yield from ("## Frozen against fine-tuned", "")
    if found.fine_tuned.empty:
        yield from ("No fine-tuned network is beside the atlas.", "")
        return
    own = found.fine_tuned[found.fine_tuned["gain"].notna() & (found.fine_tuned["method"] != "source_only")]
    own = own.assign(below=own["gain"] < 0)
    gain, below = (
        own.pivot_table(index="method", columns="backbone", values=name, aggfunc="mean") for name in ("gain", "below")
    )
    yield (
        "EfficientNet-Lite0 with all stages frozen, and with the last two of eight trained, on the same pairs and seeds "
        "([frozen_lite0](../frozen_lite0/README.md)). Mean gain in points (share of pairs below 0):"
    )
    yield ""
    texts = gain.map("{:+.1f}".format) + " (" + below.map("{:.0%}".format) + ")"
    texts.insert(0, "method", texts.index)
    yield from lines_of(texts)


def known_lines(found: Atlas) -> Lines:
    """Tell what would have warned."""
    table = foresight(default_cells(found.cells))
    yield from ("## Would one have known", "")
    if table.empty:
        yield from ("Too few families have cells of both signs.", "")
        return
    yield (
        "Area under the ROC curve for gain < 0 over cells, one family of data left out in turn; each candidate's direction is "
        "learnt on the others. 0.5 is chance. Mean over families ± half a 95 % t interval. A difference is the method's "
        "validator minus its reference's. `oracle_` looks at target labels, and stands here as a bound."
    )
    yield from ("", "![areas under the curve](foresight.svg)", "")
    columns = {
        "candidate": ("candidate", "word"), "AUROC": ("auroc", "area"), "gain beyond noise": ("beyond_noise", "area"),
        "families": ("families", "count"), "cells": ("cells", "count"),
    }  # fmt: skip
    yield from lines_of(in_texts(table, columns))


def hole_lines(found: Atlas) -> Lines:
    """Name what is not there."""
    yield from ("## Holes", "")
    if found.holes.empty:
        yield from ("None: every run that was planned is there.", "")
        return
    yield from (f"{len(found.holes):,} runs that were planned are not there ([holes.csv](holes.csv)):", "")
    shown = {name: (name, "word") for name in ("method", "dataset", "status", "runs", "reason")}
    yield from lines_of(in_texts(told_holes(found.holes), shown))
