"""What a file of conf/paper says: a published table as sweeps, with what counts as reproduced and why."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

import yaml
from pydantic import Field, ValidationError

from tlbench.config.schema import first_line
from tlbench.errors import TlbenchError, unknown
from tlbench.listing import describe
from tlbench.paths import conf_dir
from tlbench.strict import Strict
from tlbench.sweeping.overrides import Overrides, key_of

Points = Annotated[float, Field(gt=0)]


class Tolerance(Strict):
    """How far from the paper a row may be.

    Attributes:
        average: points by which the average over pairs may differ.
        cell: points by which a pair may differ, and share: the share of pairs that must be that near.
        why: why that much.
    """

    average: Points | None = None
    cell: Points
    share: Annotated[float, Field(gt=0, le=1)]
    why: str


class Row(Strict):
    """One row of the table: a method on every pair.

    Attributes:
        set: overrides of its sweep.
        page: where the paper or its code states them.
        published: name of the row in published.csv; null for a row that the paper lacks.
        tolerance: null where the paper leaves too much open to be held to; the difference is shown all the same.
        over: the row that the paper compares it with, to show the gain as published.
        per_part: part to overrides, where the paper has other settings for each data set.
        per_pair: part to override to the pairs that it is for, where the paper has other settings for each pair.
    """

    set: list[str]
    page: str
    published: str | None
    tolerance: Tolerance | None = None
    over: str | None = None
    per_part: dict[str, list[str]] = {}
    per_pair: dict[str, dict[str, list[str]]] = {}


class Claim(Strict):
    """Something that the paper says in words or with a figure.

    Attributes:
        text, page: what, and where.
        kind: see `tlbench.reproduce.claims.judge_claims`.
        row, over: the rows whose scores are compared.
        parts: the parts that it is about, in order.
    """

    text: str
    page: str
    kind: Literal["above", "shrinks"]
    row: str
    over: str
    parts: Annotated[list[str], Field(min_length=1)]

    def of(self, parts: Collection[str]) -> Claim | None:
        """Return the claim on these parts alone, or None: `above` is said of each part by itself, `shrinks` of all together."""
        left = [part for part in self.parts if part in parts]
        whole = len(left) == len(self.parts)
        return self.model_copy(update={"parts": left}) if whole or (left and self.kind == "above") else None


class Needs(Strict):
    """What the whole table takes: minutes on two cores, or hours of one GPU."""

    data: list[str]
    minutes: Annotated[float, Field(ge=0)] = 0
    gpu_hours: Annotated[float, Field(ge=0)] = 0


@dataclass(frozen=True)
class Grid:
    """Arguments of a sweep, of which only some pairs count (None: all)."""

    arguments: Overrides
    pairs: list[str] | None


class Paper(Strict):
    """A published table.

    Attributes:
        common: overrides of every sweep.
        parts: name of each data set's part to its overrides, in the order of the table.
        rows: the rows, in the order of the table.
        expected: what was measured when the recipe was written, in words.
        protocol: the paper's protocol, in words.
        claims: what the paper says without a number to compare.
        departures: where the recipe leaves the paper, numbered.
        findings: what a reader should know, once it was run.
    """

    title: str
    link: str
    citation: str
    protocol: str
    needs: Needs
    expected: str
    common: list[str]
    parts: dict[str, list[str]]
    rows: dict[str, Row]
    claims: list[Claim] = []
    departures: list[str]
    findings: list[str] = []

    def only(self, rows: Sequence[str] | None, parts: Sequence[str] | None = None) -> Paper:
        """Return the table with these rows and parts alone, in its own order; None: all. Raises TlbenchError for one it lacks."""
        for what, asked, known in (("row", rows, self.rows), ("part", parts, self.parts)):
            for name in asked or []:
                if name not in known:
                    raise unknown(what, name, known, f"--{what} {name}")
        kept = {name: row for name, row in self.rows.items() if rows is None or name in rows}
        left = {name: own for name, own in self.parts.items() if parts is None or name in parts}
        claims = [said for c in self.claims if {c.row, c.over} <= set(kept) and (said := c.of(left)) is not None]
        return self.model_copy(update={"rows": kept, "parts": left, "claims": claims})

    def grids(self, given: Overrides) -> dict[tuple[str, str], list[Grid]]:
        """Return (part, row) to its sweeps; what the command gives replaces the recipe's, and a row's own what is common."""
        keys, found = {key_of(o) for o in given}, {}
        for part, own in self.parts.items():
            for name, row in self.rows.items():
                whole = [*self.common, *own, *row.set, *row.per_part.get(part, [])]
                base = [o for o in {key_of(o): o for o in whole}.values() if key_of(o) not in keys]
                special = {o: pairs for o, pairs in row.per_pair.get(part, {}).items() if key_of(o) not in keys}
                grids = [Grid([*base, o, *given], pairs) for o, pairs in special.items()]
                found[part, name] = grids or [Grid([*base, *given], None)]
        return found


def load(name: str) -> Paper:
    """Read the recipe of a paper. Raises TlbenchError for an unknown name or a file that does not fit."""
    known = [paper for paper, _ in describe("paper")]
    if name not in known:
        raise unknown("paper", name, known)
    path = conf_dir() / "paper" / f"{name}.yaml"
    try:
        paper = Paper.model_validate(yaml.safe_load(path.read_text("utf-8")))
    except ValidationError as error:
        raise TlbenchError(f"{first_line(error, name)} Set in conf/paper/{name}.yaml.") from error
    for row in paper.rows.values():
        if row.over is not None and row.over not in paper.rows:
            raise unknown("row", row.over, paper.rows, f"over in conf/paper/{name}.yaml")
    for claim in paper.claims:
        for named in (claim.row, claim.over):
            if named not in paper.rows:
                raise unknown("row", named, paper.rows, f"claims in conf/paper/{name}.yaml")
        for part in claim.parts:
            if part not in paper.parts:
                raise unknown("part", part, paper.parts, f"claims in conf/paper/{name}.yaml")
    return paper
