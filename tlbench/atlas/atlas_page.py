"""The page of the atlas: how often each method hurts, by how much, where and why, and whether one would have known."""

from __future__ import annotations

from collections.abc import Iterator

from tlbench.atlas.atlas_answers import fine_tuning_lines, hole_lines, known_lines, rank_lines, tuning_lines
from tlbench.atlas.atlas_cells import default_cells, plain_cells
from tlbench.atlas.atlas_words import ALIKE, Atlas, in_texts, lines_of, wide_texts
from tlbench.atlas.harm import harm, policies
from tlbench.atlas.truths import by_class_shares, by_known_shift

Lines = Iterator[str]
HARM = {
    "cells": ("cells", "count"), "families": ("families", "count"), "gain < 0, % of cells": ("below", "percent"),
    "beyond noise: hurt, %": ("hurt", "percent"), "helped, %": ("helped", "percent"), "mean gain": ("gain", "gain"),
    "worst 5 %": ("worst", "gain"),
}  # fmt: skip
GROUPS = {"kind of method": "family", "setting": "setting", "classifier or head": "classifier"}


def page(found: Atlas) -> str:
    """Write the page in Markdown."""
    parts = (_head, _how_often, _where, _why, rank_lines, tuning_lines, fine_tuning_lines, known_lines, hole_lines)
    return "\n".join(line for part in parts for line in part(found))


def _head(found: Atlas) -> Lines:
    rows, cells = found.rows, found.cells
    below, beyond = 100 * (cells["gain"] < 0).mean(), 100 * (cells["verdict"] == "hurt").mean()
    yield from ("# An atlas of negative transfer", "")
    yield (
        f"{len(rows):,} runs, {len(cells):,} cells (all seeds of a data set, pair, protocol, backbone, classifier and method), "
        f"{cells['method'].nunique()} methods, {cells['dataset'].nunique()} data sets in {cells['data_family'].nunique()} "
        f"families of data, {int(cells['source_shares'].notna().sum()):,} cells with the source's class shares drawn anew. A "
        "gain is accuracy minus that of the matched reference, in points, selection `last`. It is below 0 in "
        f"{below:.0f} % of the cells, and beyond noise in {beyond:.0f} % (5 %, Benjamini and Hochberg over all cells)."
    )
    yield from ("", "```sh", "tlbench reproduce atlas          # or with --part NAME; goes on where it was interrupted")
    yield from ("tlbench atlas add STORE          # your own runs, checked", "```", "")
    yield "`atlas.parquet` has a row a run: [columns](../../tlbench/atlas/atlas_rows.py), [what they mean](../../docs/atlas.md)."
    yield ""
    shown = {"policy": ("policy", "word"), "accuracy, %": ("score", "points"), "over never": ("over_never", "gain")}
    yield from lines_of(in_texts(policies(default_cells(cells)), shown))


def _how_often(found: Atlas) -> Lines:
    yield from ("## How often does each method hurt, and by how much", "", ALIKE, "")
    shown = {name: (name, "word") for name in ("method", "family", "setting")}
    yield from lines_of(in_texts(harm(plain_cells(found.cells), list(shown)), {**shown, **HARM}))


def _where(found: Atlas) -> Lines:
    cells = plain_cells(found.cells)
    yield from ("## Where", "", "![mean gain of each method on each family of data](gains.svg)", "")
    own = {heading: told for heading, told in HARM.items() if heading != "families"}
    yield from lines_of(in_texts(harm(cells, ["data_family"]), {"family of data": ("data_family", "word"), **own}))
    for title, column in GROUPS.items():
        yield from lines_of(in_texts(harm(cells, [column]), {title: (column, "word"), **HARM}))


def _why(found: Atlas) -> Lines:
    yield from ("## Why: which shift", "")
    known = by_known_shift(found.cells)
    if len(known):
        yield from (
            "On `gaussian_shifts` the shift is known. Mean gains in points, over classifiers and strengths:",
            "",
        )
        yield from lines_of(wide_texts(known))
    shares = by_class_shares(found.cells)
    if len(shares):
        yield from (f"The same places with the source's class shares drawn anew (Dirichlet). {ALIKE}", "")
        columns = {
            "method": ("method", "word"), "places": ("places", "count"), "gain, as they are": ("as_they_are", "gain"),
            "drawn anew": ("drawn", "gain"), "change": ("change", "gain"),
            "gain < 0, as they are, %": ("below_as_they_are", "percent"), "drawn anew, %": ("below_drawn", "percent"),
        }  # fmt: skip
        yield from lines_of(in_texts(shares, columns))
