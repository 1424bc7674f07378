"""What holds for all validators together; the values of each are in test_with_source.py and test_target_only.py."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.selection.views import renamed, reordered, view
from tlbench.selection import target_only, with_source
from tlbench.selection.validators import NEEDS, VALIDATORS, scores
from tlbench.selection.view import MIX_SHARE, Mixed, Seen, View

NAMES = ["iwv", "dev", "entropy", "diversity", "im", "bnm", "snd", "class_cluster", "mixval", "circular"]
WORST = {"mixval": 0.0, "class_cluster": -1.0, "diversity": 0.0, "im": 0.0}


def test_names_and_their_order():
    assert list(VALIDATORS) == list(scores(view())) == NAMES
    assert MIX_SHARE == 0.55


def test_each_name_looks_at_the_part_it_should():
    v = view()
    p, said = v.target.probabilities_NC, (v.source_val.probabilities_NC, v.source_val_labels, v.weights_V)
    want = {
        "iwv": with_source.iwv(*said),
        "dev": with_source.dev(*said),
        "class_cluster": target_only.class_cluster(v.target.features_ND, p),
        "mixval": target_only.mixval(p, v.mixed),
        "circular": with_source.circular(v.source.features_ND, v.source_labels, v.target.features_ND, p),
    }
    want |= {name: getattr(target_only, name)(p) for name in ("entropy", "diversity", "im", "bnm", "snd")}
    assert scores(v) == want
    assert len(set(want.values())) == len(NAMES)


def test_what_a_view_lacks_leaves_its_validators_out_and_changes_no_other():
    v, whole = view(), scores(view())
    bare = scores(dataclasses.replace(v, source_val=None, source_val_labels=None))
    assert bare == {n: s for n, s in whole.items() if n not in ("iwv", "dev")}
    assert scores(dataclasses.replace(v, mixed=None)) == {n: s for n, s in whole.items() if n != "mixval"}
    hidden = dataclasses.replace(v, source=None, source_labels=None, source_val=None, source_val_labels=None)
    assert scores(hidden) == {n: s for n, s in whole.items() if n not in ("iwv", "dev", "circular")}
    assert set(NEEDS) == {"iwv", "dev", "mixval", "circular"}
    with pytest.raises(ValueError, match="Source examples and their labels must be given together"):
        dataclasses.replace(v, source=None)


def test_scores_are_plain_numbers_and_the_same_each_time():
    assert all(type(s) is float for s in scores(view()).values())
    assert scores(view()) == scores(view())


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("width", [5, 80])
@pytest.mark.parametrize("seed", range(3))
def test_the_order_of_the_examples_does_not_matter(name, width, seed):
    v = view(width=width, seed=seed)
    assert VALIDATORS[name](reordered(v, seed)) == pytest.approx(VALIDATORS[name](v), abs=1e-8)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("order", [[1, 2, 0], [2, 1, 0]])
def test_the_order_of_the_classes_does_not_matter(name, order):
    v = view()
    assert VALIDATORS[name](renamed(v, np.array(order))) == pytest.approx(VALIDATORS[name](v), abs=1e-8)


def test_two_classes_are_a_case_like_any_other():
    v = view(classes=2)
    assert scores(renamed(v, np.array([1, 0]))) == pytest.approx(scores(v), abs=1e-8)


def degenerate(features, probabilities, n_classes):
    n = len(features)
    part, labels = Seen(features, probabilities), np.arange(n) % n_classes
    mixed = Mixed(probabilities, np.arange(n), np.roll(np.arange(n), 1))
    return View(part, labels, part, labels, part, mixed)


def test_one_class_predicted_is_worst_where_a_validator_can_know():
    got = scores(degenerate(np.random.default_rng(0).normal(size=(12, 4)), np.eye(3)[np.zeros(12, dtype=int)], 3))
    assert np.isfinite(list(got.values())).all()
    assert got == pytest.approx(got | {"class_cluster": -1.0, "diversity": 0, "im": 0, "mixval": 0.5, "entropy": 0})
    assert got["circular"] == pytest.approx(1 / 3)  # all examples are told to be of one of three even classes
    assert got["bnm"] == pytest.approx(1 / 3**0.5)


@pytest.mark.parametrize("value", [0.0, 1.0, -0.3, 1e6])
def test_constant_features_say_nothing(value):
    v = degenerate(np.full((12, 4), value), np.eye(3)[np.arange(12) % 3] * 0.8 + 0.2 / 3, 3)
    got = scores(v)
    assert got["class_cluster"] == 0
    assert got["circular"] == pytest.approx(1 / 3)  # three classes tie
    assert (got["iwv"], got["dev"]) == pytest.approx((1, 0))
    assert scores(reordered(v, 1)) == pytest.approx(got, abs=1e-8)


def test_one_example_of_each_class():
    got = scores(degenerate(np.eye(3), np.eye(3), 3))
    assert np.isfinite(list(got.values())).all()
    assert got == pytest.approx(
        got | {"class_cluster": 0, "circular": 1, "bnm": 1, "mixval": 0.5, "im": np.log(3), "iwv": 1, "dev": 0}
    )


def test_a_single_example():
    got = scores(degenerate(np.ones((1, 2)), np.array([[0.2, 0.8]]), 2))
    assert np.isfinite(list(got.values())).all()
    assert (got["snd"], got["class_cluster"]) == (0, -1)
    assert (got["iwv"], got["dev"]) == pytest.approx((0, -1))


@settings(max_examples=60)
@given(
    st.integers(1, 7),
    st.integers(1, 4),
    st.integers(1, 3),
    st.integers(0, 2**32),
    st.sampled_from([0.0, 1e-300, 1.0, 1e8]),
)
def test_no_view_has_a_score_that_is_no_number(n, classes, width, seed, scale):
    rng = np.random.default_rng(seed)
    features = rng.integers(-1, 2, (n, width)) * scale
    hard = np.eye(classes)[rng.integers(0, classes, n)]
    soft = hard if rng.random() < 0.5 else (hard + 1e-9) / (1 + classes * 1e-9)
    got = scores(degenerate(features, soft, classes))
    assert list(got) == NAMES
    assert np.isfinite(list(got.values())).all()


@settings(max_examples=30)
@given(st.integers(2, 30), st.integers(2, 6), st.integers(0, 2**32))
def test_scores_keep_to_their_ranges(n, classes, seed):
    rng = np.random.default_rng(seed)
    got = scores(degenerate(rng.normal(size=(n, 3)), rng.dirichlet(np.full(classes, 0.3), n), classes))
    tops = {"entropy": 0, "diversity": np.log(classes), "im": np.log(classes), "bnm": 1, "snd": np.log(n), "iwv": 1}
    lows = {"entropy": -np.log(classes), "diversity": 0, "im": 0, "bnm": 0, "snd": 0, "class_cluster": -1}
    for name, score in got.items():
        assert lows.get(name, -np.inf if name in ("iwv", "dev") else 0) - 1e-9 <= score
        assert score <= tops.get(name, np.inf if name == "dev" else 1) + 1e-9


def test_narrow_and_wide_single_precision_features_are_taken():
    v = view(width=5000)
    small = {
        name: dataclasses.replace(getattr(v, name), features_ND=getattr(v, name).features_ND.astype(np.float32))
        for name in ("source", "source_val", "target")
    }
    assert scores(dataclasses.replace(v, **small)) == pytest.approx(scores(v), abs=1e-5)
