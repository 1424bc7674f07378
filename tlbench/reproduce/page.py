"""The README of a reproduced table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from tlbench.findings.flags import FLAGS
from tlbench.findings.number_format import points
from tlbench.reproduce.claimed_table import NOT_PUBLISHED, Verdict
from tlbench.reproduce.decompose import PARTS
from tlbench.reproduce.published import AVERAGE
from tlbench.reproduce.recipe import Paper


def page(
    name: str,
    paper: Paper,
    table: pd.DataFrame,
    found: Mapping[str, Verdict],
    gains: pd.DataFrame,
    compared: pd.DataFrame,
    said: pd.DataFrame,
    runs: pd.DataFrame,
    status: Mapping[str, Any],
    parts: pd.DataFrame,
) -> str:
    """Markdown: what was done, claimed beside got, verdicts, claims, gains and their parts, departures, findings, origin."""
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
        "| row | verdict | numbers | set by |",
        "|---|---|---|---|",
    ]
    lines += [f"| {row} | {verdict.word} | {verdict.why} | {paper.rows[row].page} |" for row, verdict in found.items()]
    tolerances = {row: own.tolerance for row, own in paper.rows.items() if own.tolerance is not None}
    lines += ["", *(f"Tolerance of {row}: {tolerance.why}" for row, tolerance in tolerances.items())]
    if (runs["trial"] != "").any():
        lines += ["", "What a search chose for each pair, without target labels:", "", *_chosen(runs)]
    if len(said):
        lines += ["", "## Claims of the paper", "", *_claims(paper, said)]
    if len(compared):
        seeds = int(table["n"].max())
        lines += ["", "## Gains: as published, and matched", "", *_gains(compared, gains, one_run=seeds == 1)]
    if len(parts):
        lines += ["", "## What the gains are made of", "", *_parts(parts)]
    departures = [f"{i}. {text}" for i, text in enumerate(paper.departures, 1)] or ["None known."]
    lines += ["", "## Departures", "", *departures]
    if paper.findings:
        lines += ["", "## Findings", "", *(f"* {text}" for text in paper.findings)]
    lines += ["", "## How it came about", "", *_status(status), ""]
    if table["published"].notna().any():
        lines += ["![claimed against got](claimed_got.svg)", ""]
    return "\n".join(lines)


def _accuracies(paper: Paper, table: pd.DataFrame) -> list[str]:
    rows = [row for row in paper.rows if row in set(table["row"])]
    cells = {(r.row, r.part, r.pair): r for r in table.itertuples()}
    places = list(dict.fromkeys((r.part, r.pair) for r in table.itertuples() if r.pair != AVERAGE))
    several = len(paper.parts) > 1
    lines = ["| pair | " + " | ".join(rows) + " |", "|---|" + "---|" * len(rows)]
    for part, pair in [*places, ("", AVERAGE)]:
        title = f"**{pair}**" if pair == AVERAGE else f"{part}: {pair}" if several else pair
        lines.append(f"| {title} | " + " | ".join(_cell(cells.get((row, part, pair))) for row in rows) + " |")
    return lines


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
    lines = [
        "Difference of two rows, mean over pairs (each with the mean over its seeds), with Student's 95 % interval over pairs. "
        f"{alone}`shrinks`: how far the difference falls from the first part to the last.",
        "",
        "| claim | row over row | where | points | verdict |",
        "|---|---|---|---|---|",
    ]
    for c in said.itertuples():
        numbers = f"{c.estimate:+.1f} [{c.low:+.1f}, {c.high:+.1f}], {c.n} {c.over_what}"
        kind = "shrinks: " if c.kind == "shrinks" else ""
        lines.append(
            f"| {c.claim} ({pages[c.claim]}) | {c.row} over {c.over} | {kind}{c.parts} | {numbers} | {c.verdict} |"
        )
    return lines


def _gains(compared: pd.DataFrame, gains: pd.DataFrame, *, one_run: bool) -> list[str]:
    how = "exact paired test of the one run on the test examples at 5 %, not corrected"
    if not one_run:
        how = "Holm over the gains of this table at 5 %; seeds and test examples are both random"
    lines = [
        "As published: the row's average minus that of the row it is compared with, whose recipe may be another. Matched: mean "
        f"over pairs of the gain over the reference with the very same recipe, and how many pairs are flagged ({how}).",
        "",
        "| row | over | gain published | gain got | matched gain | ▲ | ▼ | pairs |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in compared.itertuples():
        numbers = [points(v, signed=True) for v in (row.published_gain, row.got_gain, row.matched_gain)]
        lines.append(
            f"| {row.row} | {row.over or '–'} | {' | '.join(numbers)} | {row.positive} | {row.negative} | {row.n_pairs} |"
        )
    lines += ["", "Matched gains in points, with the half-widths of their 95 % intervals:", "", *_matched(gains)]
    flagged = gains[gains["flag"].isin(["negative", "positive"])].sort_values("gain")
    if len(flagged):
        lines += [
            "",
            "Pairs beyond noise, matched:",
            "",
            f"| row | pair | gain | {'p' if one_run else 'corrected p'} |",
            "|---|---|---|---|",
        ]
        lines += [
            f"| {r.row} | {r.pair} | {points(r.gain, signed=True)} ± {points(r.gain_half)} {FLAGS[r.flag]} over {r.reference} | "
            f"{r.p_corrected:.2g} |"
            for r in flagged.itertuples()
        ]
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
        f"| row | over | gain got | {' | '.join(PARTS)} |",
        "|---|---|---|" + "---|" * len(PARTS),
        *(f"| {' | '.join(row)} |" for row in made_of(parts)),
    ]


def made_of(parts: pd.DataFrame) -> list[tuple[str, ...]]:
    """(row, over, gain, method, recipe, selection), means over pairs, as texts."""
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


def summary(paper: Paper, table: pd.DataFrame, found: Mapping[str, Verdict]) -> list[tuple[str, str, str, str, str]]:
    """(row, average published, average got, verdict, why) for the terminal."""
    averages = table[table["pair"] == AVERAGE].set_index("row")
    rows = []
    for row, verdict in found.items():
        own = averages.loc[row]
        claimed = "–" if verdict.word == NOT_PUBLISHED or pd.isna(own["published"]) else f"{own['published']:.2f}"
        got = "–" if pd.isna(own["got"]) else f"{own['got']:.2f}"
        rows.append((str(row), claimed, got, verdict.word, verdict.why))
    return rows
