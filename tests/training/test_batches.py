import threading

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tlbench.tasks import Labelled
from tlbench.training.batches import PairedBatches, share_out
from tlbench.training.order import balanced, endless
from tlbench.training.prefetch import Ahead


@given(st.lists(st.integers(1, 5000), min_size=1, max_size=4), st.integers(8, 200))
def test_places_are_shared_in_proportion_and_none_is_lost(sizes, total):
    shares = share_out(total, sizes)
    assert sum(shares) == total
    assert min(shares) >= 1
    for share, size in zip(shares, sizes, strict=True):
        assert abs(share - total * size / sum(sizes)) <= len(sizes)


def test_shares_by_hand():
    assert share_out(64, [1440, 30]) == [63, 1]
    assert share_out(10, [30, 10]) == [8, 2]


@given(st.integers(1, 30), st.integers(1, 40))
def test_endless_batches_are_permutations_laid_end_to_end(n, batch):
    stream = endless(n, batch, np.random.default_rng(0))
    drawn = np.concatenate([next(stream) for _ in range(n)])  # n batches are `batch` permutations
    for i in range(batch):
        assert sorted(drawn[i * n : (i + 1) * n]) == list(range(n))


def sets(n: int = 20, m: int = 12):
    rng = np.random.default_rng(0)
    return Labelled(rng.normal(size=(n, 2)), np.arange(n) % 3), rng.normal(size=(m, 2))


def batches(**changes):
    source, target = sets()
    return PairedBatches(**{"labelled": [source], "target": target, "batch_size": 8, "steps": 5, "seed": 1, **changes})


def test_one_seed_gives_the_same_batches_and_rows_keep_their_labels():
    source, _ = sets()
    one, two = list(batches()), list(batches())
    assert len(one) == len(batches()) == 5
    for (((x, y),), target), (((x2, y2),), target2) in zip(one, two, strict=True):
        assert torch.equal(x, x2) and torch.equal(y, y2) and torch.equal(target.train, target2.train)  # noqa: PT018
        for row, label in zip(x, y, strict=True):
            at = int(np.flatnonzero((source.inputs.astype(np.float32) == row.numpy()).all(axis=1))[0])
            assert source.labels[at] == label
    other = next(iter(batches(seed=2)))
    assert not torch.equal(other[0][0][0], one[0][0][0][0])


def test_the_order_of_the_source_does_not_depend_on_the_target():
    with_target, without = list(batches()), list(batches(target=None))
    for ((one,), _), ((two,), none) in zip(with_target, without, strict=True):
        assert torch.equal(one[0], two[0])
        assert none is None


@pytest.mark.parametrize("world", [2, 4])
def test_several_processes_share_out_each_batch(world):
    whole = [(parts[0][0], target.train) for parts, target in batches()]
    parts = [list(batches(part=lambda rank=rank: (rank, world))) for rank in range(world)]
    for step, (x, target) in enumerate(whole):
        own = torch.cat([parts[rank][step][0][0][0] for rank in range(world)])
        assert sorted(own.tolist()) == sorted(x.tolist())
        assert sorted(torch.cat([parts[r][step][1].train for r in range(world)]).tolist()) == sorted(target.tolist())


@given(st.lists(st.integers(0, 4), min_size=5, max_size=60), st.integers(2, 30), st.integers(0, 1000))
def test_balanced_batches_give_every_class_equally_often_and_each_example_in_turn(labels, batch, seed):
    labels = np.array(labels)
    classes = np.unique(labels)
    rounds = len(classes) * len(labels)
    order = balanced(labels, batch, np.random.default_rng(seed))
    drawn = np.concatenate([next(order) for _ in range(rounds)])
    counts = np.bincount(np.searchsorted(classes, labels[drawn]), minlength=len(classes))
    assert counts.max() - counts.min() <= 1
    for label in classes:
        own = drawn[labels[drawn] == label]
        size = (labels == label).sum()
        for start in range(0, len(own) - size + 1, size):
            assert len(set(own[start : start + size])) == size


def test_the_order_within_a_class_does_not_depend_on_the_other_classes():
    def own(others: int) -> list[int]:
        order = balanced(np.array([0] * 6 + [1] * others), 4, np.random.default_rng(3))
        return [row for _ in range(20) for row in next(order) if row < 6]

    assert own(2) == own(5) == own(11)


def batches_of(**changes) -> PairedBatches:
    x = np.arange(40, dtype=np.float32)[:, None]
    sets = [Labelled(x, np.arange(40) % 4), Labelled(100 + x[:9], np.arange(9) % 3)]
    return PairedBatches(sets, 200 + x, **{"batch_size": 12, "steps": 7, "seed": 3, **changes})


