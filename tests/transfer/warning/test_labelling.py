"""What labels of disagreements say, by hand, and how they are chosen."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import beta

from tlbench.transfer.warning.labelling import chosen_rows, prior, settled


def test_only_disagreements_are_chosen_spread_over_how_sure_the_two_are():
    own = np.array([[0.9, 0.1], [0.2, 0.8], [0.4, 0.6], [0.3, 0.7], [0.1, 0.9]])
    reference = np.array([[0.8, 0.2], [0.9, 0.1], [0.9, 0.1], [0.9, 0.1], [0.6, 0.4]])
    # of rows 1 to 4 both together hold -0.1, -0.3, -0.5 + ... more for the method's class: 2, 3, 1, 4 in this order
    assert chosen_rows(own, reference, 4).tolist() == [2, 3, 1, 4]
    assert chosen_rows(own, reference, 2).tolist() == [3, 4]
    assert chosen_rows(own, reference, 1).tolist() == [1]
    assert chosen_rows(own, own, 3).tolist() == []
    assert len(chosen_rows(own, reference, 99)) == 4


def test_each_tenth_of_the_order_has_its_label():
    sure = np.linspace(0.501, 0.999, 100)
    own, reference = np.column_stack([sure, 1 - sure]), np.tile([0.4, 0.6], (100, 1))
    assert (chosen_rows(own, reference, 10) // 10).tolist() == list(range(10))


def of_kinds(sizes):
    """Two models' probabilities of 4 classes whose disagreements are of these kinds, in a shuffled order, and the kinds."""
    kinds = np.repeat(np.arange(len(sizes)), sizes)
    np.random.default_rng(0).shuffle(kinds)
    pairs = np.array([(0, 1), (1, 0), (2, 3), (0, 2)])[kinds]
    sure = np.random.default_rng(1).uniform(0.3, 1.0, (2, len(kinds), 1))
    return *(np.eye(4)[pairs[:, i]] * sure[i] + (1 - sure[i]) / 4 for i in range(2)), kinds


@pytest.mark.parametrize(
    ("sizes", "shares"), [((66, 30, 20, 12), (6, 2, 1, 1)), ((60, 7, 1, 1), (9, 1, 0, 0)), ((3, 4, 2, 1), (3, 4, 2, 1))]
)
def test_labels_go_to_kinds_of_disagreement_by_highest_averages(sizes, shares):
    # first case: 66, 33, 30, 22, 20, 16.5, 15, 13.2, 12, 11 are the ten highest of 66/n, 30/n, 20/n, 12/n
    own, reference, kinds = of_kinds(sizes)
    rows = chosen_rows(own, reference, 10)
    assert len(set(rows.tolist())) == 10
    counts = np.bincount(kinds[rows], minlength=4)
    assert tuple(counts) == shares


def test_without_labels_the_warning_stands():
    for p in (0.02, 0.4, 0.5, 0.97):
        found = settled([], [], [], 30, 100, p)
        assert found.probability == pytest.approx(p, abs=1e-6)
        assert (found.n_own, found.n_reference, found.n_neither) == (0, 0, 0)
    assert settled([], [], [], 30, 100, 0.97).gain < 0 < settled([], [], [], 30, 100, 0.03).gain


def test_labels_are_counted_and_weighed_with_it():
    found = settled(
        [0, 1, 1, 2], [0, 1, 0, 1], [1, 0, 1, 0], 50, 100, 0.5
    )  # the method twice, the reference once, neither once
    assert (found.n_own, found.n_reference, found.n_neither) == (2, 1, 1)
    a, b = prior(0.5, 4.0)
    assert (a, b) == pytest.approx((2.0, 2.0))
    assert found.probability == pytest.approx(beta(a + 2, b + 1).cdf(0.5))
    # one more of the labelled, and of each of 46 others E[decisive * (2 q - 1)] with decisive ~ Beta(4, 2), q ~ Beta(4, 3)
    assert found.gain == pytest.approx(1 + 46 * (4 / 6) * (2 * 4 / 7 - 1), abs=0.3)
    assert found.low < found.gain < found.high


def test_many_labels_outweigh_any_warning():
    labels, own = [0] * 60, [0] * 60
    found = settled(labels, own, [1] * 60, 100, 400, 0.99)
    assert found.probability < 1e-6
    assert 20 < found.gain < 25
    assert found.high <= 25


@given(st.integers(0, 8), st.integers(0, 8), st.floats(0.01, 0.99))
def test_exchanging_the_two_turns_the_word_round(n_own, n_reference, warning):
    labels, n = [0] * n_own + [1] * n_reference, n_own + n_reference
    one = settled(labels, [0] * n, [1] * n, 40, 100, warning).probability
    other = settled(labels, [1] * n, [0] * n, 40, 100, 1 - warning).probability
    assert one == pytest.approx(1 - other, abs=1e-6)


def test_once_all_disagreements_are_labelled_their_gain_is_known():
    found = settled([0, 0, 1, 1, 1, 2], [0, 0, 0, 0, 0, 0], [1, 1, 1, 1, 1, 1], 6, 200, 0.1)
    assert (found.gain, found.low, found.high) == pytest.approx((-0.5, -0.5, -0.5))
    a, b = prior(0.1, 4.0)
    assert found.probability == pytest.approx(beta(a + 2, b + 3).cdf(0.5))


@pytest.mark.parametrize(
    ("labels", "own", "reference", "n_apart"),
    [([0], [0, 1], [1, 0], 9), ([0], [1], [1], 9), ([0, 0], [0, 0], [1, 1], 1), ([0], [0], [1], 21)],
)
def test_what_is_no_labelled_disagreement_is_refused(labels, own, reference, n_apart):
    with pytest.raises(ValueError, match="one label for each"):
        settled(labels, own, reference, n_apart, 20, 0.5)
