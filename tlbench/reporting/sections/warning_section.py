"""Would the warning have known? It is scored by the gains that it was made without, as a part of a report."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pandas as pd

from tlbench.findings.flags import FLAGS
from tlbench.findings.names import method_name, pair_title
from tlbench.findings.number_format import HURTS, number, plus_minus, points
from tlbench.findings.warned_cells import (
    FEWEST_CELLS,
    LISTED,
    WarningScore,
    most_wrong,
    versions_of,
    warned,
    warning_bins,
    warning_score,
    why_no_score,
)
from tlbench.reporting.figures.style import headed
from tlbench.reporting.figures.warning_reliability import warning_reliability
from tlbench.reporting.section import Draw, Section
from tlbench.transfer.prediction import FEWEST_FOR_INTERVAL

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tlbench.findings.evidence import Evidence
    from tlbench.findings.rule import Rule
    from tlbench.transfer.warning.scoring import Estimate

TITLE = "Would the warning have known?"
WORDS = (
    f"{HURTS} is made of what a method and its reference say of unlabelled target examples, and of the labelled source: it uses "
    "no target label. Its score here does: the gains are measured on target test labels, afterwards. A cell is hurt where its "
    "gain is below 0, beyond noise or not. Where cells are of the runs that the warning's model was fitted on, it looks better "
    "here than it is."
)
FEWEST_DRAWN = 30
"""Cells from which a reliability diagram says something."""


def warning_sections(table: pd.DataFrame, versions: Sequence[str], rule: Rule) -> list[Section]:
    """Lay out how good the warning was, and where it was most wrong; nothing where no cell has one.

    Args:
        table: `warned_cells.warned`'s.
        versions: of the models that the warnings are of.
    """
    if table.empty:
        return []
    score = warning_score(table)
    shown = None if score is None else score_texts(score)
    words = [WORDS, warning_words(table, score, versions)]
    drawn: dict[str, Draw] = {}
    if score is not None and score.n >= FEWEST_DRAWN:
        draw = partial(warning_reliability, warning_bins(table, rule.alpha), rule.selection, rule.alpha)
        drawn["warning"] = partial(headed, draw, "Reliability of the warning")
    captions = dict.fromkeys(drawn, "How often a cell was hurt where it was said to be.")
    return [Section("warning", TITLE, words, shown, table, drawn, captions), *_wrong(table)]


def warning_words(table: pd.DataFrame, score: WarningScore | None, versions: Sequence[str]) -> str:
    """Say what was scored, or why nothing was."""
    models = f" Model: {', '.join(versions)}." if len(versions) == 1 else f" Models: {', '.join(versions)}."
    models = models if versions else ""
    if score is None:
        return why_no_score(table) + models
    pairs = f"{score.n_pairs} pair{'s' * (score.n_pairs != 1)}"
    drawn = (
        "In brackets: 95 % intervals, pairs drawn with all their cells."
        if score.n_pairs >= FEWEST_FOR_INTERVAL
        else f"Fewer than {FEWEST_FOR_INTERVAL} pairs have no interval."
    )
    return f"{score.n} cells on {pairs}, {score.n_hurt} of them hurt. {drawn}{models}"


def score_texts(score: WarningScore) -> pd.DataFrame:
    """Return the scores as pages print them: measure, value, what it is."""
    share = score.n_hurt / score.n
    rows = [
        (
            "AUROC",
            _text(score.auroc),
            "how often it was higher for a cell that was hurt than for another; 0.5: by chance",
        ),
        (
            "AUROC beyond noise",
            _text(score.beyond_noise),
            f"the same for {FLAGS['negative']} against {FLAGS['positive']}, {score.n_flagged} cells (at least {FEWEST_CELLS})",
        ),
        (
            "Brier score",
            number(score.brier, 3),
            f"mean squared error; who says {number(share)} of every cell has {number(score.brier_of_share, 3)}",
        ),
        (
            "calibration error",
            number(score.calibration_error, 3),
            f"mean distance of {HURTS} from the share hurt, in {score.n_bins} bin{'s' * (score.n_bins != 1)}",
        ),
        (
            "gain of obeying it (points)",
            _points(score.obeyed),
            f"the method where {HURTS} is below 0.5, else the reference; mean over cells",
        ),
        ("gain of always adapting (points)", _points(score.always), "the method everywhere; never adapting has 0"),
        ("obeying less always (points)", _points(score.better), "what it was worth to who would always adapt"),
    ]
    return pd.DataFrame(rows, columns=["measure", "value", "what it is"])


def _text(estimate: Estimate) -> str:
    between = "" if pd.isna(estimate.low) else f" [{number(estimate.low)}, {number(estimate.high)}]"
    return number(estimate.value) + between


def _points(estimate: Estimate) -> str:
    low, high = (points(end, signed=True) for end in (estimate.low, estimate.high))
    return points(estimate.value, signed=True) + ("" if pd.isna(estimate.low) else f" [{low}, {high}]")


def _wrong(table: pd.DataFrame) -> list[Section]:
    wrong = most_wrong(table)
    if wrong.empty:
        return []
    counts = wrong["flag"].value_counts()
    words = [
        f"Gains beyond noise of which it said the contrary: {counts.get('negative', 0)} negative under a warning below 0.5, "
        f"{counts.get('positive', 0)} positive under one of 0.5 or more."
        + (f" The {LISTED} farthest from the truth are shown." if len(wrong) > LISTED else "")
    ]
    return [Section("warning_wrong", "Where was the warning most wrong?", words, wrong_texts(wrong), wrong)]


def wrong_texts(wrong: pd.DataFrame) -> pd.DataFrame:
    """Return the first LISTED rows of `warned_cells.most_wrong`'s table as pages print them."""
    listed = list(wrong.head(LISTED).itertuples())
    return pd.DataFrame(
        {
            "method": [method_name(r) for r in listed],
            "where": [f"{r.dataset}, {pair_title(r.pair)}, {r.protocol}" for r in listed],
            HURTS: [number(r.warning) for r in listed],
            "gain": [f"{plus_minus(r.gain, r.gain_half, signed=True)} {FLAGS[r.flag]}" for r in listed],
            "over": [r.reference for r in listed],
        }
    )


def warnings_shown(found: Evidence) -> list[Section]:
    """Return the sections of a report's evidence."""
    versions = versions_of(found.kept, found.rule.selection)
    return warning_sections(warned(found.cells), versions, found.rule)
