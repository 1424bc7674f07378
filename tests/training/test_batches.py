import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tlbench.task import Labelled
from tlbench.training.batches import PairedBatches, endless, share_out


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
        assert torch.equal(x, x2) and torch.equal(y, y2) and torch.equal(target, target2)  # noqa: PT018
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
    whole = [(parts[0][0], target) for parts, target in batches()]
    parts = [list(batches(part=lambda rank=rank: (rank, world))) for rank in range(world)]
    for step, (x, target) in enumerate(whole):
        own = torch.cat([parts[rank][step][0][0][0] for rank in range(world)])
        assert sorted(own.tolist()) == sorted(x.tolist())
        assert sorted(torch.cat([parts[r][step][1] for r in range(world)]).tolist()) == sorted(target.tolist())
