"""Views of the target: each from a stream of its own, the first as it always was."""

from unittest.mock import MagicMock

import numpy as np
import pytest
import torch

from tests.training.test_batches import batches_of
from tlbench.backbones.small import Identity
from tlbench.classifiers.head import Head
from tlbench.classifiers.network import Network
from tlbench.data.array_views import DROPPED, NOISE, SHIFT, strong_arrays
from tlbench.data.inputs import LazyInputs
from tlbench.method import GradientMethod
from tlbench.method.views import VIEWS, TargetBatch
from tlbench.tasks import Labelled
from tlbench.training.batches import PairedBatches


def test_other_views_do_not_shift_the_first_and_rows_name_the_examples():
    plain, more = list(batches_of()), list(batches_of(views=tuple(VIEWS)))
    for (labelled, target), (labelled2, seen) in zip(plain, more, strict=True):
        assert list(target.views) == ["train"]
        assert torch.equal(target.train, seen.train)
        assert all(torch.equal(x, x2) for (x, _), (x2, _) in zip(labelled, labelled2, strict=True))
        assert torch.equal(seen.train[:, 0], 200.0 + seen.rows)  # the target's rows hold 200, 201, ...
        assert torch.equal(seen.views["again"], seen.train)  # arrays have one plain look
        assert torch.equal(seen.views["plain"], seen.train)
        assert not torch.equal(seen.views["strong"], seen.train)
        assert not torch.equal(seen.views["strong_again"], seen.train)
        assert not torch.equal(seen.views["strong_again"], seen.views["strong"])


def test_strong_views_differ_from_step_to_step_and_are_those_of_the_seed():
    one, two = ([t.views["strong"] for _, t in batches_of(views=("train", "strong"))] for _ in range(2))
    assert all(map(torch.equal, one, two))
    noise = [t.views["strong"] - t.train for _, t in batches_of(views=("train", "strong"))]
    assert not torch.equal(noise[0], noise[1])
    alone = [t.views["strong"] for _, t in batches_of(views=("train", "again", "strong_again", "strong"))]
    assert all(map(torch.equal, one, alone))  # another view takes nothing of its stream
    later = batches_of(views=("train", "strong"))
    later.start = 3
    assert all(map(torch.equal, one[3:], [t.views["strong"] for _, t in later]))


@pytest.mark.parametrize(("world", "accumulate"), [(2, 1), (1, 3)])
def test_parts_of_a_step_have_their_part_of_each_view(world, accumulate):
    whole = [t for _, t in batches_of(views=("train", "strong"))]
    parts = [
        [t for _, t in batches_of(views=("train", "strong"), part=lambda r=rank: (r, world), accumulate=accumulate)]
        for rank in range(world)
    ]
    for step, want in enumerate(whole):
        mine = [p for rank in parts for p in rank[step * accumulate : (step + 1) * accumulate]]
        pairs = {(int(row), tuple(x.tolist())) for p in mine for row, x in zip(p.rows, p.views["strong"], strict=True)}
        assert pairs == {(int(row), tuple(x.tolist())) for row, x in zip(want.rows, want.views["strong"], strict=True)}


def test_another_draw_of_a_strong_view_is_as_strong_on_arrays_and_on_images():
    targets = [t for _, t in batches_of(views=("train", "strong", "strong_again"), steps=100)]
    spread, dropped = {}, {}
    for view in ("strong", "strong_again"):
        seen = torch.cat([t.views[view] for t in targets])
        spread[view] = (seen - torch.cat([t.train for t in targets]))[seen != 0].std().item()
        dropped[view] = (seen == 0).float().mean().item()
    assert spread["strong_again"] == pytest.approx(spread["strong"], rel=0.1)
    assert dropped["strong_again"] == pytest.approx(dropped["strong"], abs=0.03)
    lazy = MagicMock(spec=LazyInputs)
    lazy.__len__.return_value, lazy.__getitem__.return_value, lazy.viewed.return_value = 12, lazy, lazy
    source = Labelled(np.zeros((6, 2)), np.arange(6) % 2)
    views = ("train", "again", "strong", "strong_again")
    next(iter(PairedBatches([source], lazy, batch_size=4, steps=1, seed=0, views=views)))
    assert [call.args[0] for call in lazy.viewed.call_args_list] == ["train", "strong", "strong"]
    draws = [call.args[0].random() for call in lazy.drawn.call_args_list]
    assert len(set(draws)) == len(views)


def test_a_batch_changes_all_of_its_views():
    batch = TargetBatch.of(torch.ones(3, 2), strong=torch.zeros(3, 2))
    assert batch.rows.tolist() == [0, 1, 2]
    moved = batch.each(lambda x: x + 1, lambda rows: rows + 5)
    assert moved.train.tolist() == [[2.0, 2.0]] * 3
    assert moved.views["strong"].tolist() == [[1.0, 1.0]] * 3
    assert moved.rows.tolist() == [5, 6, 7]
    assert not any("label" in name for name in vars(batch))


def test_strong_arrays_are_noisy_dropped_and_moved():
    rng = np.random.default_rng(0)
    seen = strong_arrays(torch.ones(2000, 5), 3.0, rng)
    dropped = seen == 0
    assert dropped.float().mean().item() == pytest.approx(DROPPED, abs=0.01)
    assert seen[~dropped].std().item() == pytest.approx(NOISE * 3.0, rel=0.03)
    assert seen[~dropped].mean().item() == pytest.approx(1.0, abs=0.02)
    grid = torch.zeros(600, 1, 9, 9)
    grid[:, 0, 4, 4] = 100.0
    flat = strong_arrays(grid, 0.0, rng).flatten(1)
    places = {divmod(int(p), 9) for p in flat[flat.sum(dim=1) > 0].argmax(dim=1)}
    assert places == {(4 + a, 4 + b) for a in range(-SHIFT, SHIFT + 1) for b in range(-SHIFT, SHIFT + 1)}
    corner = torch.zeros(50, 1, 3, 3)
    corner[:, :, 0, 0] = 1.0
    assert (strong_arrays(corner, 0.0, rng).flatten(1).sum(dim=1) <= 1).all()  # what leaves does not come in again


class Looker(GradientMethod):
    target_views = ("train", "strong")

    def adaptation_terms(self, source, target):
        self.got = target
        self.told["mean"] = target.features.mean()
        return {"gap": self.seen(target.inputs["strong"])[1].square().mean()}


def test_a_method_gets_its_views_and_the_rows_and_what_it_tells_is_no_part_of_the_loss():
    head = Head(in_dim=3, n_classes=2, bottleneck=0, dropout=0.0)
    method = Looker(network=Network(Identity(input_shape=(3,)), head))
    x, strong = torch.randn(4, 3), torch.randn(4, 3)
    terms = method.losses([(torch.randn(4, 3), torch.arange(4) % 2)], TargetBatch.of(x, strong=strong))
    assert set(terms) == {"classification", "gap"}
    assert set(method.got.inputs) == {"strong"}
    assert torch.equal(method.got.inputs["strong"], strong)
    assert method.got.rows.tolist() == [0, 1, 2, 3]
    torch.testing.assert_close(terms["gap"], method.network(strong)[1].square().mean())
    assert set(method.told) == {"mean"}
