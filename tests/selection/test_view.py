import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.selection.views import seen, view
from tlbench.selection.importance import importance_weights
from tlbench.selection.view import Mixed, Seen, View, mixing_rows


@given(st.lists(st.integers(0, 4), min_size=1, max_size=40), st.integers(0, 2**32))
def test_every_row_is_mixed_once_within_its_class_and_once_across(predictions, seed):
    said = np.array(predictions)
    first, second = mixing_rows(said, np.random.default_rng(seed))
    inner = said[first] == said[second]
    crowded = [i for i, c in enumerate(predictions) if predictions.count(c) > 1]
    assert sorted(first[inner]) == crowded
    assert sorted(second[inner]) == crowded
    assert sorted(first[~inner]) == (list(range(len(said))) if len(set(predictions)) > 1 else [])
    assert not (first == second).any()
    assert inner.tolist() == sorted(inner, reverse=True)


def test_partners_are_drawn_from_the_generator_alone_and_over_all_rows():
    said = np.repeat([0, 1], [6, 30])

    def draw(seed):
        return np.stack(mixing_rows(said, np.random.default_rng(seed)))

    assert (draw(1) == draw(1)).all()
    assert (draw(1) != draw(2)).any()
    pairs = {tuple(pair) for seed in range(400) for pair in draw(seed).T.tolist()}
    assert {second for first, second in pairs if first == 0} == set(range(1, 36))


def test_predictions_to_mix_are_a_vector():
    with pytest.raises(ValueError, match=r"\(3, 2\)"):
        mixing_rows(np.zeros((3, 2)), np.random.default_rng(0))


def test_a_view_has_no_field_for_target_labels():
    labels = {f.name for f in dataclasses.fields(View) if "label" in f.name}
    assert labels == {"source_labels", "source_val_labels"}
    assert {f.name for f in dataclasses.fields(Seen)} == {"features_ND", "probabilities_NC"}


def test_weights_are_worked_out_once():
    v = view()
    assert v.weights_V is v.weights_V
    parts = (v.source, v.target, v.source_val)
    assert v.weights_V.tolist() == importance_weights(*(p.features_ND for p in parts)).tolist()


def test_no_weights_without_source_validation():
    bare = dataclasses.replace(view(), source_val=None, source_val_labels=None)
    with pytest.raises(ValueError, match="source validation"):
        _ = bare.weights_V


@pytest.mark.parametrize(
    ("features", "probabilities", "say"),
    [
        (np.ones(3), np.ones((3, 2)), r"\(3,\)"),
        (np.ones((3, 2)), np.ones(3), r"\(3,\)"),
        (np.ones((3, 2)), np.ones((4, 2)), r"\(4, 2\)"),
        (np.ones((0, 2)), np.ones((0, 2)), r"\(0, 2\)"),
        (np.ones((3, 0)), np.ones((3, 2)), r"\(3, 0\)"),
        (np.full((3, 2), np.nan), np.ones((3, 2)), "finite"),
        (np.ones((3, 2)), np.full((3, 2), np.inf), "finite"),
    ],
)
def test_impossible_examples_are_refused(features, probabilities, say):
    Seen(np.ones((3, 2)), np.ones((3, 2)))
    with pytest.raises(ValueError, match=say):
        Seen(features, probabilities)


@pytest.mark.parametrize(
    ("change", "say"),
    [
        ({"source_val": None}, "together"),
        ({"source_val_labels": None}, "together"),
        ({"target": seen(5, width=3)[0]}, "one number of features"),
        ({"target": seen(5, classes=4)[0]}, "one number of features"),
        ({"source_val": seen(20, width=3)[0]}, "one number of features"),
        ({"source_labels": np.zeros(7, dtype=int)}, r"shape \(7,\)"),
        ({"source_labels": np.zeros(30)}, "integers"),
        ({"source_labels": np.full(30, 3)}, r"0\.\.2, got 3\.\.3"),
        ({"source_labels": np.full(30, -1)}, r"got -1\.\.-1"),
        ({"source_val_labels": np.full(20, 3)}, r"got 3\.\.3"),
    ],
)
def test_parts_that_do_not_fit_are_refused(change, say):
    dataclasses.replace(view(), source_val=None, source_val_labels=None)
    with pytest.raises(ValueError, match=say):
        dataclasses.replace(view(), **change)


@pytest.mark.parametrize(
    ("shape", "first", "second", "say"),
    [
        ((2, 4), [0, 1], [1, 0], r"\(P, 3\)"),
        ((2, 3), [0], [1, 0], r"\(P, 3\)"),
        ((2, 3), [0, 1], [1], r"\(P, 3\)"),
        ((2, 3), [0, 25], [1, 0], r"0\.\.24"),
        ((2, 3), [0, 1], [1, -1], r"0\.\.24"),
        ((2, 3), [0.0, 1.0], [1.0, 0.0], r"0\.\.24"),
    ],
)
def test_mixed_rows_are_rows_of_the_target(shape, first, second, say):
    dataclasses.replace(view(), mixed=Mixed(np.ones((2, 3)) / 3, np.array([0, 24]), np.array([1, 0])))
    with pytest.raises(ValueError, match=say):
        dataclasses.replace(view(), mixed=Mixed(np.ones(shape) / 3, np.array(first), np.array(second)))


def test_mixed_probabilities_are_finite():
    with pytest.raises(ValueError, match="finite"):
        dataclasses.replace(view(), mixed=Mixed(np.full((1, 3), np.nan), np.array([0]), np.array([1])))
