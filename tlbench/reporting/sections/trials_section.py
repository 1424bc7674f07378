"""What each rule would have chosen among the trials of a search, as a part of a report."""

from __future__ import annotations

import pandas as pd

from tlbench.findings.cells import BLOCK
from tlbench.findings.names import block_title
from tlbench.findings.number_format import points
from tlbench.findings.trials import Choice, mean_choices
from tlbench.reporting.section import Section
from tlbench.selection.rules import LAST, ORACLE


def trials_section(choice: Choice, selection: str) -> Section | None:
    """Lay out what each rule chose; None without a search."""
    table = choice.table
    if table.empty:
        return None
    means = mean_choices(table)
    shown = pd.DataFrame(
        {
            "method": means["method"] + ", search " + means["search"].astype(str),
            "where": [block_title(key) for key in means[BLOCK].itertuples(index=False, name=None)],
            "chosen by": ["ORACLE" if r == ORACLE else r for r in means["rule"]],
            "pairs": means["pairs"].astype(str),
            "trials": means["trials"].astype(str),
            "accuracy": [points(v) for v in means["score"]],
            "over the defaults": [points(v, signed=True) for v in means["score"] - means["default"]],
            "below ORACLE": [points(v) for v in means["oracle"] - means["score"]],
        }
    )
    words = [
        "Mean over pairs. A rule chooses a trial for each pair by its own score, averaged over seeds, and the checkpoint by the "
        f"same score. The tables above show the trials that selection {selection} chooses"
        + (", which is no validator and keeps the defaults." if selection == LAST else ".")
    ]
    if len(left := choice.unfinished):
        reasons = [f" ({reason})" if isinstance(reason, str) and reason else "" for reason in left["reason"]]
        told = [
            f"{r.method} on {r.pair}, trial {int(r.trial)}, seed {r.seed}: {r.status}{why}"
            for r, why in zip(left.itertuples(), reasons, strict=True)
        ]
        more = f"; and {len(told) - 10} more" if len(told) > 10 else ""
        words.append(
            f"{len(told)} runs of trials are not done, and their trials cannot be chosen: {'; '.join(told[:10])}{more}."
        )
    return Section("trials", "Hyper-parameters: what each rule would have chosen", words, shown, table)
