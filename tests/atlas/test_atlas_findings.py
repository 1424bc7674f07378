"""What the atlas says, on tables whose numbers can be worked out by hand."""

import numpy as np
import pytest

from tests.atlas.by_hand import row, table
from tlbench.atlas.atlas_cells import atlas_cells
from tlbench.atlas.atlas_ranks import ranks
from tlbench.atlas.foresight import foresight, left_out
from tlbench.atlas.harm import gains_by_place, harm, policies
from tlbench.atlas.truths import by_class_shares, by_known_shift
from tlbench.atlas.tuning import tuned_beside_default, what_tuning_does

T1 = 12.706205  # 97.5 % quantile of Student's t with one degree of freedom


def cells_of(*rows):
    return atlas_cells(table(*rows))


def test_families_of_data_count_alike():
    families = [row("x", -1), row("x", -1), row("x", 5), row("y", -3), row("z", 1), row("w", 3)]
    (all_,) = harm(cells_of(*families), []).itertuples()
    assert (all_.cells, all_.families) == (6, 4)
    assert all_.below == pytest.approx((200 / 3 + 100) / 4)  # over cells it were 50
    assert all_.gain == pytest.approx((1 - 3 + 1 + 3) / 4)
    assert all_.gain_half == pytest.approx(
        3.182446 * (19 / 3) ** 0.5 / 2, rel=1e-5
    )  # t with 3 degrees; variance of 1, -3, 1, 3
    assert all_.worst == pytest.approx(-3 + 0.25 * 2)  # the 5 % quantile of -3, -1, -1, 1, 3, 5
    (two,) = harm(cells_of(*families[:-2]), []).itertuples()
    assert np.isnan(two.gain_half)  # an interval over two families would say nothing


def test_harm_of_each_method_the_worst_first():
    found = harm(cells_of(row("x", 1, method="a"), row("x", -1, method="b", gain_p=1e-6)), ["method"])
    assert found["method"].tolist() == ["b", "a"]
    assert found["hurt"].tolist() == [100.0, 0.0]
    assert found["below_half"].isna().all()  # one family says nothing of others


def test_policies():
    found = policies(cells_of(row("x", -2), row("x", 4), row("y", -6))).set_index("policy")
    assert found["score"].to_dict() == pytest.approx(
        {"never": 50.0, "always": 50 + (1 - 6) / 2, "ORACLE": 50 + (2 + 0) / 2}
    )
    assert found.loc["ORACLE", "over_never_half"] == pytest.approx(T1 * np.sqrt(2) / np.sqrt(2), rel=1e-5)
    assert np.isnan(found.loc["never", "over_never_half"])


def test_gains_by_place_leave_holes():
    wide = gains_by_place(cells_of(row("x", 1, method="a"), row("x", 3, method="a"), row("y", 5, method="b")))
    assert wide.loc["a", "x"] == 2
    assert np.isnan(wide.loc["a", "y"])


def test_known_shifts_are_told_apart_by_the_target():
    own = {"dataset": "gaussian_shifts"}
    rows = [row("k", 8, pair="source-covariate", **own), row("k", -4, pair="source-label", **own),
            row("k", -9, pair="source-label", source_shares=0.3, **own), row("x", 1, pair="source-label")]  # fmt: skip
    assert by_known_shift(cells_of(*rows)).loc["m"].to_dict() == {"covariate": 8, "label": -4}


def test_class_shares_are_compared_in_the_same_place():
    rows = [row("x", 2), row("x", -6, source_shares=0.3), row("x", 9, pair="c-d"), row("y", 4, dataset="e"),
            row("y", 0, dataset="e", source_shares=1.0)]  # fmt: skip
    (found,) = by_class_shares(cells_of(*rows)).itertuples()
    assert (found.method, found.places) == ("m", 2)  # c-d was not drawn anew
    assert (found.as_they_are, found.drawn, found.change) == (3, -3, -6)
    assert (found.below_as_they_are, found.below_drawn) == (0, 50)
    assert found.change_half == pytest.approx(T1 * 2, rel=1e-5)  # -8 and -4


