"""Many small targets, as a part of a report."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from tlbench.findings.many_targets import BLOCK, SETTING, targets_table
from tlbench.findings.names import block_title
from tlbench.findings.number_format import plus_minus, points
from tlbench.reporting.section import Section

if TYPE_CHECKING:
    from tlbench.findings.evidence import Evidence

CERTAIN = {
    "holm": "so that with probability {level:g} % no target is called harmed that is not: at least so many are",
    "bh": "so that of all flags at most {false:g} % are expected to be wrong",
}


def targets_of(evidence: Evidence) -> Section | None:
    """Show what each method does to many targets; None where no block has six or more with one pair each."""
    table, rule = targets_table(evidence.cells, evidence.rule), evidence.rule
    if table.empty:
        return None
    titles = [
        block_title(block, setting) for *block, setting in table[[*BLOCK, SETTING]].itertuples(index=False, name=None)
    ]
    several = {} if len(set(titles)) < 2 else {"of": titles}
    shown = pd.DataFrame(
        {
            **several,
            "method": table["method"],
            "targets": table["n_targets"].astype(str),
            "mean gain": [plus_minus(r.gain, r.gain_half, signed=True) for r in table.itertuples()],
            "worst target": [
                f"{r.worst_target}: {plus_minus(r.worst_gain, r.worst_half, signed=True)}" for r in table.itertuples()
            ],
            "harmed ▼": table["harmed"].astype(str),
            "helped ▲": table["helped"].astype(str),
            "gain below 0": table["below_zero"].astype(str),
            "mean accuracy": [points(v) for v in table["score"]],
            "worst accuracy": [points(v) for v in table["worst_score"]],
        }
    )
    certain = CERTAIN[rule.correction].format(level=100 * (1 - rule.alpha), false=100 * rule.alpha)
    words = [
        "A mean over targets hides whom a method harms. Harmed and helped are targets whose gain is flagged, with p corrected "
        f"over all gains of this report, {certain}. The interval of a mean gain takes the targets as a "
        "sample of those to come; targets that share sources are no independent sample, so it is somewhat too narrow.",
        *([] if several else [f"{titles[0]}."]),
    ]
    return Section("targets", "What happens to each target", words, shown, table)
