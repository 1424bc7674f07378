"""MIC: masks, what a teacher says of whole images, and where its probability counts."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from baselines import mic
from baselines.mic import Mic, block_mask
from baselines.sdat import Sdat
from tests.baselines.tiny import array, softmax
from tests.support import config_of, last_of, settled, trained
from tests.training.test_resume import same, train
from tlbench.backbones.small import Identity
from tlbench.classifiers.head import Head
from tlbench.classifiers.network import Network
from tlbench.errors import Refused, TlbenchError
from tlbench.method.views import TargetBatch
from tlbench.running.refusals import refuse_impossible
from tlbench.running.setup import Setup
from tlbench.tasks import Labelled, Task

SHAPE, C = (2, 4, 4), 3
BASE = {"rho": 0.0, "confusion": 0.0, "weight": 1.0, "gamma": 10.0, "hidden": 4, "entropy": False, "randomised": None}
GIVEN = {"masked": 0.7, "block": 2, "ratio": 0.5, "decay": 0.9, "weighted": True, "variant": "paper", **BASE}


def network(**head):
    own = {"bottleneck": 0, "dropout": 0.0, **head}
    return Network(Identity(input_shape=SHAPE), Head(in_dim=32, n_classes=C, **own))


def make(method=Mic, head=None, **changed):
    torch.manual_seed(0)
    return method(**{**(GIVEN if method is Mic else BASE), **changed}, network=network(**(head or {})))


def images(n, seed=0):
    return torch.randn(n, *SHAPE, generator=torch.Generator().manual_seed(seed))


def batch():
    return [(images(5), torch.arange(5) % C)], TargetBatch.of(images(6, seed=1))


def other_teacher(method):
    """Makes the teacher another than the network, and surer."""
    with torch.no_grad():
        for parameter in method.teacher.parameters():
            parameter.copy_(3 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(5)))
    return method


def task():
    def draw(n, shift):
        labels = np.arange(n) % C
        rng = np.random.default_rng(n)
        return Labelled((rng.normal(size=(n, *SHAPE)) + labels[:, None, None, None] + shift).astype(np.float32), labels)

    source, target, test = draw(24, 0.0), draw(20, 1.0), draw(12, 1.0)
    return Task(source, target.inputs, None, None, C, SHAPE), test.inputs


def settings(*words):
    own = last_of("optim.steps=4", "optim.batch_size=6", "optim.lr=0.1", "trainer=cpu", *words)
    return config_of("dataset=mini_digits", "pair=H-P", "method=source_only", "backbone=lenet", "classifier=head", *own)


def test_masks_take_all_none_or_a_share_of_blocks_the_same_in_each_channel():
    x = torch.empty(400, 3, 8, 8)
    assert (block_mask(x, 2, 0.0) == 1).all()
    assert (block_mask(x, 2, 1.0) == 0).all()
    drawn = block_mask(x, 2, 0.7)
    assert drawn.shape == (400, 1, 8, 8)
    assert (drawn == 0).float().mean().item() == pytest.approx(0.7, abs=0.02)  # of 6400 blocks: sd 0.006
    blocks = drawn.view(400, 4, 2, 4, 2).permute(0, 1, 3, 2, 4).flatten(3)
    assert (blocks == blocks[..., :1]).all()
    assert (
        len({tuple(row) for row in blocks[..., 0].flatten(1).tolist()}) > 300
    )  # of each image its own, of 2^16 patterns


@pytest.mark.parametrize(("sides", "block", "heights", "widths"), [
    ((10, 7), 3, [4, 3, 3], [4, 3]),  # round(10 / 3) = 3 and round(7 / 3) = 2 blocks
    ((224, 224), 64, [56] * 4, [56] * 4),  # round(3.5) = 4
    ((28, 28), 7, [7] * 4, [7] * 4),
    ((5, 5), 5, [5], [5]),
    ((5, 5), 12, [5], [5]),
])  # fmt: skip
def test_blocks_of_sides_that_they_do_not_divide(sides, block, heights, widths, monkeypatch):
    n = len(heights) * len(widths)
    asked = []
    counted = torch.linspace(0, 0.9, n)
    monkeypatch.setattr(mic.torch, "rand", lambda *size: asked.append(size) or counted.view(size))
    for k in range(n):  # the last n - k blocks are kept
        mask = block_mask(torch.empty(1, 3, *sides), block, float(counted[k]))[0, 0]
        want = (torch.arange(n) >= k).float().view(len(heights), len(widths))
        want = want.repeat_interleave(torch.tensor(heights), 0).repeat_interleave(torch.tensor(widths), 1)
        assert torch.equal(mask, want)
    assert set(asked) == {(1, 1, len(heights), len(widths))}


@pytest.mark.parametrize(("weighted", "variant"), [(True, "paper"), (False, "paper"), (True, "authors")])
def test_the_term_and_its_gradient_in_numpy(weighted, variant):
    method = other_teacher(make(weighted=weighted, variant=variant))
    labelled, target = batch()
    torch.manual_seed(3)
    term = method.losses(labelled, target)["masked"]
    torch.manual_seed(3)
    x = array(target.train).astype(np.float64)
    hidden = (x * array(block_mask(target.train, 2, 0.5))).reshape(6, -1)
    last, taught = method.network.head.last, method.teacher.module.head.last
    q = softmax(x.reshape(6, -1) @ array(taught.weight).T.astype(np.float64) + array(taught.bias))
    y = np.eye(C)[q.argmax(axis=1)]
    sure = q.max(axis=1) if weighted and variant == "paper" else np.ones(6)
    p = softmax(hidden @ array(last.weight).T.astype(np.float64) + array(last.bias))
    assert term.item() == pytest.approx(-0.7 * np.mean(sure * np.log((p * y).sum(axis=1))), rel=1e-5)
    assert method.told["sure"].item() == pytest.approx(q.max(axis=1).mean(), rel=1e-5)
    gradient = torch.autograd.grad(term, [last.weight, last.bias])
    error = 0.7 * sure[:, None] * (p - y) / 6
    np.testing.assert_allclose(array(gradient[0]), error.T @ hidden, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(array(gradient[1]), error.sum(axis=0), rtol=1e-4, atol=1e-6)


def test_the_teacher_sees_whole_images_and_the_network_what_is_left():
    """All blocks out: the network says softmax(b) of every image, whatever the teacher says of it."""
    method, (labelled, target) = other_teacher(make(ratio=1.0, weighted=False)), batch()
    guess = method.teacher.module(target.train)[1].argmax(dim=1)
    assert len(guess.unique()) > 1
    want = F.cross_entropy(method.network.head.last.bias.expand(6, C), guess)
    torch.testing.assert_close(method.losses(labelled, target)["masked"], 0.7 * want)


@pytest.mark.parametrize(("variant", "in_step"), [("paper", True), ("authors", False)])
def test_where_the_teachers_probability_counts(variant, in_step):
    method, (labelled, target) = other_teacher(make(variant=variant, rho=0.1, confusion=0.4)), batch()
    climb = method.ascent(labelled, target).loss()
    terms = method.losses(labelled, target)  # the same mask: the images are the same
    _, masked, sure, guess = method._lesson
    losses = F.cross_entropy(method.network(masked)[1], guess, reduction="none")
    assert sure.max() - sure.min() > 0.1
    torch.testing.assert_close(terms["masked"], 0.7 * ((sure if in_step else 1) * losses).mean())
    task = terms["classification"] + terms["confusion"]
    torch.testing.assert_close(climb, task + 0.7 * (sure * losses).mean())  # of both variants, without the domain loss


def test_a_step_has_one_mask_and_one_look_of_the_teacher_and_the_next_another(monkeypatch):
    masks, looks, passed = [], [], []
    draw, taught = mic.block_mask, Mic._taught
    monkeypatch.setattr(mic, "block_mask", lambda *a: masks.append(draw(*a)) or masks[-1])
    monkeypatch.setattr(Mic, "_taught", lambda self, x: looks.append(1) or taught(self, x))
    monkeypatch.setattr(Mic, "seen", lambda self, x, *a: passed.append(x) or super(Mic, self).seen(x, *a))
    method = make(rho=0.1)
    inputs, test = task()
    trained(method, inputs, test, settings())
    assert len(masks) == len(looks) == 4
    assert not torch.equal(masks[0], masks[1])
    for k in range(0, 12, 3):  # teacher, climb, update
        assert torch.equal(passed[k + 1], passed[k + 2])
    assert method._lesson == ()
    assert (method.batches_per_step, make(rho=0.0).batches_per_step) == (2 * 3 + 1, 3 + 1)


def test_the_teacher_has_followed_the_weights_before_each_step():
    found = []

    class Looked(Mic):
        def _taught(self, x):
            nets = self.network, self.teacher.module
            found.append([net.head.last.weight.detach().clone() for net in nets])
            return super()._taught(x)

    trained(make(Looked, **{**GIVEN, "decay": 0.6}), *task(), settings())
    want = found[0][0]
    assert torch.equal(found[0][1], want)
    for t, (own, teacher) in enumerate(found[1:], start=1):
        a = min(1 - 1 / (t + 1), 0.6)  # 1/2, 0.6, 0.6
        want = a * want + (1 - a) * own
        torch.testing.assert_close(teacher, want, rtol=1e-5, atol=1e-6)
        assert not torch.allclose(teacher, own)


def test_nothing_is_dropped_in_the_teacher_whose_batch_norms_use_the_batch():
    method, x = make(head={"bottleneck": 8, "norm": "batch", "dropout": 0.5}), images(6) + 4
    norm = method.teacher.module.head.bottleneck[1]
    one, two = method._taught(x), method._taught(x)
    assert torch.equal(one[0], two[0])
    assert norm.running_mean.abs().sum() == 0
    assert method.teacher.module.head.bottleneck[3].training  # as before
    linear, last = method.teacher.module.head.bottleneck[0], method.teacher.module.head.last
    h = linear(x.flatten(1))
    h = ((h - h.mean(dim=0)) / (h.var(dim=0, unbiased=False) + norm.eps).sqrt()).relu()
    torch.testing.assert_close(one[0], last(h).softmax(dim=1).max(dim=1).values)


@pytest.mark.parametrize("rho", [0.0, 0.3])
def test_without_masks_it_is_sdat_to_the_bit(rho):
    same_base = {"rho": rho, "confusion": 0.5, "temperature": 2.5}
    one, other = make(**same_base, masked=0.0), make(Sdat, **same_base)
    assert "masked" not in one.losses(*batch())
    for method in (one, other):
        trained(method, *task(), settings())
    mine = dict(one.named_parameters())
    assert all(torch.equal(mine[name], value) for name, value in other.named_parameters())


@pytest.mark.parametrize("rho", [0.0, 0.1])
def test_an_interrupted_run_goes_on_with_its_masks_and_its_teacher(rho, toy, tmp_path, monkeypatch):
    words = ["dataset=toy_images", "pair=L-R", "method=mic", "method.block=1", f"method.rho={rho}",
             "classifier.dropout=0.5", "classifier.norm=batch", "optim.steps=9", "optim.evaluations=3",
             "trainer.checkpoint_steps=4", "trainer=cpu"]  # fmt: skip
    config = config_of(*words, config_dir=toy)
    whole = train(config)
    train(config, tmp_path / "s.ckpt", 7, monkeypatch)
    same(whole, train(config, tmp_path / "s.ckpt"))


@pytest.mark.parametrize(("words", "message"), [
    (["dataset=har", "pair=2-11", "backbone=cnn1d"], r"mic needs images .* dataset=har have shape \(9, 128\)"),
    (["pair=H-P", "backbone=lenet"], "mic takes blocks of method.block=64 pixels out of images, which here have 16 x 16"),
    (["pair=H-P", "backbone=lenet", "method.block=17"], "Set method.block to 16 or less"),
    (["pair=H-P", "backbone=lenet", "method.block=16", "backbone.mode=frozen"], "mic needs images in each step, but backbone"),
])  # fmt: skip
def test_what_are_no_images_is_refused_in_one_line(words, message):
    allowed = settled("method=mic", "pair=H-P", "backbone=lenet", "classifier=head", "method.block=16")
    refuse_impossible(Setup.of(allowed))
    with pytest.raises(Refused, match=message) as told:
        refuse_impossible(Setup.of(settled("method=mic", "classifier=head", "protocol=inductive", *words)))
    assert "\n" not in str(told.value)


def test_a_frozen_backbone_that_sees_changed_images_in_each_step_is_allowed():
    words = [
        "method=mic",
        "dataset=office31",
        "pair=A-W",
        "backbone=resnet18",
        "backbone.mode=frozen",
        "classifier=head",
    ]
    refuse_impossible(Setup.of(settled(*words, "augment=office")))
    with pytest.raises(Refused, match="changes no image at random"):
        refuse_impossible(Setup.of(settled(*words, "augment=plain")))


@pytest.mark.parametrize("wrong", [{"masked": -1.0}, {"block": 0}, {"ratio": 1.1}, {"decay": -0.1}, {"variant": "author"},
                                   {"temperature": 0.0}, {"rho": -1.0}, {"confusion": -1.0}])  # fmt: skip
def test_refusals(wrong):
    make(ratio=1.0, decay=0.0, block=1)
    with pytest.raises(TlbenchError, match=f"method.{next(iter(wrong))}"):
        make(**wrong)
