"""Signals of a warning, by hand and by what must not matter."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.transfer.warning.outlooks import outlook, sure
from tlbench.selection.validators import VALIDATORS
from tlbench.transfer.warning.outlook import Outlook
from tlbench.transfer.warning.signals import AGAINST, FOR, confidence_fall, signals, thresholded_confidence


def test_votes_are_counted_where_the_two_disagree():
    # they disagree on the last three of four; a voter is with the method on two of these, with the reference on one
    reference = outlook([0, 0, 0, 0], votes={"neighbours": [0, 1, 1, 0]})
    own = outlook([0, 1, 1, 1], votes={"neighbours": [0, 0, 0, 0]})
    found = signals(own, reference)
    assert found["disagreement"] == 0.75
    assert found["neighbours_votes"] == pytest.approx(1 / 4)
    assert found["neighbours_lead"] == pytest.approx(1 / 3)
    assert found["neighbours_own_votes"] == pytest.approx(-3 / 4)
    assert found["neighbours_own_lead"] == -1
    assert "ridge_votes" not in found


def test_other_methods_vote_and_their_mean_counts():
    reference, own = outlook([0, 0, 0, 0]), outlook([0, 1, 1, 1])
    others = [outlook([1, 1, 1, 0]), outlook([0, 0, 0, 1])]  # leads of 2 - 1 and of 1 - 2
    assert signals(own, reference, others)["others_votes"] == signals(own, reference, others)["others_lead"] == 0
    found = signals(own, reference, others[:1])
    assert (found["others_votes"], found["others_lead"]) == (pytest.approx(1 / 4), pytest.approx(1 / 3))
    assert "others_votes" not in signals(own, reference)


def test_each_signal_has_a_direction_or_is_the_references_state():
    val = sure([0, 1]), np.array([0, 1]), np.ones(2)
    names = ("neighbours", "ridge", "means")
    numbers = dict.fromkeys([*VALIDATORS, "critic", "projection_norm", "head_uniformity", "hopkins"], 1.0)
    look = outlook([0, 1], val=val, near=[[1], [0]], votes={name: [0, 1] for name in names}, numbers=numbers)
    state = {"reference_confidence", "reference_nearness", "reference_val_accuracy", "likely_shift"}
    assert set(signals(look, look, [look])) == {*FOR, *AGAINST} | state


def test_confidences_and_their_product():
    reference, own = outlook([0, 0], top=0.75), outlook([0, 1], top=0.875)  # both exact in half precision
    found = signals(own, reference)
    assert found["confidence"] == found["confidence_apart"] == 0.125
    assert found["reference_confidence"] == 0.75
    assert found["product_apart"] == pytest.approx(np.log(0.875 / 0.125) + np.log(0.25 / 0.75), abs=1e-6)


def test_where_they_agree_everywhere_nothing_speaks():
    one = outlook([0, 1, 1], top=0.75, votes={"ridge": [1, 1, 1]}, near=[[1], [2], [1]], numbers={"bnm": 0.5})
    found = signals(one, one)
    state = {name for name in found if name.startswith("reference") or name == "likely_shift"}
    assert state == {"reference_confidence", "reference_nearness", "likely_shift"}
    assert {found[name] for name in set(found) - state} == {0.0}


def test_class_shares_by_hand():
    # source 1/2, 1/2; the reference says 3/4 of class 0, the method 1/4: all sure, so EM's shares are the reference's
    found = signals(outlook([0, 1, 1, 1]), outlook([0, 0, 0, 1]))
    assert found["moved_shares"] == 0.5
    assert found["likely_shift"] == pytest.approx(0.25, abs=2e-3)
    assert found["nearer_shares"] == pytest.approx(-0.5, abs=4e-3)
    assert found["nearer_source_shares"] == 0
    assert found["reference_nearness"] == 0.25
    assert found["empty_classes"] == 0
    assert signals(outlook([0, 0], k=4), outlook([0, 1], k=4))["empty_classes"] == pytest.approx(1 / 4)


def test_smoothness_is_over_the_neighbours_of_each_ones_features():
    near = [[1], [0], [3], [2]]
    found = signals(outlook([0, 1, 0, 1], near=[[2], [3], [0], [1]]), outlook([0, 0, 1, 1], near=near))
    assert found["smoothness"] == -1
    assert found["own_smoothness"] == 1


def test_on_the_source_and_weighted():
    val = lambda says, weights: (sure(says), np.array([0, 0, 1]), np.array(weights))  # noqa: E731
    own = outlook([0], source=((0, 1), (0, 1)), val=val([0, 0, 0], [9, 9, 9]))
    reference = outlook([0], source=((0, 0), (0, 1)), val=val([0, 1, 1], [1, 2, 1]))
    found = signals(own, reference)
    assert found["source_accuracy"] == 0.5
    assert found["val_accuracy"] == 0
    assert found["reference_val_accuracy"] == pytest.approx(2 / 3)
    assert found["weighted_lead"] == pytest.approx((2 - 1) / 4)


def test_estimated_accuracies_by_hand():
    val = np.array([[0.875, 0.125], [0.75, 0.25], [0.625, 0.375], [0.5625, 0.4375]]), np.array([0, 0, 0, 1]), np.ones(4)
    look = outlook([0, 0, 0, 0, 0], top=0.625, val=val)
    assert thresholded_confidence(look) == 1  # three of four are right, so the threshold is the third confidence: 0.625
    assert thresholded_confidence(outlook([0], top=0.59375, val=val)) == 0
    assert confidence_fall(look) == pytest.approx(0.75 - (0.703125 - 0.625))


def test_without_source_only_what_needs_none_is_left():
    own, reference = (
        outlook([0, 1], source=None, numbers={"im": 1.0}),
        outlook([0, 0], source=None, numbers={"im": 0.25, "dev": 0.0}),
    )
    found = signals(own, reference)
    assert found["im"] == 0.75
    assert not {"dev", "likely_shift", "nearer_shares", "source_accuracy", "val_accuracy", "atc", "smoothness"} & set(
        found
    )


def test_a_method_with_an_output_more_than_its_reference():
    found = signals(outlook([0, 2], k=3), outlook([0, 1], k=2))
    assert found["moved_shares"] == 0.5
    assert np.isfinite(list(found.values())).all()


def test_other_examples_are_refused():
    with pytest.raises(ValueError, match="one set of examples, got sets of 2 and 3"):
        signals(outlook([0, 1]), outlook([0, 1, 1]))


@given(st.integers(0, 10_000))
def test_neither_the_order_of_the_examples_nor_the_names_of_classes_matter(seed):
    rng, n, k = np.random.default_rng(seed), 12, 3
    said = [rng.integers(0, k, n) for _ in range(2)]
    voted = [rng.integers(0, k, n) for _ in range(2)]
    near, source = [rng.integers(0, n, (n, 2)) for _ in range(2)], (rng.integers(0, k, 9), np.arange(9) % k)
    order, names = rng.permutation(n), rng.permutation(k)
    place = np.argsort(order)

    def pair(changed: bool) -> list[Outlook]:
        rows, name = (order, names) if changed else (np.arange(n), np.arange(k))
        moved = place if changed else np.arange(n)
        return [
            outlook(
                name[said[i]][rows],
                k=k,
                top=0.75,
                source=(name[source[0]], name[source[1]]),
                near=moved[near[i][rows]],
                votes={"ridge": name[voted[i]][rows]},
            )
            for i in range(2)
        ]

    before, after = signals(*pair(False)), signals(*pair(True))
    assert after == pytest.approx(before, abs=1e-6)


def test_arrays_give_the_outlook_back():
    one = outlook([0, 1], top=0.75, near=[[1], [0]], votes={"means": [1, 1]}, numbers={"bnm": 0.1, "iwv": -3e10})
    again = Outlook.of_arrays(one.arrays())
    assert again.numbers == one.numbers
    assert again.arrays().keys() == one.arrays().keys()
    for name, array in one.arrays().items():
        np.testing.assert_array_equal(array, again.arrays()[name])
