"""Where an unmatched comparison would say something else, as a part of a report."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from tlbench.findings.matched import unmatched
from tlbench.findings.names import method_name, pair_title
from tlbench.findings.number_format import points
from tlbench.reporting.section import Section

if TYPE_CHECKING:
    from tlbench.findings.evidence import Evidence


def unmatched_section(table: pd.DataFrame) -> Section | None:
    """Lay out comparisons that say something else; None where every one says the same."""
    if table.empty:
        return None
    shown = pd.DataFrame(
        {
            "method": [f"{method_name(r)}, {r.classifier}" for r in table.itertuples()],
            "where": [f"{r.dataset}, {pair_title(r.pair)}, {r.protocol}" for r in table.itertuples()],
            "matched gain": [f"{points(r.gain, signed=True)} {r.flag}" for r in table.itertuples()],
            "as papers compare": [
                f"{points(r.unmatched_gain, signed=True)} {r.unmatched_flag}" for r in table.itertuples()
            ],
            "with": [f"{r.reference}, {r.other}" for r in table.itertuples()],
        }
    )
    words = [
        "Gains in this report are over a reference with the very same recipe. Papers often compare with a reference trained "
        "on another one. Here that would have said something else (Welch's t test over seeds, not corrected, as a table of "
        "means allows)."
    ]
    return Section("unmatched", "Where an unmatched comparison would say something else", words, shown, table)


def unmatched_of(found: Evidence) -> Section | None:
    """Return the section of a report's evidence."""
    return unmatched_section(unmatched(found.cells, found.kept, found.rule))
