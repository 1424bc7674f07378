"""Which classes collapse behind an average? A part of a report."""

from __future__ import annotations

import pandas as pd

from tlbench.findings.classes import collapsed, lowest
from tlbench.findings.names import method_name, pair_title
from tlbench.findings.number_format import p_text, points
from tlbench.reporting.section import Section


def classes_section(classes: pd.DataFrame) -> Section | None:
    """Lay out the classes that collapse behind an average that does not; None where no class was looked at."""
    if classes.empty:
        return None
    hidden = collapsed(classes)
    listed = pd.concat([hidden, lowest(classes)])
    counts = classes["class_flag"].value_counts()
    words = [
        "Gain of each class's accuracy, tested like the cells' gains and corrected over all "
        f"{int(classes['n_class_tests'].iloc[0])} classes of all methods' cells: {counts.get('negative', 0)} negative, "
        f"{counts.get('positive', 0)} positive, {counts.get('no_effect', 0)} without effect, of {len(classes)}. "
        + _listed(len(hidden), len(listed))
    ]
    shown = pd.DataFrame(
        {
            "method": [method_name(r) for r in listed.itertuples()],
            "where": [f"{r.dataset}, {pair_title(r.pair)}, {r.protocol}" for r in listed.itertuples()],
            "class": listed["class"].to_list(),
            "gain of the class": [
                f"{points(r.class_gain, signed=True)} ± {points(r.class_half)}" for r in listed.itertuples()
            ],
            "flag": listed["class_flag"].to_list(),
            "corrected p": [p_text(p) for p in listed["class_p_corrected"]],
            "gain of the cell": [f"{points(r.gain, signed=True)} {r.flag}" for r in listed.itertuples()],
        }
    )
    title = "Which classes collapse behind an average?"
    return Section("classes", title, words, shown if len(listed) else None, classes)


def _listed(hidden: int, listed: int) -> str:
    if hidden:
        return f"Listed: the {hidden} classes that lose beyond noise in cells that do not, and then the largest other losses."
    more = " Listed: the largest losses that noise could explain; over so many classes only large ones can be shown."
    return "No class is shown to lose in a cell that does not." + (more if listed else "")
