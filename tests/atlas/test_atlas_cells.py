"""Cells of the atlas: means over seeds, their standard error and their verdict, by hand."""

import pytest
from scipy.stats import norm

from tests.atlas.by_hand import row, table
from tlbench.atlas.atlas_cells import atlas_cells, plain_cells

WIDTH = 2 * norm.ppf(0.975)


def test_seeds_share_test_examples_so_their_part_does_not_shrink():
    # gains 1, 2, 6: mean 3, variance 7; each run's standard error over examples is 2 / 3.92
    runs = [row("x", gain, cell_key="c", seed=seed) for seed, gain in enumerate((1.0, 2.0, 6.0))]
    (cell,) = atlas_cells(table(*runs)).itertuples()
    se = ((2 / WIDTH) ** 2 + 7 / 3) ** 0.5
    assert (cell.n, cell.gain) == (3, pytest.approx(3.0))
    assert cell.se == pytest.approx(se)
    assert cell.p == pytest.approx(2 * norm.sf(3 / se))
    assert cell.verdict == "open"


def test_one_run_has_its_own_p_and_p_is_corrected_over_all_cells():
    cells = atlas_cells(table(row("x", -3, gain_p=0.02), row("x", 4, gain_p=0.001), row("x", 1, gain_p=0.9))).set_index(
        "gain"
    )
    assert cells["p"].tolist() == [0.02, 0.001, 0.9]
    assert cells["p_corrected"].tolist() == pytest.approx([0.03, 0.003, 0.9])  # 0.02 * 3 / 2, 0.001 * 3
    assert cells["verdict"].tolist() == ["hurt", "helped", "open"]


def test_references_and_what_used_target_labels_are_no_cells():
    rows = table(
        row("x", 1), row("x", 2, family="reference"), row("x", 3, uses_target_labels=True), row("x", float("nan"))
    )
    assert atlas_cells(rows)["gain"].tolist() == [1.0]


def test_plain_are_the_defaults_with_the_class_shares_as_they_are():
    rows = table(row("x", 1), row("x", 2, tuned=True, rule="im"), row("x", 3, source_shares=0.3))
    assert plain_cells(atlas_cells(rows))["gain"].tolist() == [1.0]


def test_what_was_known_is_averaged_over_seeds():
    rows = table(row("x", 1, cell_key="c", validator_im=0.25), row("x", 2, cell_key="c", seed=1, validator_im=0.75))
    assert atlas_cells(rows)["validator_im"].tolist() == [0.5]
