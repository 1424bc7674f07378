"""What a newcomer reads first: what was run, what hurt and why, what helped, what is missing, each method at a glance.

The same content for every page, the terminal and the dashboard; each lays it out in its own way.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from tlbench.findings.evidence import Evidence
from tlbench.findings.flags import unanimous
from tlbench.findings.names import method_name, pair_title, rule_name, seeds_of
from tlbench.findings.number_format import hurts, p_equals, plus_minus
from tlbench.listing import describe

Causes = Mapping[str, tuple[str, str]]
"""Cell key to its cause and the evidence."""
COUNTED = ("positive", "negative", "no_effect", "inconclusive", "few_seeds")


@dataclass(frozen=True)
class CellLine:
    """One cell in a line: the method, what happened to it where, and, where it hurt, why.

    Attributes:
        key: cell key.
        evidence: of the cause.
    """

    key: str
    method: str
    text: str
    cause: str = ""
    evidence: str = ""


@dataclass(frozen=True)
class Overview:
    """What a newcomer reads first.

    Attributes:
        headline: the answer in a sentence.
        facts: (what, which) of what was run.
        negative, positive: cells that are flagged, the greatest first.
        alone: flag to cells without a flag, each run of which is flagged by itself.
        methods: one row a method, as texts: method, mean gain, then how many pairs it helped, hurt, ...
        gains: one row a compared cell of these methods, in their order: method, pair, gain (points), flag.
        missing: what was planned and is not there, and why; cells come first.
        n_compared: cells of methods that have a gain.
        n_holes: cells among what is missing.
    """

    headline: str
    facts: list[tuple[str, str]]
    negative: list[CellLine]
    positive: list[CellLine]
    alone: dict[str, list[CellLine]]
    methods: pd.DataFrame
    gains: pd.DataFrame
    missing: list[str] = field(default_factory=list)
    n_compared: int = 0
    n_holes: int = 0


def overview(found: Evidence) -> Overview:
    """Gather what a newcomer reads first of a store."""
    cells = found.cells
    if cells.empty:
        return Overview("The store holds no runs.", [], [], [], {}, pd.DataFrame(), pd.DataFrame(), _missing(found))
    methods = cells[cells["role"] == "method"]
    why = {row.cell_key: (row.cause, row.evidence) for row in found.causes.itertuples()}
    varied = _varied(cells)
    flags = ("negative", "positive")
    negative, positive = (_lines(methods[methods["flag"] == flag], flag, why, varied) for flag in flags)
    alone = {flag: _lines(unanimous(cells, flag), flag, {}, varied) for flag in flags}
    n_compared, n_holes = int(methods["gain"].notna().sum()), int((cells["hole"] != "").sum())
    glance = at_a_glance(methods)
    told = (
        _headline(methods),
        _facts(found),
        negative,
        positive,
        alone,
        glance,
        _gains(methods, glance),
        _missing(found),
    )
    return Overview(*told, n_compared, n_holes)


def _varied(cells: pd.DataFrame) -> list[str]:
    return [name for name in ("dataset", "protocol", "backbone", "classifier") if cells[name].nunique() > 1]


def at_a_glance(methods: pd.DataFrame) -> pd.DataFrame:
    """Return one row a method and what it was run with, the best first: mean gain over its pairs, and their flags counted.

    Args:
        methods: the methods' rows of `summarise`'s table.

    Returns:
        method, gain (mean over pairs in points; nan while a pair is missing), over (the reference), n_pairs, and a count for
        each of COUNTED; gains over one reference stand together.
    """
    columns = ["method", "gain", "over", "n_pairs", *COUNTED]
    if methods.empty:
        return pd.DataFrame(columns=columns)
    rows = []
    for name, own in methods[["gain", "flag", "reference"]].groupby(_labels(methods), sort=False):
        gain = own["gain"].mean() if own["gain"].notna().all() else float("nan")
        counts = own["flag"].value_counts()
        over = ", ".join(sorted({str(r) for r in own["reference"].dropna()}))
        rows.append([name, gain, over, len(own), *(int(counts.get(flag, 0)) for flag in COUNTED)])
    found = pd.DataFrame(rows, columns=columns).assign(lone=lambda table: table["over"] == "")
    order = {"lone": True, "over": True, "gain": False}
    return found.sort_values(list(order), ascending=list(order.values()), ignore_index=True, kind="stable")[columns]


def _labels(methods: pd.DataFrame) -> pd.Series:
    """Name each cell's method, with what of its recipe is not the same everywhere."""
    where = methods[_varied(methods)].astype(str)
    names = [method_name(cell) for cell in methods.itertuples()]
    return pd.Series(
        [", ".join([n, *rest]) for n, rest in zip(names, where.to_numpy(), strict=True)], methods.index, dtype=object
    )


