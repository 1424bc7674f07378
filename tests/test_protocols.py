import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from tests.support import config_of, dataset_of, loaded
from tlbench.data.domain import Domain
from tlbench.errors import Refused
from tlbench.protocols import Inductive, Sampled, Transductive
from tlbench.seeds import stream
from tlbench.splits import thinned_rows


def domain(n: int, name: str = "d", classes: int = 3, per_group: int = 1, given_test: int = 0, seed: int = 0) -> Domain:
    labels = np.random.default_rng(seed).permutation(np.arange(n // per_group) % classes).repeat(per_group)
    test = np.arange(len(labels)) >= len(labels) - given_test if given_test else None
    return Domain(name, np.zeros((len(labels), 2)), labels, np.arange(len(labels)) // per_group, test)


FEW = st.integers(0, 3)
SIZES = {name: st.none() | st.integers(10, 200) for name in ("n_source", "n_target")}
SHARES = {"source_val": st.floats(0, 0.6), "target_test": st.floats(0.1, 0.6)}
ANY = st.one_of(
    st.builds(Transductive, shots=FEW, **SIZES),
    st.builds(Sampled, shots=FEW, n_source_per_class=st.integers(1, 30), **SIZES),
    st.builds(Inductive, shots=FEW | st.just("all"), **SHARES, **SIZES),
)


@given(ANY, st.integers(0, 5), st.sampled_from([1, 2]), st.sampled_from([0, 40]))
def test_what_every_split_must_hold(protocol, seed, per_group, given_test):
    source, target = domain(90, "s", per_group=per_group), domain(120, "t", per_group=per_group, given_test=given_test)
    rows = protocol.rows([source], target, seed)
    train, val = rows.source_train[0], rows.source_val[0]
    assert not set(source.groups[train]) & set(source.groups[val])
    shots, test, unlabelled = rows.target_shots, rows.target_test, rows.target_unlabelled
    assert not set(target.groups[shots]) & set(target.groups[test])
    if protocol.shots == "all":
        assert set(shots) == set(range(len(target))) - set(test)
        assert set(unlabelled) <= set(shots)
    else:
        assert np.bincount(target.labels[shots], minlength=3).tolist() == [protocol.shots] * 3
        assert not set(shots) & set(unlabelled)
    assert len(train) <= (protocol.n_source or 90)
    assert len(unlabelled) <= (protocol.n_target or 120)
    assert set(shots) | set(unlabelled) <= set(rows.target_fit)
    assert set(train) <= set(rows.source_fit[0])
    for part in (train, val, shots, test, unlabelled):
        assert (np.diff(part) > 0).all()
    if protocol.target_test_is_held_out:
        assert not set(target.groups[test]) & set(target.groups[unlabelled]) or given_test
        assert not set(test) & set(unlabelled)
        assert not set(test) & set(rows.target_fit)
        assert not set(val) & set(rows.source_fit[0])
    else:
        assert set(unlabelled) <= set(test)
        assert len(unlabelled) == len(test) or len(unlabelled) == protocol.n_target
        assert len(val) == 0
    again = protocol.rows([source], target, seed)
    np.testing.assert_array_equal(rows.target_test, again.target_test)
    np.testing.assert_array_equal(shots, again.target_shots)


@given(ANY, st.integers(0, 5))
def test_target_labels_move_nothing_but_the_shots(protocol, seed):
    source, target = domain(90, "s"), domain(120, "t")
    other = Domain("t", target.inputs, np.roll(target.labels, 17), target.groups)
    one, two = protocol.rows([source], target, seed), protocol.rows([source], other, seed)
    np.testing.assert_array_equal(one.source_train[0], two.source_train[0])
    if protocol.shots in (0, "all"):
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


def test_shots_are_drawn_from_the_whole_pool():
    # 9 of 600 rows for each of 100 seeds: the mean row is 299.5 with a standard error of 600 / sqrt(12 * 900) = 5.8
    source, target = domain(30, "s"), domain(600, "t")
    drawn = np.concatenate([Transductive(shots=3).rows([source], target, seed).target_shots for seed in range(100)])
    assert len(drawn) == 900
    assert drawn.mean() == pytest.approx(299.5, abs=30)
    assert np.bincount(drawn // 100, minlength=6).tolist() == pytest.approx([150] * 6, abs=60)


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


EACH = [Transductive, Sampled, lambda **k: Inductive(source_val=0.2, target_test=0.3, **k)]


@pytest.mark.parametrize("kind", EACH)
@pytest.mark.parametrize("name", ["n_source", "n_target"])
def test_the_smaller_part_is_in_the_larger_one_and_nothing_else_moves(kind, name):
    source, target = domain(300, "s"), domain(400, "t")
    found = {n: kind(shots=2, **{name: n}).rows([source], target, 5) for n in (20, 30, 1000, None)}

    def part(n):
        return (found[n].source_train[0] if name == "n_source" else found[n].target_unlabelled).tolist()

    assert len(part(20)) == 20 < len(part(30)) == 30 < len(part(None))
    assert set(part(20)) < set(part(30)) < set(part(None))
    assert part(1000) == part(None)
    for rows in found.values():
        np.testing.assert_array_equal(rows.target_test, found[None].target_test)
        np.testing.assert_array_equal(rows.target_shots, found[None].target_shots)
        np.testing.assert_array_equal(rows.source_val[0], found[None].source_val[0])
    other = kind(shots=2, **{name: 20}).rows([source], target, 6)
    assert part(20) != (other.source_train[0] if name == "n_source" else other.target_unlabelled).tolist()


def test_what_is_not_kept_is_not_there_for_transforms():
    source, target = domain(100, "s"), domain(200, "t")
    whole = Inductive(shots=1).rows([source], target, 0)
    rows = Inductive(shots=1, n_source=30, n_target=40).rows([source], target, 0)
    assert rows.source_fit[0].tolist() == rows.source_train[0].tolist()
    assert rows.target_fit.tolist() == sorted([*rows.target_unlabelled, *rows.target_shots])
    assert (len(rows.target_fit), len(whole.target_fit)) == (43, 140)
    # a sample's normalisation sees the whole domain but for what is not kept
    rows = Sampled(n_source_per_class=20, n_source=50).rows([source], target, 0)
    assert (len(rows.source_train[0]), len(rows.source_fit[0])) == (50, 90)


def test_sizes_hold_for_each_source_domain():
    sources = [domain(60, "s"), domain(90, "u"), domain(90, "v")]
    rows = Transductive(n_source=70).rows(sources, domain(30, "t"), 0)
    assert [len(part) for part in rows.source_train] == [60, 70, 70]
    assert rows.source_train[1].tolist() != rows.source_train[2].tolist()


def test_kept_rows_are_as_likely_as_one_another():
    counts = np.zeros(12)
    for seed in range(2000):
        counts[Transductive(n_target=4).rows([domain(9, "s")], domain(12, "t"), seed).target_unlabelled] += 1
    assert np.abs(counts / 2000 - 1 / 3).max() < 0.05  # sd 0.011


def test_rows_are_thinned_to_the_largest_part_that_has_the_shares():
    # 12, 6 and 4 rows of shares 1/2, 1/4, 1/4: the third class allows 16 rows, so 8, 4 and 4 stay
    labels = np.repeat([0, 1, 2], [12, 6, 4])
    rows = thinned_rows(np.arange(22), labels, np.array([0.5, 0.25, 0.25]), np.random.default_rng(0))
    assert np.bincount(labels[rows]).tolist() == [8, 4, 4]
    assert (np.diff(rows) > 0).all()
    # 12 rows of share 0.98: two of the others stay, though 0.01 of 12 is none; of a class of one, that one
    labels = np.repeat([0, 1, 2, 3], [12, 6, 1, 5])
    rows = thinned_rows(np.arange(24), labels, np.array([0.98, 0.01, 0.01, 0.0]), np.random.default_rng(0))
    assert np.bincount(labels[rows]).tolist() == [12, 2, 1, 2]


def test_rows_that_are_not_there_set_no_number_and_are_not_kept():
    labels = np.array([0, 1, 2] * 8)
    given = np.flatnonzero(labels < 2)[:12]  # six of each of two classes; shares 1/4, 1/2 of these: 3 and 6
    rows = thinned_rows(given, labels, np.array([0.25, 0.5, 0.25]), np.random.default_rng(1))
    assert set(rows) <= set(given)
    assert np.bincount(labels[rows]).tolist() == [3, 6]
    assert thinned_rows(given[:0], labels, np.array([0.25, 0.5, 0.25]), np.random.default_rng(1)).tolist() == []


def shares_of(labels):
    return np.bincount(labels, minlength=3) / len(labels)


@pytest.mark.parametrize("kind", EACH)
def test_class_shares_of_the_source_are_drawn_by_seed_and_nothing_of_the_target_moves(kind):
    source, target = domain(900, "s"), domain(400, "t")
    plain = kind(shots=2).rows([source], target, 5)
    rows = kind(shots=2, source_shares=1.0).rows([source], target, 5)
    assert set(rows.source_train[0]) < set(plain.source_train[0])
    assert set(rows.source_val[0]) <= set(plain.source_val[0])
    assert set(plain.source_fit[0]) - set(rows.source_fit[0]) == set(plain.source_train[0]) - set(rows.source_train[0])
    for name in ("target_unlabelled", "target_shots", "target_test", "target_fit"):
        np.testing.assert_array_equal(getattr(rows, name), getattr(plain, name))
    shares = shares_of(source.labels[rows.source_train[0]])
    assert np.abs(shares - 1 / 3).max() > 0.05
    again = kind(shots=2, source_shares=1.0).rows([source], target, 5)
    np.testing.assert_array_equal(again.source_train[0], rows.source_train[0])
    other = shares_of(source.labels[kind(shots=2, source_shares=1.0).rows([source], target, 6).source_train[0]])
    assert np.abs(shares - other).max() > 0.05
    if len(rows.source_val[0]) > 20:  # training and validation part have one draw, to a row a class
        assert shares_of(source.labels[rows.source_val[0]]) == pytest.approx(shares, abs=0.1)


def test_source_shares_are_those_of_a_dirichlet_draw_and_one_for_all_sources():
    sources, target = [domain(900, "s"), domain(1200, "u", seed=3)], domain(30, "t")
    drawn = stream(7, "source_shares", "s", "u").dirichlet(np.full(3, 10.0))
    rows = Transductive(source_shares=10.0).rows(sources, target, 7)
    for source, part in zip(sources, rows.source_train, strict=True):
        assert shares_of(source.labels[part]) == pytest.approx(drawn, abs=0.01)
    assert rows.source_train[0].tolist() != rows.source_train[1].tolist()[: len(rows.source_train[0])]
    found = [Transductive(source_shares=c).rows(sources[:1], target, seed) for c in (0.1, 10) for seed in range(20)]
    largest = [shares_of(sources[0].labels[one.source_train[0]]).max() for one in found]
    assert np.mean(largest[:20]) > 0.75  # of Dirichlet(0.1) the largest of three shares is about 0.9, of 10 about 0.42
    assert np.mean(largest[20:]) < 0.5


def test_severe_shares_leave_two_of_each_class_and_n_source_comes_after_them():
    source, target = domain(90, "s"), domain(60, "t")
    for seed in range(20):
        rows = Inductive(source_shares=0.001).rows([source], target, seed)
        assert np.bincount(source.labels[rows.source_train[0]], minlength=3).min() >= 2
        assert np.bincount(source.labels[rows.source_val[0]], minlength=3).min() >= 2
    whole = Inductive(source_shares=1.0).rows([source], target, 0).source_train[0]
    fewer = Inductive(source_shares=1.0, n_source=len(whole) - 3).rows([source], target, 0).source_train[0]
    assert len(fewer) == len(whole) - 3
    assert set(fewer) < set(whole)


def test_drawn_shares_need_seeds():
    assert not Transductive().draws
    assert Transductive(source_shares=1.0).draws


def test_no_target_label_is_looked_at():
    source, target = domain(90, "s"), domain(120, "t")
    other = dataclasses.replace(target, labels=target.labels[::-1].copy())
    one, two = (Inductive(source_shares=0.5).rows([source], t, 3) for t in (target, other))
    for a, b in zip(dataclasses.astuple(one), dataclasses.astuple(two), strict=True):
        np.testing.assert_array_equal(a, b)


def test_all_shots_are_the_training_part_and_the_unlabelled_examples_too():
    source, target = domain(90, "s"), domain(120, "t", given_test=40)
    rows = Inductive(shots="all").rows([source], target, 0)
    assert rows.target_shots.tolist() == rows.target_unlabelled.tolist() == list(range(80))
    some = Inductive(shots="all", n_target=10).rows([source], target, 0)
    assert some.target_shots.tolist() == list(range(80))
    assert len(some.target_unlabelled) == 10
    assert some.target_fit.tolist() == list(range(80))


def test_shots_that_leave_no_other_example_are_given_unlabelled_too():
    target = Domain("t", np.zeros((9, 1)), np.array([0, 1, 2] * 3), np.arange(9), np.arange(9) >= 6)
    rows = Inductive(shots=2).rows([domain(30, "s")], target, 0)
    assert rows.target_shots.tolist() == rows.target_unlabelled.tolist() == list(range(6))


@pytest.mark.parametrize("kind", [Transductive, Sampled])
def test_all_shots_need_a_test_part_that_is_held_out(kind):
    kind(shots=3).refuse_impossible()
    with pytest.raises(Refused, match=r"protocol\.shots=all .* the test under '(transductive|sampled 20/class)'"):
        kind(shots="all").rows([domain(30, "s")], domain(30, "t"), 0)


def test_a_source_of_one_class_is_refused():
    labels = np.array([0] * 99 + [1])
    source = Domain("s", np.zeros((100, 1)), labels, np.arange(100))
    Transductive(n_source=100).rows([source], domain(30, "t"), 0)
    with pytest.raises(Refused, match=r"protocol\.n_source=2 keeps source examples of one class"):
        Transductive(n_source=2).rows([source], domain(30, "t"), 0)


@pytest.mark.parametrize(
    ("protocol", "label"),
    [(Transductive(), "transductive"), (Sampled(n_source_per_class=8, shots=3), "sampled 8/class, 3 shots"),
     (Inductive(shots=1), "inductive, 1 shots"), (Inductive(shots="all"), "inductive, all shots"),
     (Transductive(n_target=50), "transductive, 50 unlabelled"), (Inductive(n_source=100), "inductive, 100 source"),
     (Inductive(shots=3, n_source=100, n_target=50), "inductive, 3 shots, 100 source, 50 unlabelled"),
     (Transductive(source_shares=1), "transductive, source shares 1"),
     (Inductive(shots=2, source_shares=0.1), "inductive, 2 shots, source shares 0.1"),
     (Sampled(reject="entropy"), "sampled 20/class, rejects by entropy"),
     (Transductive(n_source=9, reject=0.8), "transductive, 9 source, rejects below 0.8")],
)  # fmt: skip
def test_labels_say_what_was_done(protocol, label):
    assert protocol.label == label


@pytest.mark.parametrize(
    ("kind", "wrong"),
    [(Transductive, {"shots": -1}), (Inductive, {"shots": "most"}), (Inductive, {"shots": True}),
     (Inductive, {"shots": 1.5}), (Inductive, {"n_source": 1}), (Inductive, {"n_target": 0}),
     (Inductive, {"n_target": 10.0}), (Sampled, {"n_source_per_class": 0}), (Inductive, {"source_val": 1.0}),
     (Inductive, {"source_shares": 0.0}), (Transductive, {"source_shares": 1e7}), (Sampled, {"source_shares": "mild"}),
     (Inductive, {"reject": 0.0}), (Inductive, {"reject": 1.0}), (Transductive, {"reject": "maximum"}),
     (Transductive, {"reject": True}), (Inductive, {"target_test": 0.0}), (Inductive, {"n_source_per_class": 3})],
)  # fmt: skip
def test_values_out_of_range_and_unknown_keys_are_refused(kind, wrong):
    kind()
    with pytest.raises(ValidationError):
        kind(**wrong)


@pytest.mark.parametrize(
    "sizes", [["n_target=10"], ["shots=all"], ["shots=all", "n_target=10"], ["shots=2", "n_source=9"]]
)
def test_hidden_labels_are_those_of_the_unlabelled_rows(sizes, toy):
    config = config_of("dataset=toy", "pair=L-R", *(f"protocol.{size}" for size in sizes), config_dir=toy)
    dataset = dataset_of(config)
    task, _, hidden = loaded(config)
    true = dataset.load("right")
    label = {tuple(x): y for x, y in zip(true.inputs, true.labels, strict=True)}
    assert [label[tuple(x)] for x in task.target] == hidden.target_labels.tolist()
    assert task.target_is_labelled == ("shots=all" in sizes)
    if "n_target=10" in sizes:
        assert len(task.target) == 10
    if task.shots is not None:
        assert [label[tuple(x)] for x in task.shots.inputs] == task.shots.labels.tolist()
    assert len(task.source) == (9 if "n_source=9" in sizes else 48)


@pytest.mark.parametrize(
    ("shares", "message"),
    [
        ({"target_test": 0.0001}, r"protocol\.target_test=0\.0001 of the 40 examples of 'd' leaves 0 for .* a larger share"),
        ({"target_test": 0.9999}, r"leaves 40 for the test and 0 for training\. Set a smaller share"),
        ({"source_val": 0.9999}, r"protocol\.source_val=0\.9999 of the 40 examples of 'd' leaves none for training"),
    ],
)  # fmt: skip
def test_a_share_that_leaves_a_part_empty_is_refused(shares, message):
    Inductive(source_val=0.5, target_test=0.5).rows([domain(40)], domain(40), 0)
    with pytest.raises(Refused, match=message):
        Inductive(**shares).rows([domain(40)], domain(40), 0)


def test_a_training_part_of_one_class_is_refused_whatever_left_it():
    one = dataclasses.replace(domain(40), labels=np.zeros(40, dtype=np.int64))
    Transductive().rows([one, domain(40, "e")], domain(40), 0)
    with pytest.raises(Refused, match="The protocol keeps source examples of one class"):
        Transductive().rows([one], domain(40), 0)
