import numpy as np
import pytest

from tlbench.functional.divergence import class_balance, training_a_distance

LINE = np.arange(10.0)[:, None]


def test_far_domains_have_distance_two_and_equal_ones_none():
    assert training_a_distance(LINE, LINE + 100) == 2
    assert training_a_distance(LINE, LINE) == 0
    # two of twenty are on the wrong side of any cut: error 1/10, 2 (1 - 2/10) = 1.6
    mixed = np.concatenate([LINE[:9] + 100, LINE[:1]]), np.concatenate([LINE[:9], LINE[:1] + 100])
    assert training_a_distance(*mixed) == pytest.approx(1.6)


def test_the_balance_is_the_share_of_the_classes_distance():
    # the two classes change places: apart within each class, alike as a whole
    source, target, labels = (
        np.concatenate([LINE, LINE + 100]),
        np.concatenate([LINE + 100, LINE]),
        np.repeat([0, 1], 10),
    )
    assert class_balance(source, labels, target, labels) == 1
    # one class moves far away: 2 for it, 0 for the other, half of all rows can be told from the others
    moved = np.concatenate([LINE, LINE + 200])
    whole = training_a_distance(source, moved)
    assert class_balance(source, labels, moved, labels) == pytest.approx(1 / (1 + whole))


def test_classes_that_one_side_lacks_are_left_out_and_equal_domains_are_in_balance():
    labels = np.repeat([0, 1], 5)
    assert class_balance(LINE, labels, LINE + 100, np.full(10, 1)) == pytest.approx(0.5)
    assert class_balance(LINE, labels, LINE, np.full(10, 2)) == 0.5
    assert class_balance(LINE, labels, LINE, labels) == 0.5
