"""Gains over the other references, as a part of a report."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from tlbench.findings.flags import FLAGS
from tlbench.findings.names import method_name
from tlbench.findings.number_format import points
from tlbench.findings.references import other_gains
from tlbench.report.section import Section

if TYPE_CHECKING:
    from tlbench.findings.evidence import Evidence
    from tlbench.findings.rule import Rule


def references_section(table: pd.DataFrame, rule: Rule) -> Section | None:
    """As a part of a report; None where every cell has one reference."""
    if table.empty:
        return None
    keys = ["dataset", "pair", "protocol", "backbone", "classifier"]
    rows = []
    for key, same in table.groupby([*keys, "method", "variant"], sort=False):
        own = {
            r.reference: f"{points(r.gain, signed=True)} ± {points(r.gain_half)} {FLAGS[r.flag]}"
            for r in same.itertuples()
        }
        cell = next(same.itertuples())
        rows.append({"method": method_name(cell), "where": f"{key[0]}, {key[1]}, {key[2]}", "recipe": f"{key[3]} · {key[4]}",
                     **{f"over {name}": text for name, text in own.items()}})  # fmt: skip
    families = ", ".join(
        f"{n} over {name}" for name, n in table.groupby("reference", sort=False)["n_tests"].max().items()
    )
    words = [
        "The tables above have the gain over the first reference. Here are the gains over the others, tested alike; corrected "
        f"over each reference's gains by themselves ({families})."
    ]
    return Section("references", "Gains over the other references", words, pd.DataFrame(rows).fillna("–"), table)


def references_of(found: Evidence) -> Section | None:
    """The section of a report's evidence."""
    return references_section(other_gains(found.cells, found.kept, found.store, found.rule), found.rule)