def flat(batch) -> list[list[float]]:
    labelled, target = batch
    return [x[:, 0].tolist() for x, _ in labelled] + [target.train[:, 0].tolist()]


@pytest.mark.parametrize("options", [{}, {"balanced": True}])
@pytest.mark.parametrize("start", [0, 1, 5])
def test_a_run_that_goes_on_sees_the_batches_that_were_left(options, start):
    whole, rest = batches_of(**options), batches_of(**options)
    rest.start = start
    assert [flat(b) for b in rest] == [flat(b) for b in whole][start:]


@pytest.mark.parametrize(("world", "accumulate"), [(1, 2), (2, 1), (2, 2), (3, 2)])
def test_devices_and_parts_of_a_step_are_disjoint_and_together_the_whole_batch(world, accumulate):
    whole = [flat(b) for b in batches_of()]
    parts = [
        [flat(b) for b in batches_of(part=lambda r=rank: (r, world), accumulate=accumulate)] for rank in range(world)
    ]
    for step, want in enumerate(whole):
        mine = [p[step * accumulate + turn] for p in parts for turn in range(accumulate)]
        for which, everything in enumerate(want):
            assert sorted(v for part in mine for v in part[which]) == sorted(everything)


def test_labels_stay_with_their_examples():
    for labelled, _ in batches_of(balanced=True, accumulate=2, part=lambda: (1, 2)):
        assert labelled[0][1].tolist() == [int(v) % 4 for v in labelled[0][0][:, 0]]
        assert labelled[1][1].tolist() == [int(v - 100) % 3 for v in labelled[1][0][:, 0]]


def test_batches_made_ahead_are_the_same_and_errors_come_through():
    assert [flat(b) for b in Ahead(batches_of(), pinned=False)] == [flat(b) for b in batches_of()]
    assert len(Ahead(batches_of(), pinned=False)) == 7
    early = iter(Ahead(batches_of(steps=1000), pinned=False))
    next(early)
    early.close()
    assert not [t for t in threading.enumerate() if t.name == "batches-ahead"]
    broken = batches_of()
    broken.labelled[0] = (torch.zeros(1, 1), broken.labelled[0][1])
    with pytest.raises(IndexError):
        list(Ahead(broken, pinned=False))


def test_equal_shares_give_each_labelled_set_the_same_part_of_a_batch():
    proportional, equal = batches_of(), batches_of(equal=True)
    assert proportional.shares == [10, 2]  # of 40 and 9 examples
    assert equal.shares == [6, 6]
    ((labelled, target), *_) = list(equal)
    assert [len(x) for x, _ in labelled] == [6, 6]
    assert torch.equal(target.train, next(iter(proportional))[1].train)


def test_equal_shares_give_each_domain_of_a_set_the_same_part_in_the_order_that_it_has_alone():
    """As a set of its own, with the stream of that place: what is pooled differs from what is apart in nothing else."""
    rng = np.random.default_rng(0)
    domain = np.repeat([0, 1, 2], [5, 30, 9])[rng.permutation(44)]
    pooled = Labelled(np.arange(44.0)[:, None], np.arange(44) % 3)
    apart = [Labelled(pooled.inputs[domain == d], pooled.labels[domain == d]) for d in range(3)]
    shots = Labelled(100 + np.arange(6.0)[:, None], np.arange(6) % 3)
    how = {"target": None, "batch_size": 9, "steps": 4, "seed": 1, "equal": True}
    one = PairedBatches([pooled], domains=[domain], **how)
    other = PairedBatches(apart, **how)
    for (((x, y),), _), (parts, _) in zip(one, other, strict=True):
        assert torch.equal(x, torch.cat([part for part, _ in parts]))
        assert torch.equal(y, torch.cat([labels for _, labels in parts]))
        assert [len(part) for part, _ in parts] == [3, 3, 3]
    # source and shots have half each, and each source a third of its half
    ((mixed, _), (few, _)), _ = next(
        iter(PairedBatches([pooled, shots], domains=[domain, None], **how | {"batch_size": 12}))
    )
    assert (len(mixed), len(few)) == (6, 6)
    assert np.bincount(domain[mixed[:, 0].long().numpy()]).tolist() == [2, 2, 2]
    proportional = PairedBatches([pooled], domains=[domain], **how | {"equal": False})
    without = PairedBatches([pooled], **how | {"equal": False})
    assert all(torch.equal(a[0][0][0], b[0][0][0]) for a, b in zip(proportional, without, strict=True))
