"""The README of a reproduced table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from tlbench.findings.flags import FLAGS
from tlbench.findings.number_format import number, points
from tlbench.reproduce.claimed_table import NOT_PUBLISHED, Verdict
from tlbench.reproduce.decompose import PARTS
from tlbench.reproduce.published import AVERAGE
from tlbench.reproduce.recipe import Paper


@dataclass(frozen=True)
class Results:
    """What came of a table: `scores`, `compare`, `verdicts`, `matched_gains`, `judge_claims`, `decompose`."""

    runs: pd.DataFrame
    table: pd.DataFrame
    verdicts: Mapping[str, Verdict]
    gains: pd.DataFrame
    claims: pd.DataFrame
    parts: pd.DataFrame


def page(name: str, paper: Paper, found: Results, compared: pd.DataFrame, status: Mapping[str, Any]) -> str:
    """Write, in Markdown, what was done, claimed beside got, verdicts, claims, gains and their parts, departures, origin."""
    table, verdicts = found.table, found.verdicts
    lines = [
        f"# {paper.title}",
        "",
        f"{paper.citation} <{paper.link}>",
        "",
        paper.protocol,
        "",
        "```sh",
        f"tlbench reproduce {name}",
        "```",
        "",
        "## Claimed and got",
        "",
        "Accuracy in %: published → got, mean over seeds (sd in brackets where there are several).",
        "",
        *_accuracies(paper, table),
        "",
    ]
    rows = [(row, verdict.word, verdict.why, paper.rows[row].page) for row, verdict in verdicts.items()]
    lines += _table(("row", "verdict", "numbers", "set by"), rows)
    lines += [
        "",
        *(f"Tolerance of {row}: {own.tolerance.why}" for row, own in paper.rows.items() if own.tolerance is not None),
    ]
    if (found.runs["trial"] != "").any():
        lines += ["", "What a search chose for each pair, without target labels:", "", *_chosen(found.runs)]
    if len(found.claims):
        lines += ["", "## Claims of the paper", "", *_claims(paper, found.claims)]
    if len(compared):
        one_run = int(table["n"].max()) == 1
        lines += ["", "## Gains: as published, and matched", "", *_gains(compared, found.gains, one_run=one_run)]
    if len(found.parts):
        lines += ["", "## What the gains are made of", "", *_parts(found.parts)]
    departures = [f"{i}. {text}" for i, text in enumerate(paper.departures, 1)] or ["None known."]
    lines += ["", "## Departures", "", *departures]
    if paper.findings:
        lines += ["", "## Findings", "", *(f"* {text}" for text in paper.findings)]
    lines += ["", "## How it came about", "", *_status(status), ""]
    if table["published"].notna().any():
        lines += ["![claimed against got](claimed_got.svg)", ""]
    return "\n".join(lines)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    first, *others = (f"| {' | '.join(cells)} |" for cells in (head, *rows))
    return [first, "|---" * len(head) + "|", *others]


def _accuracies(paper: Paper, table: pd.DataFrame) -> list[str]:
    rows = [row for row in paper.rows if row in set(table["row"])]
    cells = {(r.row, r.part, r.pair): r for r in table.itertuples()}
    places = list(dict.fromkeys((r.part, r.pair) for r in table.itertuples() if r.pair != AVERAGE))
    several = len(paper.parts) > 1
    lines = []
    for part, pair in [*places, ("", AVERAGE)]:
        title = f"**{pair}**" if pair == AVERAGE else f"{part}: {pair}" if several else pair
        lines.append([title, *(_cell(cells.get((row, part, pair))) for row in rows)])
    return _table(["pair", *rows], lines)


def _cell(cell: Any) -> str:
    if cell is None:
        return "–"
    spread = f" ({cell.got_sd:.1f})" if cell.n > 1 and not pd.isna(cell.got_sd) else ""
    got = "missing" if pd.isna(cell.got) else f"{cell.got:.2f}{spread}"
    claimed = f"{cell.published:.2f}" if cell.pair == AVERAGE else f"{cell.published:g}"
    return got if pd.isna(cell.published) else f"{claimed} → {got}"


def _chosen(runs: pd.DataFrame) -> list[str]:
    found = runs[runs["trial"] != ""].drop_duplicates(["row", "part", "pair"])
    pairs = found.groupby(["row", "trial"])["pair"].agg(", ".join)
    return [f"* {row}, `{trial}`: {some}" for (row, trial), some in pairs.items()]


def _claims(paper: Paper, said: pd.DataFrame) -> list[str]:
    pages = {claim.text: claim.page for claim in paper.claims}
    alone = "Where there is one pair, it is over its seeds. " if "seeds" in set(said["over_what"]) else ""
    words = (
        "Difference of two rows, mean over pairs (each with the mean over its seeds), with Student's 95 % interval over pairs. "
        f"{alone}`shrinks`: how far the difference falls from the first part to the last."
    )
    rows = []
    for c in said.itertuples():
        numbers = f"{c.estimate:+.1f} [{c.low:+.1f}, {c.high:+.1f}], {c.n} {c.over_what}"
        where = f"shrinks: {c.parts}" if c.kind == "shrinks" else c.parts
        rows.append((f"{c.claim} ({pages[c.claim]})", f"{c.row} over {c.over}", where, numbers, c.verdict))
    return [words, "", *_table(("claim", "row over row", "where", "points", "verdict"), rows)]


def _gains(compared: pd.DataFrame, gains: pd.DataFrame, *, one_run: bool) -> list[str]:
    how = "exact paired test of the one run on the test examples at 5 %, not corrected"
    if not one_run:
        how = "Holm over the gains of this table at 5 %; seeds and test examples are both random"
    lines = [
        "As published: the row's average minus that of the row it is compared with, whose recipe may be another. Matched: mean "
        f"over pairs of the gain over the reference with the very same recipe, and how many pairs are flagged ({how}).",
        "",
    ]
    rows = []
    for row in compared.itertuples():
        numbers = [points(v, signed=True) for v in (row.published_gain, row.got_gain, row.matched_gain)]
        rows.append([row.row, row.over or "–", *numbers, *map(str, (row.positive, row.negative, row.n_pairs))])
    lines += _table(("row", "over", "gain published", "gain got", "matched gain", "▲", "▼", "pairs"), rows)
    lines += ["", "Matched gains in points, with the half-widths of their 95 % intervals:", "", *_matched(gains)]
    flagged = gains[gains["flag"].isin(["negative", "positive"])].sort_values("gain")
    rows = []
    for r in flagged.itertuples():
        gain = f"{points(r.gain, signed=True)} ± {points(r.gain_half)} {FLAGS[r.flag]} over {r.reference}"
        rows.append([r.row, r.pair, gain, f"{r.p_corrected:.2g}"])
    if rows:
        lines += ["", "Pairs beyond noise, matched:", ""]
        lines += _table(("row", "pair", "gain", "p" if one_run else "corrected p"), rows)
    return lines


def _matched(gains: pd.DataFrame) -> list[str]:
    rows = list(dict.fromkeys(gains["row"]))
    cells = {(g.row, g.part, g.pair): g for g in gains.itertuples()}
    several = gains["part"].nunique() > 1
    lines = ["| pair | " + " | ".join(rows) + " |", "|---|" + "---|" * len(rows)]
    for part, pair in dict.fromkeys(zip(gains["part"], gains["pair"], strict=True)):
        own = [cells.get((row, part, pair)) for row in rows]
        shown = ["–" if g is None or g.hole else f"{g.gain:+.1f} ± {g.gain_half:.1f} {FLAGS[g.flag]}" for g in own]
        lines.append(f"| {f'{part}: ' if several else ''}{pair} | {' | '.join(shown)} |")
    return lines


def _parts(parts: pd.DataFrame) -> list[str]:
    return [
        "The gain got over the row that the paper compares with, in points, mean over pairs. Method: the row minus the reference "
        "on its very own recipe. Recipe: that reference minus the other row. Both without target labels: by the paper's rule of "
        "selection, or at the end of the runs where that rule is ORACLE. Selection: the rest, what the rule gives one row more "
        "than the other. A dash: a run is missing.",
        "",
        *_table(["row", "over", "gain got", *PARTS], made_of(parts)),
    ]


def made_of(parts: pd.DataFrame) -> list[tuple[str, ...]]:
    """Write (row, over, gain, method, recipe, selection), means over pairs."""
    averages = parts[parts["pair"] == AVERAGE]
    numbers = averages[["gain", *PARTS]].itertuples(index=False)
    shown = ([points(value, signed=True) for value in row] for row in numbers)
    return [(row, over, *own) for row, over, own in zip(averages["row"], averages["over"], shown, strict=True)]


def _status(status: Mapping[str, Any]) -> list[str]:
    code, machine = status["code"], status["hardware"]
    versions = ", ".join(f"{name} {version}" for name, version in status["versions"].items())
    return [
        f"{status['date']}, tlbench {code['version']} at commit {code['commit'] or 'unknown'}, {versions}. "
        f"{machine['gpu'] or machine['cpu']}, {machine['cores']} cores. {status['runs']} runs, {status['seconds']:.0f} s of "
        "their own, references included."
    ]


def summary(table: pd.DataFrame, found: Mapping[str, Verdict]) -> list[tuple[str, str, str, str, str]]:
    """Write (row, average published, average got, verdict, why) for the terminal."""
    averages = table[table["pair"] == AVERAGE].set_index("row")
    rows = []
    for row, verdict in found.items():
        own = averages.loc[row]
        claimed = "–" if verdict.word == NOT_PUBLISHED else number(own["published"])
        rows.append((str(row), claimed, number(own["got"]), verdict.word, verdict.why))
    return rows
