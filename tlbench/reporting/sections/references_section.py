"""Gains over the other references, as a part of a report."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from tlbench.findings.flags import FLAGS
from tlbench.findings.names import method_name
from tlbench.findings.number_format import points
from tlbench.findings.references import other_gains
from tlbench.reporting.section import Section

if TYPE_CHECKING:
    from tlbench.findings.evidence import Evidence
    from tlbench.findings.rule import Rule


def references_section(table: pd.DataFrame, rule: Rule) -> Section | None:
    """Lay out the gains over the other references; None where every cell has one."""
    if table.empty:
        return None
    keys = ["dataset", "pair", "protocol", "backbone", "classifier"]
    rows = []
    for key, same in table.groupby([*keys, "method", "variant"], sort=False):
        cell = next(same.itertuples())
        row = {"method": method_name(cell), "where": ", ".join(key[:3]), "recipe": " · ".join(key[3:5])}
        for r in same.itertuples():
            row[f"over {r.reference}"] = f"{points(r.gain, signed=True)} ± {points(r.gain_half)} {FLAGS[r.flag]}"
        rows.append(row)
    n_tests = table.groupby("reference", sort=False)["n_tests"].max()
    families = ", ".join(f"{n} over {name}" for name, n in n_tests.items())
    words = [
        "The tables above have the gain over the first reference. Here are the gains over the others, tested alike; corrected "
        f"over each reference's gains by themselves ({families})."
    ]
    return Section("references", "Gains over the other references", words, pd.DataFrame(rows).fillna("–"), table)


def references_of(found: Evidence) -> Section | None:
    """Return the section of a report's evidence."""
    return references_section(other_gains(found.cells, found.kept, found.store, found.rule), found.rule)
