"""Would one have known without target labels? The rules beside each other, as parts of a report."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from tlbench.findings.names import block_title
from tlbench.findings.number_format import number, points
from tlbench.findings.selections import PLACE, selection_table
from tlbench.reporting.figures.selection_rules import selection_rules
from tlbench.reporting.section import Draw, Section
from tlbench.selection.rules import ORACLE

if TYPE_CHECKING:
    from tlbench.findings.evidence import Evidence

WORDS = (
    "Accuracy (%) that each rule's checkpoints have on the target test part, mean over seeds and pairs, and how far that is "
    "below the best checkpoint (ORACLE: chosen on target test labels; mean over the methods). Rank correlations (Spearman) of "
    "the rule's score with the target score: over the checkpoints of a run, mean over runs; and over the last checkpoints of all "
    "methods on one pair and seed, mean over these. In brackets: how many there are. Target labels judge the rules here, they "
    "choose nothing."
)
ALL = "all rules"


def selection_sections(table: pd.DataFrame) -> list[Section]:
    """Lay out the rules beside each other, a table for each block; the first carries the data of all."""
    if table.empty:
        return []
    found = []
    for i, (key, block) in enumerate(table.groupby(PLACE, sort=False)):
        *block_key, setting, sources = map(str, key)
        title = block_title(tuple(block_key), setting)  # type: ignore[arg-type]
        title += f" · {sources}" if sources != "one source" else ""
        name, data, words = ("selections", table, [WORDS]) if i == 0 else (f"selections_{i + 1}", None, [])
        shown = _shown(block)
        figures: dict[str, Draw] = {}
        if shown["rule"].iloc[0] == ALL:
            words = [*words, "Every run here has one checkpoint: the rules have nothing to choose."]
        else:
            figures[name] = partial(selection_rules, block)
        found.append(Section(name, f"Would one have known without target labels? {title}", words, shown, data, figures))
    return found


def _shown(block: pd.DataFrame) -> pd.DataFrame:
    """Return one row a rule, one column a method; one row for all rules where they say the same of every method."""
    rows = []
    for rule, own in block.groupby("rule", sort=False):
        scores = own.set_index("method")["score"]
        rows.append(
            {
                "rule": "ORACLE" if rule == ORACLE else str(rule),
                **{str(method): points(score) for method, score in scores.items()},
                "below ORACLE": points(own["gap"].mean()),
                "rank correlation in runs": _rho(own["within"], own["n_within"]),
                "between runs": _rho(own["between"][:1], own["n_between"][:1]),
            }
        )
    shown = pd.DataFrame(rows).fillna("–")
    same = shown.drop(columns=["rule", "rank correlation in runs", "between runs"]).drop_duplicates()
    none = (shown["rank correlation in runs"] == "–").all()
    return shown[:1].assign(rule=ALL) if len(shown) > 1 and len(same) == 1 and none else shown


def _rho(values: pd.Series, counts: pd.Series) -> str:
    weights = counts.fillna(0)
    n = int(weights.sum())
    return f"{number(float(np.average(values.fillna(0), weights=weights)))} ({n})" if n else "–"


def selections_of(found: Evidence) -> list[Section]:
    """Return the sections of a report's evidence."""
    return selection_sections(selection_table(found.kept, found.tables.checkpoints, found.cells))
