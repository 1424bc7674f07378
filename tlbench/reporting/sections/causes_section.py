"""Why did it hurt? The causes as a part of a report."""

from __future__ import annotations

import pandas as pd

from tlbench.findings.causes import CONTRADICT, FAR
from tlbench.findings.names import method_name, pair_title
from tlbench.findings.number_format import HURTS, number, points
from tlbench.reporting.section import Section
from tlbench.transfer.shift_kind import LEVEL


def causes_section(table: pd.DataFrame) -> Section | None:
    """Lay out the causes; None where nothing hurt."""
    if table.empty:
        return None
    shown = pd.DataFrame(
        {
            "method": [method_name(row) for row in table.itertuples()],
            "where": [f"{row.dataset}, {pair_title(row.pair)}" for row in table.itertuples()],
            "protocol": table["protocol"],
            "gain": [points(g, signed=True) for g in table["gain"]],
            "over": table["reference"],
            "cause": table["cause"],
            "shift (ORACLE)": table["shift"],
            "evidence": table["evidence"],
        }
    )
    if table["warning"].notna().any():
        shown.insert(4, HURTS, [number(warning) for warning in table["warning"]])
    words = [
        "selection: an ORACLE checkpoint gains and the selected one does not. method: another method gains on the same pair. "
        "data: every other way of transfer that was tried loses beyond noise, and the domains are far apart (A-distance "
        f"{FAR:g} or more, over all or inside classes) or contradict each other (joint error {CONTRADICT:g} or more above that "
        "of two classifiers, ORACLE: uses target labels). undetermined: none of these can be shown. The first that holds is "
        "named.",
        f"Shift: which distributions differ, each tested at level {LEVEL:g} with the labels of both domains (ORACLE). covariate: "
        "p(x), and p(y | x) is not seen to. label: p(y), and no p(x | y). concept: p(y | x) alone. subspace: p(x), and the "
        "classes differ along other directions. mixed: more than one. none: none is seen.",
    ]
    return Section("causes", "Why did it hurt?", words, shown, table)
