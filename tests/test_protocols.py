import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from tlbench.data.domain import Domain
from tlbench.errors import Refused
from tlbench.protocols import Inductive, Sampled, Transductive


def domain(n: int, name: str = "d", classes: int = 3, per_group: int = 1, given_test: int = 0, seed: int = 0) -> Domain:
    labels = np.random.default_rng(seed).permutation(np.arange(n // per_group) % classes).repeat(per_group)
    test = np.arange(len(labels)) >= len(labels) - given_test if given_test else None
    return Domain(name, np.zeros((len(labels), 2)), labels, np.arange(len(labels)) // per_group, test)


ANY = st.one_of(
    st.builds(Transductive, shots=st.integers(0, 3)),
    st.builds(Sampled, shots=st.integers(0, 3), n_source_per_class=st.integers(1, 30)),
    st.builds(Inductive, shots=st.integers(0, 3), source_val=st.floats(0, 0.6), target_test=st.floats(0.1, 0.6)),
)


@settings(deadline=None)
@given(ANY, st.integers(0, 5), st.sampled_from([1, 2]), st.sampled_from([0, 40]))
def test_what_every_split_must_hold(protocol, seed, per_group, given_test):
    source, target = domain(90, "s", per_group=per_group), domain(120, "t", per_group=per_group, given_test=given_test)
    rows = protocol.rows([source], target, seed)
    train, val = rows.source_train[0], rows.source_val[0]
    assert not set(source.groups[train]) & set(source.groups[val])
    shots, test, unlabelled = rows.target_shots, rows.target_test, rows.target_unlabelled
    assert np.bincount(target.labels[shots], minlength=3).tolist() == [protocol.shots] * 3
    assert not set(target.groups[shots]) & set(target.groups[test])
    assert not set(shots) & set(unlabelled)
    for part in (train, val, shots, test, unlabelled):
        assert (np.diff(part) > 0).all()
    if protocol.target_test_is_held_out:
        assert not set(target.groups[test]) & set(target.groups[unlabelled]) or given_test
        assert not set(test) & set(unlabelled)
        assert not set(test) & set(rows.target_fit)
        assert not set(val) & set(rows.source_fit[0])
    else:
        np.testing.assert_array_equal(test, unlabelled)
        assert len(val) == 0
    again = protocol.rows([source], target, seed)
    np.testing.assert_array_equal(rows.target_test, again.target_test)
    np.testing.assert_array_equal(shots, again.target_shots)


@settings(deadline=None)
@given(ANY, st.integers(0, 5))
def test_target_labels_move_nothing_but_the_shots(protocol, seed):
    source, target = domain(90, "s"), domain(120, "t")
    other = Domain("t", target.inputs, np.roll(target.labels, 17), target.groups)
    one, two = protocol.rows([source], target, seed), protocol.rows([source], other, seed)
    np.testing.assert_array_equal(one.source_train[0], two.source_train[0])
    if protocol.shots == 0:
        np.testing.assert_array_equal(one.target_test, two.target_test)
        np.testing.assert_array_equal(one.target_unlabelled, two.target_unlabelled)


def test_inductive_shares_and_seeds():
    source, target = domain(100, "s"), domain(200, "t")
    rows = Inductive(source_val=0.2, target_test=0.3).rows([source], target, 0)
    assert (len(rows.source_val[0]), len(rows.source_train[0])) == (20, 80)
    assert (len(rows.target_test), len(rows.target_unlabelled)) == (60, 140)
    other = Inductive(source_val=0.2, target_test=0.3).rows([source], target, 1)
    assert set(rows.target_test) != set(other.target_test)


def test_a_given_test_part_is_used_as_it_is():
    source, target = domain(90, "s", given_test=30), domain(120, "t", given_test=40)
    rows = Inductive(source_val=0.5, target_test=0.3).rows([source], target, 0)
    assert rows.target_test.tolist() == list(range(80, 120))
    assert max(rows.source_train[0].max(), rows.source_val[0].max()) < 60


def test_sampled_draws_per_class_and_takes_small_classes_whole():
    source = Domain("s", np.zeros((12, 1)), np.repeat([0, 1], [9, 3]), np.arange(12))
    rows = Sampled(n_source_per_class=5).rows([source], domain(30, "t"), 0)
    assert np.bincount(source.labels[rows.source_train[0]]).tolist() == [5, 3]
    assert rows.source_fit[0].tolist() == list(range(12))  # the normalisation sees the whole domain
    other = Sampled(n_source_per_class=5).rows([source], domain(30, "t"), 1)
    assert rows.source_train[0].tolist() != other.source_train[0].tolist()


def test_several_sources_are_split_one_by_one():
    sources = [domain(60, "s"), domain(90, "u")]
    rows = Sampled(n_source_per_class=4).rows(sources, domain(30, "t"), 0)
    assert [len(part) for part in rows.source_train] == [12, 12]


def test_as_many_shots_as_a_class_holds_and_no_more():
    source, target = domain(30, "s"), domain(30, "t")
    Transductive(shots=9).rows([source], target, 0)
    with pytest.raises(Refused, match=r"protocol\.shots=10 needs 11 .* 't' has 10 of class 0"):
        Transductive(shots=10).rows([source], target, 0)
    pool = domain(30, "t", given_test=15)
    smallest = np.bincount(pool.labels[:15], minlength=3).min()
    Inductive(shots=int(smallest)).rows([source], pool, 0)
    with pytest.raises(Refused):
        Inductive(shots=int(smallest) + 1).rows([source], pool, 0)


@pytest.mark.parametrize(
    ("protocol", "label"),
    [(Transductive(), "transductive"), (Sampled(n_source_per_class=8, shots=3), "sampled 8/class, 3 shots"),
     (Inductive(shots=1), "inductive, 1 shots")],
)  # fmt: skip
def test_labels_say_what_was_done(protocol, label):
    assert protocol.label == label


@pytest.mark.parametrize(
    ("kind", "wrong"),
    [(Transductive, {"shots": -1}), (Sampled, {"n_source_per_class": 0}), (Inductive, {"source_val": 1.0}),
     (Inductive, {"target_test": 0.0}), (Inductive, {"n_source_per_class": 3})],
)  # fmt: skip
def test_values_out_of_range_and_unknown_keys_are_refused(kind, wrong):
    kind()
    with pytest.raises(ValidationError):
        kind(**wrong)