def _gains(methods: pd.DataFrame, glance: pd.DataFrame) -> pd.DataFrame:
    place = {name: i for i, name in enumerate(glance["method"])}
    found = methods.assign(method=_labels(methods))[["method", "pair", "gain", "flag"]].dropna(subset="gain")
    return found.sort_values("method", key=lambda names: names.map(place), kind="stable", ignore_index=True)


def _headline(methods: pd.DataFrame) -> str:
    known = methods[methods["gain"].notna()]
    if known.empty:
        return "No method has a gain yet: nothing was compared with a matched reference."
    n, counts = len(known), known["flag"].value_counts()
    unknown = n - sum(int(counts.get(flag, 0)) for flag in ("positive", "negative", "no_effect"))
    return (
        f"Of {n} comparisons of a method with its matched reference, transfer helped in {counts.get('positive', 0)}, hurt in "
        f"{counts.get('negative', 0)} and made no difference in {counts.get('no_effect', 0)}; in {unknown} the runs cannot tell."
    )


def _facts(found: Evidence) -> list[tuple[str, str]]:
    cells = found.cells
    named = {role: dict.fromkeys(map(method_name, own.itertuples())) for role, own in cells.groupby("role")}
    pairs = cells.groupby("dataset", sort=False)["pair"].unique()
    recipes = cells[["backbone", "classifier"]].drop_duplicates()
    facts = [
        ("data", "; ".join(f"{name}, {_pairs(list(own))}" for name, own in pairs.items())),
        ("methods", _some(list(named.get("method", ())))),
        ("references", _some(list(named.get("reference", ())))),
        ("seeds", _range(cells["n_expected"])),
        ("protocol", _described("protocol", cells["protocol"].unique())),
        ("recipe", "; ".join(f"backbone {b}, classifier {c}" for b, c in recipes.to_numpy())),
        ("checkpoint", _described("selection", [found.rule.selection])),
    ]
    return [(name, text) for name, text in facts if text]


def _described(group: str, names: Sequence[str]) -> str:
    """Join names with what their config says of them; a label such as `sampled, 3 shots` is looked up by its first word."""
    words = dict(describe(group))
    shown = [
        (rule_name(name) if group == "selection" else name, words.get(name.split(",")[0].split(" ")[0], ""))
        for name in map(str, names)
    ]
    return "; ".join(f"{name} ({text})" if text else name for name, text in shown)


def _pairs(names: Sequence[str]) -> str:
    """Name the pairs where there are few, else their number and their domains."""
    if len(names) <= 3:
        return f"source-target {_some(names)}"
    domains = dict.fromkeys(domain for name in names for domain in name.replace("+", "-").split("-"))
    return f"{len(names)} source-target pairs of {_some(list(domains))}"


def _some(names: Sequence[str]) -> str:
    listed = ", ".join(map(str, names[:12]))
    return listed if len(names) <= 12 else f"{listed} and {len(names) - 12} more ({len(names)} in all)"


def _range(values: pd.Series) -> str:
    low, high = int(values.min()), int(values.max())
    return f"{low}" if low == high else f"{low} to {high}"


def _lines(cells: pd.DataFrame, flag: str, why: Causes, varied: Sequence[str]) -> list[CellLine]:
    return [_line(cell, why, varied) for cell in cells.sort_values("gain", ascending=flag == "negative").itertuples()]


def _line(cell: Any, why: Causes, varied: Sequence[str]) -> CellLine:
    where = ", ".join([pair_title(cell.pair), *(getattr(cell, name) for name in varied)])
    p = f"corrected {p_equals(cell.p_corrected)}" if cell.flag in ("negative", "positive") else ""
    sure = ", ".join(filter(None, [seeds_of(cell), p, hurts(cell.warning)]))
    gain = plus_minus(cell.gain, cell.gain_half, signed=True)
    text = f"{where}: {gain} points over {cell.reference} ({sure})"
    return CellLine(str(cell.cell_key), method_name(cell), text, *why.get(cell.cell_key, ("", "")))


def _missing(found: Evidence) -> list[str]:
    cells, runs = found.cells, found.runs
    holes = [] if cells.empty else list(cells[cells["hole"] != ""].itertuples())
    texts = [f"{method_name(cell)} on {pair_title(cell.pair)}, {cell.protocol}: {cell.hole}" for cell in holes]
    bad = runs[runs["status"] != "done"].groupby(["status", "reason"], dropna=False).size()
    texts += [f"{n} {status}: {reason}" for (status, reason), n in bad.items()]
    if found.n_unfinished:
        texts.append(f"{found.n_unfinished} runs of trials of a search")
    return [*texts, *found.notes]
