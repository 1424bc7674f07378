"""Words and tables of the warning's score."""

import pandas as pd
import pytest

from tests.findings.tables import cell, evidence, run, table
from tests.findings.test_warned_cells import GAINS, SAID, told
from tests.reporting.figures.drawn import places, words
from tlbench.findings.rule import Rule
from tlbench.reporting.sections.warning_section import warning_sections, warnings_shown


def test_each_score_is_said_with_what_it_is():
    (made,) = warning_sections(told(), ["v1"], Rule())
    shown = made.shown.set_index("measure")["value"]
    assert shown["AUROC"].startswith("0.88 [0.")
    assert shown["AUROC beyond noise"] == "–"
    assert (shown["Brier score"], shown["calibration error"]) == ("0.145", "0.030")
    assert shown["gain of obeying it (points)"].startswith("+1.8 [")
    assert shown["gain of always adapting (points)"].startswith("+1.1 [")
    assert shown["obeying less always (points)"].startswith("+0.7 [")
    assert "says 0.40 of every cell has 0.240" in made.shown["what it is"][2]
    assert "no target label. Its score here does" in made.words[0]
    assert made.words[1] == (
        "10 cells on 10 pairs, 4 of them hurt. In brackets: 95 % intervals, pairs drawn with all their cells. Model: v1."
    )
    assert made.data["warning"].tolist() == SAID
    assert made.figures == {}


def test_few_pairs_have_no_interval():
    (made,) = warning_sections(told(pairs=["a-b"] * 10), ["v1", "v2"], Rule())
    assert made.shown["value"].tolist()[0] == "0.88"
    assert made.words[1] == "10 cells on 1 pair, 4 of them hurt. Fewer than 8 pairs have no interval. Models: v1, v2."


def test_what_cannot_be_scored_is_said():
    (made,) = warning_sections(told(GAINS[:3], SAID[:3]), [], Rule())
    assert made.shown is None
    assert made.words[1] == "3 cells have a warning; below 10 nothing is said of how good it is."
    assert made.data["gain"].tolist() == GAINS[:3]
    assert warning_sections(told([], []), [], Rule()) == []


def test_what_was_most_wrong_is_listed():
    flags = ["negative", "negative", "negative", "inconclusive", "positive", *["inconclusive"] * 5]
    made = warning_sections(told(flags=flags), [], Rule())[1]
    assert made.shown.to_numpy().tolist() == [
        ["dann", "d, a-2, p", "0.30", "-2.0 ± 1.0 ▼", "source_only"],
        ["dann", "d, a-4, p", "0.70", "+1.0 ± 1.0 ▲", "source_only"],
    ]
    assert "1 negative under a warning below 0.5, 1 positive under one of 0.5 or more." in made.words[0]
    many = warning_sections(told([1.0] * 12, [0.9] * 12, flags=["positive"] * 12), [], Rule())[1]
    assert (len(many.shown), len(many.data)) == (10, 12)
    assert many.words[0].endswith("The 10 farthest from the truth are shown.")


def test_thirty_cells_have_a_figure():
    cells = told(GAINS * 3, SAID * 3, pairs=[f"a-{i}" for i in range(30)])
    (made,) = warning_sections(cells, [], Rule("iwv"))
    figure = made.figures["warning"]()
    diagonal, shares = figure.axes[0].lines[0], figure.axes[0].containers[0].lines[0]
    assert places(diagonal) == [(0, 0), (1, 1)]
    # the ten smallest are 3 x 0.1, 3 x 0.1, 3 x 0.2, 0.2; of the next, two of 0.3 and one of 0.3 were hurt
    assert places(shares)[0] == (pytest.approx((6 * 0.1 + 4 * 0.2) / 10), 0)
    assert "30 cells, 10 cells a bin" in words(figure)
    assert words(figure).endswith("selection iwv.")


def test_a_store_s_warnings_are_those_of_its_cells():
    cells = table(*(cell(pair=f"a-{i}", gain=g, warning=w) for i, (g, w) in enumerate(zip(GAINS, SAID, strict=True))))
    runs = table(run(warning_version="v7"))
    (made,) = warnings_shown(evidence(cells, runs))
    assert made.words[1].endswith("Model: v7.")
    assert warnings_shown(evidence(cells.assign(warning=float("nan")), runs)) == []
    assert warnings_shown(evidence(pd.DataFrame(), runs)) == []
