"""Scores of the warning over cells, by hand."""

import numpy as np
import pandas as pd
import pytest

from tests.findings.tables import cell, run, table
from tlbench.findings.warned_cells import (
    COLUMNS,
    most_wrong,
    versions_of,
    warned,
    warning_bins,
    warning_score,
    why_no_score,
)

GAINS = [-4.0, -3.0, -2.0, -1.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0]
SAID = [0.9, 0.8, 0.3, 0.6, 0.7, 0.4, 0.2, 0.1, 0.2, 0.1]


def told(gains=GAINS, said=SAID, pairs=None, flags=None):
    """`warned`'s table: a cell a pair, unless pairs are given."""
    pairs = [f"a-{i}" for i in range(len(gains))] if pairs is None else pairs
    flags = ["inconclusive"] * len(gains) if flags is None else flags
    rows = zip(gains, said, pairs, flags, strict=True)
    return warned(table(*(cell(pair=p, gain=g, warning=w, flag=f) for g, w, p, f in rows)))


def test_only_methods_with_a_gain_and_a_warning_are_scored():
    cells = table(
        cell("dann", gain=-1.0, warning=0.7), cell("coral", gain=1.0), cell("mmd", warning=0.3, hole="2 of 3"),
        cell("target_only", gain=1.0, warning=0.4),
    )  # fmt: skip
    assert warned(cells)["method"].tolist() == ["dann"]
    assert warned(pd.DataFrame()).columns.tolist() == COLUMNS


def test_numbers_by_hand():
    score = warning_score(told())
    # hurt: 0.9, 0.8, 0.3, 0.6 against 0.7, 0.4, 0.2, 0.1, 0.2, 0.1: 6 + 6 + 4 + 5 of 24 pairs are in order
    assert score.auroc.value == pytest.approx(21 / 24)
    errors = [0.1, 0.2, 0.7, 0.4, 0.7, 0.4, 0.2, 0.1, 0.2, 0.1]
    assert score.brier == pytest.approx(np.square(errors).mean())
    assert score.brier_of_share == pytest.approx(0.4 * 0.6)
    assert (score.n_bins, score.calibration_error) == (1, pytest.approx(abs(np.mean(SAID) - 0.4)))
    # kept where it said 0.9, 0.8, 0.6, 0.7
    assert score.obeyed.value == pytest.approx((-2 + 2 + 3 + 4 + 5 + 6) / 10)
    assert score.always.value == pytest.approx(1.1)
    assert score.better.value == pytest.approx(1.8 - 1.1)
    assert (score.n, score.n_hurt, score.n_pairs) == (10, 4, 10)


def test_gains_beyond_noise_are_scored_apart():
    flags = ["negative", "inconclusive", "negative", "few_seeds", *["positive"] * 2, *["no_effect"] * 4]
    score = warning_score(told(GAINS * 4, SAID * 4, flags=flags * 4))
    # 0.9 above 0.7 and 0.4, 0.3 below both
    assert (score.n_flagged, score.beyond_noise.value) == (16, pytest.approx(0.5))
    alike, few = (["negative" if g < 0 else "no_effect" for g in GAINS * 4], flags * 2)
    for given in (alike, few):
        n = len(given) // 10
        assert np.isnan(warning_score(told(GAINS * n, SAID * n, flags=given)).beyond_noise.value)


def test_pairs_are_drawn_whole_and_few_have_no_interval():
    assert warning_score(told()).auroc.low < 21 / 24 < warning_score(told()).auroc.high
    seven = warning_score(told(pairs=[f"a-{i % 7}" for i in range(10)]))
    assert seven.n_pairs == 7
    assert np.isnan([seven.auroc.low, seven.better.high]).all()
    # each pair has the very same cells: whatever is drawn, the score is the same
    same = warning_score(told([-1.0, 2.0] * 8, [0.6, 0.2] * 8, [f"a-{i // 2}" for i in range(16)]))
    assert (same.auroc.low, same.auroc.high) == (1.0, 1.0)
    assert (same.always.low, same.always.high) == (0.5, 0.5)


@pytest.mark.parametrize(
    ("gains", "said"),
    [
        (GAINS[1:], "9 cells have a warning; below 10"),
        ([1.0] * 10, "No one of the 10 cells"),
        ([-1.0] * 10, "Every one of the 10"),
    ],
)
def test_few_cells_or_one_sign_have_no_score(gains, said):
    cells = told(gains, SAID[: len(gains)])
    assert warning_score(cells) is None
    assert why_no_score(cells).startswith(said)
    assert why_no_score(told()) == ""


def test_bins_hold_equally_many_cells_and_have_wilson_s_interval():
    said = np.repeat([0.8, 0.2], 10)
    gains = [-1.0] * 7 + [1.0] * 3 + [-1.0] + [1.0] * 9
    bins = warning_bins(told(gains, said), 0.05)
    assert bins[["warning", "hurt", "n"]].to_numpy().tolist() == [
        pytest.approx([0.2, 0.1, 10]),
        pytest.approx([0.8, 0.7, 10]),
    ]
    assert bins.loc[1, ["low", "high"]].tolist() == pytest.approx([0.3968, 0.8922], abs=1e-4)
    assert len(warning_bins(told([-1.0] * 150, np.linspace(0, 1, 150)), 0.05)) == 10


def test_what_was_most_wrong_is_beyond_noise_and_the_farthest_first():
    flags = ["negative", "negative", "negative", "inconclusive", "positive", "positive", "negative", "positive"]
    wrong = most_wrong(told([1.0] * 8, [0.9, 0.1, 0.4, 0.0, 0.5, 0.95, 0.5, 0.49], flags=flags))
    assert wrong["warning"].tolist() == [0.95, 0.1, 0.4, 0.5]
    assert wrong["flag"].tolist() == ["positive", "negative", "negative", "positive"]


def test_versions_are_those_of_the_selection():
    runs = table(
        run(warning_version="v2"),
        run(seed=1, warning_version="v1"),
        run(seed=2),
        run(selection="iwv", warning_version="v3"),
    )
    assert versions_of(runs, "last") == ["v1", "v2"]
    assert versions_of(table(run()), "last") == []