def test_a_tuned_cell_stands_beside_the_default_of_its_place():
    rows = [row("x", -1, cell_key="c"), row("x", 3, cell_key="t", tuned=True, rule="im"),
            row("x", 5, pair="c-d", cell_key="e"), row("x", 5, pair="c-d", cell_key="e", tuned=True, rule="im"),
            row("x", 7, classifier="svm", tuned=True, rule="im")]  # fmt: skip
    both = tuned_beside_default(cells_of(*rows)).set_index("pair")
    assert both[["gain_default", "gain_tuned", "moved"]].to_numpy().tolist() == [[-1, 3, True], [5, 5, False]]
    told = what_tuning_does(both.reset_index()).set_index("method").loc["all"]
    assert told[["places", "moved", "default", "tuned", "change", "below_default", "below_tuned"]].tolist() == [
        2,
        50,
        2,
        4,
        2,
        50,
        0,
    ]


def two_signs(family, low, high, n=5, **other):
    """n cells that lost and n that gained, and what was measured of each."""
    return [row(family, gain, validator_im=value, reference_validator_im=0.0, method=f"m{i}", **other)
            for i, (gain, value) in enumerate([*((-1, low),) * n, *((1, high),) * n])]  # fmt: skip


def test_a_candidate_takes_its_direction_from_the_other_families():
    cells = cells_of(*two_signs("x", 0.1, 0.9), *two_signs("y", 0.1, 0.9), *two_signs("z", 0.9, 0.1))
    known = cells["validator_im"]
    # x and y are warned of by a low value, as by the other of the two and against z: their areas tie at 1/2, and up it goes
    assert left_out(cells, known) == {"x": 0.0, "y": 0.0, "z": 0.0}
    assert left_out(cells[cells["data_family"] != "z"], known) == {"x": 1.0, "y": 1.0}


def test_base_rates_are_those_of_other_families_and_need_both_signs():
    cells = cells_of(*two_signs("x", 0, 0), *two_signs("y", 0, 0), *(row("z", -1) for _ in range(5)))
    assert left_out(cells, None) == {"x": 1.0, "y": 1.0}  # m0 to m4 lost in the other family too; z lost always


def test_foresight_takes_differences_from_the_reference_and_sorts():
    cells = cells_of(*two_signs("x", 0.1, 0.9, distance_mmd=0.5), *two_signs("y", 0.1, 0.9, distance_mmd=0.5))
    found = foresight(cells).set_index("candidate")
    assert found.loc["validator im (difference)", ["auroc", "auroc_half", "families", "cells"]].tolist() == [
        1,
        0,
        2,
        20,
    ]
    assert found.loc["distance mmd", "auroc"] == 0.5
    assert np.isnan(found.loc["distance mmd", "beyond_noise"])  # no cell is beyond noise
    assert found["auroc"].is_monotonic_decreasing


def test_ranks_are_over_families_that_share_methods_and_not_adapting_takes_part():
    rows = [row(family, gain, method=method) for family, gains in {"x": (2, -1), "y": (3, 1), "z": (1, -2)}.items()
            for method, gain in zip("ab", gains, strict=True)]  # fmt: skip
    found, tests = ranks(cells_of(*rows, row("x", 9, method="only here"), row("x", -9, method="a", source_shares=0.3)))
    assert found["method"].tolist() == ["a", "(never adapt)", "b"]
    assert found["rank"].tolist() == pytest.approx([1, 7 / 3, 8 / 3])
    assert found["gain"].tolist() == pytest.approx([2, 0, -2 / 3])
    assert (found["rank_low"] <= found["rank"]).all()
    assert found.loc[0, ["rank_low", "rank_high"]].tolist() == [1, 1]
    assert tests.n_pairs == 3
    assert ranks(cells_of(*rows[:2])) is None
