import math

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from baselines.pseudo_label import PseudoLabel
from tests.baselines.tiny import D, network
from tlbench.errors import TlbenchError
from tlbench.functional.sure_labels import sure_cross_entropy
from tlbench.method.views import TargetBatch


def draw(n=6, c=4, seed=0):
    return 3 * torch.randn(n, c, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def make(**changed):
    torch.manual_seed(0)
    return PseudoLabel(**{"weight": 1.0, "threshold": 0.5, "view": "strong", **changed}, network=network())


def batch(**views):
    return [(torch.randn(5, D), torch.arange(5) % 3)], TargetBatch.of(torch.randn(6, D), **views)


def test_closed_form():
    # two rows, the first sure; its cross-entropy is log(1 + e^-1 ...) = 1 by choice of the logits, over B = 2
    z = torch.tensor([[0.0, math.log(math.e - 1)], [5.0, 0.0]], dtype=torch.float64)
    guess = torch.tensor([[4.0, 0.0], [0.1, 0.0]], dtype=torch.float64)
    loss, kept = sure_cross_entropy(z, guess, 0.9)
    assert loss.item() == pytest.approx(0.5)  # divided by B, and not by the number kept
    assert kept.item() == 0.5


@pytest.mark.parametrize("threshold", [0.0, 0.6, 0.95, 1.0])
def test_agrees_with_numpy(threshold):
    z, guess = draw(), draw(seed=1)
    p = torch.softmax(guess, dim=1).numpy()
    log_p = torch.log_softmax(z, dim=1).numpy()
    own = [-log_p[i, p[i].argmax()] for i in range(6) if p[i].max() > threshold]
    loss, kept = sure_cross_entropy(z, guess, threshold)
    assert loss.item() == pytest.approx(np.sum(own) / 6)
    assert kept.item() == pytest.approx(len(own) / 6)


def test_the_threshold_itself_is_not_enough():
    even = torch.zeros(3, 2, dtype=torch.float64)  # largest probability exactly 1 / 2
    assert sure_cross_entropy(even, even, 0.5)[1].item() == 0
    assert sure_cross_entropy(even, even, 0.499)[1].item() == 1


def test_what_guesses_gets_no_gradient_and_what_learns_the_right_one():
    z, guess = draw().requires_grad_(), draw(seed=1).requires_grad_()
    loss, _ = sure_cross_entropy(z, guess, 0.3)
    slopes = torch.autograd.grad(loss, [z, guess], allow_unused=True)
    assert slopes[1] is None
    assert slopes[0].abs().sum() > 0
    assert torch.autograd.gradcheck(lambda v: sure_cross_entropy(v, guess, 0.3)[0], (z,))


def test_the_strong_view_learns_what_the_training_view_guesses():
    method, strong = make(weight=2.0, threshold=0.34), torch.randn(6, D)
    labelled, target = batch(strong=strong)
    terms = method.losses(labelled, target)
    p = method.network(target.train)[1].softmax(dim=1).detach()
    kept = p.max(dim=1).values > 0.34
    own = F.cross_entropy(method.network(strong)[1], p.argmax(dim=1), reduction="none")
    torch.testing.assert_close(terms["pseudo"], 2.0 * (own * kept).mean())
    torch.testing.assert_close(method.told["kept"], kept.float().mean())


def test_the_weak_view_learns_its_own_guesses():
    method = make(view="weak", threshold=0.0)
    assert method.target_views == ("train",)
    labelled, target = batch()
    logits = method.network(target.train)[1]
    torch.testing.assert_close(method.losses(labelled, target)["pseudo"], F.cross_entropy(logits, logits.argmax(dim=1)))


def test_above_one_nothing_is_sure():
    labelled, target = batch(strong=torch.randn(6, D))
    assert make(threshold=1.1).losses(labelled, target)["pseudo"].item() == 0


@pytest.mark.parametrize("wrong", [{"weight": -1.0}, {"threshold": -0.1}, {"view": "stronger"}])
def test_refusals(wrong):
    make()
    with pytest.raises(TlbenchError, match=f"method.{next(iter(wrong))}"):
        make(**wrong)
