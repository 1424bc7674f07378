"""The example of docs/quantities.md, recomputed from its own table of right and wrong answers; and the page's links."""

import re
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from tlbench.findings import differences
from tlbench.transfer.crossed_gain import cell_flag, corrected, half_width, p_above
from tlbench.transfer.gain import paired_gain

DOCS = Path(__file__).parents[1] / "docs"
PAGE = (DOCS / "quantities.md").read_text("utf-8")
EXAMPLE = PAGE[PAGE.index("## A cell by hand") :]
GROUPS = np.array([1, 2, 3, 4, 4])  # "4 and 5 are two drawings of one thing"


def rows(head: str) -> list[list[str]]:
    """The cells of the example's table with this head, below its rule."""
    lines = EXAMPLE[EXAMPLE.index(head) :].split("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def right(who: str) -> np.ndarray:
    """(3, 5) of the run or the reference."""
    return np.array([[int(v) for v in row[2:]] for row in rows("| seed | predictions of") if row[1] == who], dtype=bool)


def on_the_test_part(right_N: np.ndarray) -> differences.Tested:
    return differences.Tested(np.arange(5), GROUPS, np.zeros(5, dtype=int), right_N)


@pytest.fixture
def printed() -> dict[str, str]:
    return dict(rows("| quantity | value"))


@pytest.fixture
def cell():
    pairs = [(on_the_test_part(a), on_the_test_part(b)) for a, b in zip(right("run"), right("reference"), strict=True)]
    return differences.cell_differences(pairs, "accuracy", per_class=False).whole


def p_of(cell) -> float:
    return 2 * float(p_above([cell], np.abs([cell.gain]))[0])


def agrees(text: str, value: float) -> bool:
    """Whether the value is the text, rounded to the digits that the text has."""
    return f"{value:.{len(text.partition('.')[2])}f}" == text


def test_runs(printed):
    gains = [paired_gain(a, b, GROUPS, alpha=0.05) for a, b in zip(right("run"), right("reference"), strict=True)]
    for seed, found in enumerate(gains, start=1):
        assert agrees(printed[f"gain of seed {seed}"], found.gain)
        assert found.flag == "inconclusive"
    assert agrees(printed["p of seed 1"], gains[0].p)
    assert agrees(printed["low end of seed 1"], gains[0].low)
    assert agrees(printed["high end of seed 1"], gains[0].high)


def test_cell(cell, printed):
    half = float(half_width([cell], 0.05)[0])
    assert cell.n_units == 4
    assert agrees(printed["gain of the cell"], cell.gain)
    assert agrees(printed["V_seeds"], cell.seed_var)
    assert agrees(printed["V_units"], cell.unit_var)
    assert agrees(printed["f"], cell.unit_df)
    assert agrees(printed["half width"], half)
    assert agrees(printed["quantile"], half / (cell.seed_var + cell.unit_var) ** 0.5)
    assert agrees(printed["p of the cell"], p_of(cell))
    assert printed["flag of the cell"] == cell_flag(cell.gain, p_of(cell), 1.0, 3, 0.05)
    assert f"{cell.gain - half:.2f} to {cell.gain + half:.2f}" in EXAMPLE


def test_steps_to_v_units(printed):
    table = rows("| seed | y_su")
    units, weights = [[0], [1], [2], [3, 4]], np.array([1, 1, 1, 2]) / 5
    sums, squares = np.zeros(4), 0.0
    for row, run, reference in zip(table, right("run").astype(int), right("reference").astype(int), strict=False):
        y = np.array([20 * sum(run[i] - reference[i] for i in unit) for unit in units])
        c = y - weights * y.sum()
        assert [list(map(float, text.split(","))) for text in row[1:4]] == [
            y.tolist(),
            [*(weights * y.sum())],
            c.tolist(),
        ]
        assert float(row[4]) == (c**2).sum()
        sums, squares = sums + c, squares + (c**2).sum()
    assert (list(map(float, table[3][3].split(","))), float(table[3][4])) == (sums.tolist(), squares)
    assert agrees(printed["V_units"], ((sums**2).sum() - squares) / 6 * 4 / 3)
    between, rest = (sums**2).sum() / 3 / 3, (squares - (sums**2).sum() / 3) / 6
    ratio = between / rest
    assert agrees(printed["f"], (ratio - 1) ** 2 * 3 / (ratio**2 + 1 / 2))


def test_a_t_test_over_seeds_would_have_flagged_it(printed):
    gains = [float(printed[f"gain of seed {seed}"]) for seed in (1, 2, 3)]
    assert agrees(printed["p of the t test over seeds"], stats.ttest_1samp(gains, 0).pvalue)


def test_p_is_the_level_at_which_the_half_width_equals_the_gain(cell):
    p = p_of(cell)
    by_seed, by_unit = stats.t.ppf(1 - p / 2, [2, cell.unit_df])
    total = cell.seed_var + cell.unit_var
    quantile = (cell.seed_var * by_seed + cell.unit_var * by_unit) / total
    assert quantile * total**0.5 == pytest.approx(60)
    for value in (f"{1 - p / 2:.5f}"[1:], f"{by_seed:.4f}", f"{by_unit:.4f}", f"{quantile:.4f}"):
        assert value in EXAMPLE


def test_correction_over_three_cells(cell):
    table = rows("| p | Holm")
    assert agrees(table[-1][0], p_of(cell))
    p = [*(float(row[0]) for row in table[:-1]), p_of(cell)]
    for column, method in ((1, "holm"), (2, "bh")):
        for row, q in zip(table, corrected(p, method), strict=True):
            assert agrees(row[column], q)
            assert row[column + 2] == cell_flag(-60.0, q, 1.0, 3, 0.05)


def slug(heading: str) -> str:
    """GitHub's anchor of a heading."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def test_links_into_pages_meet_a_heading():
    links = re.findall(r"\]\(([a-z]*\.md|)#([^)]+)\)", PAGE)
    assert len(links) > 20
    for file, anchor in links:
        text = (DOCS / file).read_text("utf-8") if file else PAGE
        assert anchor in {slug(h) for h in re.findall(r"^#+ (.+)$", text, re.MULTILINE)}, (file, anchor)
