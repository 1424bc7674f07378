import math

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from baselines.cdac import Cdac, pair_loss, ramp, same_peaks
from tests.baselines.tiny import C, D, array, network, softmax
from tests.support import config_of, identity_of
from tlbench.errors import TlbenchError
from tlbench.method import SourceOutput, TargetOutput

GIVEN = {"clustering": 0.7, "pseudo": 0.5, "threshold": 0.5, "consistency": 30.0, "rampup": 20_000, "top": 2}


def make(**changed):
    torch.manual_seed(0)
    return Cdac(**{**GIVEN, **changed}, network=network())


def draw(seed, n=6):
    return 2 * torch.randn(n, D, generator=torch.Generator().manual_seed(seed))


def batch(method):
    """Leaves: features of the weak view, its logits, inputs of both strong ones."""
    features, strong, again = (draw(seed).requires_grad_() for seed in (1, 2, 3))
    logits = method.network.head.last(features.detach()).detach().requires_grad_()
    source = SourceOutput(draw(4), draw(5)[:, :C], torch.arange(6) % C)
    return source, TargetOutput(features, logits, None, {"strong": strong, "strong_again": again})


def rows(*given):
    return torch.tensor(given, dtype=torch.float64)


def test_examples_are_alike_where_their_largest_features_are_the_same_in_any_order():
    x = rows([5, 4, 1, 0], [8, 9, 0, 1], [5, 1, 4, 0], [0, 1, 9, 8])
    assert same_peaks(x, 2).tolist() == [[1, 1, 0, 0], [1, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]
    assert same_peaks(x, 1).tolist() == [[1, 0, 1, 0], [0, 1, 0, 0], [1, 0, 1, 0], [0, 0, 0, 1]]
    assert (same_peaks(x, 4) == 1).all()
    assert same_peaks(rows([1, 0, 0, 0], [0, 0, 0, 1]), 2).tolist() == [
        [1, 0],
        [0, 1],
    ]  # {0, 1} and {3, 0}: the first of equals
    assert not same_peaks(x.requires_grad_(), 2).requires_grad


def test_peaks_by_sets():
    x = torch.randn(40, 7, generator=torch.Generator().manual_seed(0))
    sets = [frozenset(np.argsort(-row)[:5].tolist()) for row in x.numpy()]
    want = np.array([[float(a == b) for b in sets] for a in sets])
    assert 40 < want.sum() < 400
    np.testing.assert_array_equal(same_peaks(x, 5).numpy(), want)


def test_closed_forms_of_pairs():
    eye = torch.eye(2, dtype=torch.float64)
    assert pair_loss(eye, eye, eye).item() == pytest.approx(0, abs=2e-7)
    assert pair_loss(eye, eye, 1 - eye).item() == pytest.approx(-math.log(1e-7), abs=1e-6)  # all four pairs wrong
    half = torch.full((2, 2), 0.5, dtype=torch.float64)
    assert pair_loss(half, half, eye).item() == pytest.approx(math.log(2), abs=1e-6)
    # rows of p and q: p_1.q_1 = .8, p_1.q_2 = .2, p_2.q_1 = p_2.q_2 = .5; alike on the diagonal
    p, q = rows([1, 0], [0.5, 0.5]), rows([0.8, 0.2], [0.2, 0.8])
    assert pair_loss(p, q, eye).item() == pytest.approx(-(2 * math.log(0.8) + 2 * math.log(0.5)) / 4, abs=1e-6)
    sure = torch.tensor([[1.0, 1e-7]])  # rounded up past 1
    assert torch.isfinite(pair_loss(sure, sure + 1e-7, torch.zeros(1, 1)))


def test_gradients_of_pairs_reach_both_views():
    p, q = (torch.softmax(draw(seed, 4).double(), dim=1).requires_grad_() for seed in (1, 2))
    alike = torch.eye(4, dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda a, b: pair_loss(a, b, alike), (p, q))
    assert all(g.abs().sum() > 0 for g in torch.autograd.grad(pair_loss(p, q, alike), [p, q]))


def test_the_ramp():
    assert 30 * ramp(0, 20_000) == pytest.approx(30 * math.exp(-5), rel=1e-12)  # 0.2021
    assert 30 * ramp(0, 20_000) == pytest.approx(0.2021, abs=1e-4)
    assert ramp(10_000, 20_000) == pytest.approx(math.exp(-1.25))
    assert [ramp(20_000, 20_000), ramp(50_000, 20_000), ramp(0, 0)] == [1.0, 1.0, 1.0]


@pytest.mark.parametrize(("steps", "progress", "factor"), [
    (1, 0.0, 0.20213841), (50_000, 0.2, 30 * math.exp(-1.25)), (50_000, 0.4, 30.0), (50_000, 0.9, 30.0),
])  # fmt: skip
def test_the_terms_in_numpy(steps, progress, factor):
    method = make()
    method.steps, method.progress = steps, progress
    source, target = batch(method)
    terms = method.adaptation_terms(source, target)
    last = method.network.head.last
    views = [array(x).astype(np.float64) for x in (target.features, *target.inputs.values())]
    p, q, r = (softmax(x @ array(last.weight).T.astype(np.float64) + array(last.bias)) for x in views)
    peaks = [set(np.argsort(-row)[:2]) for row in views[0]]
    pairs = [(i, j) for i in range(6) for j in range(6)]
    total = sum(np.log(p[i] @ q[j] if peaks[i] == peaks[j] else 1 - p[i] @ q[j]) for i, j in pairs)
    assert 6 < sum(peaks[i] == peaks[j] for i, j in pairs) < 36
    assert terms["clustering"].item() == pytest.approx(0.7 * total / 36, rel=1e-5)
    kept = [i for i in range(6) if p[i].max() > 0.5]
    assert 0 < len(kept) < 6
    assert terms["pseudo"].item() == pytest.approx(-0.5 * sum(np.log(r[i, p[i].argmax()]) for i in kept) / 6, rel=1e-5)
    assert terms["consistency"].item() == pytest.approx(factor * np.mean((q - r) ** 2), rel=1e-5)
    told = method.told["kept"].item(), method.told["alike"].item()
    assert told == pytest.approx((len(kept) / 6, sum(peaks[i] == peaks[j] for i, j in pairs) / 36))


def test_the_last_layer_drives_pairs_the_wrong_way_and_features_the_right_one():
    """Descent along the term: the last layer has the slope of -BCE, the features of both views that of BCE."""
    method = make()
    source, target = batch(method)
    term = method.adaptation_terms(source, target)["clustering"]
    last, strong = method.network.head.last, target.inputs["strong"]
    leaves = [last.weight, last.bias, target.features, strong]
    double = [x.detach().double().requires_grad_() for x in leaves]
    p, q = (F.softmax(F.linear(x, double[0], double[1]), dim=1) for x in double[2:])
    alike = same_peaks(target.features, 2)
    product = p @ q.T
    plain = -0.7 * torch.where(alike == 1, -(product + 1e-7).log(), -(1 - product + 1e-7).log()).mean()
    got, want = torch.autograd.grad(term, leaves), torch.autograd.grad(plain, double)
    for sign, mine, theirs in zip((1, 1, -1, -1), got, want, strict=True):
        assert theirs.abs().sum() > 0.01
        torch.testing.assert_close(mine.double(), sign * theirs, rtol=1e-4, atol=1e-5)


def test_guesses_teach_the_second_strong_view_alone():
    method = make()
    source, target = batch(method)
    term = method.adaptation_terms(source, target)["pseudo"]
    strong, again = target.inputs["strong"], target.inputs["strong_again"]
    got = torch.autograd.grad(term, [target.features, target.logits, strong, again], allow_unused=True)
    assert [g is None or not g.any() for g in got] == [True, True, True, False]
    last = method.network.head.last
    x = again.detach().double().requires_grad_()
    surest, guess = target.logits.softmax(dim=1).max(dim=1)
    losses = F.cross_entropy(F.linear(x, last.weight.double(), last.bias.double()), guess, reduction="none")
    (want,) = torch.autograd.grad(0.5 * losses[surest > 0.5].sum() / 6, x)
    torch.testing.assert_close(got[3].double(), want, rtol=1e-4, atol=1e-6)


def test_both_strong_views_move_towards_each_other():
    method = make()
    method.steps, method.progress = 20_000, 0.0
    source, target = batch(method)
    term = method.adaptation_terms(source, target)["consistency"]
    strong, again = target.inputs["strong"], target.inputs["strong_again"]
    last = method.network.head.last
    got = torch.autograd.grad(term, [last.weight, strong, again])
    double = [x.detach().double().requires_grad_() for x in (last.weight, strong, again)]
    q, r = (F.softmax(F.linear(x, double[0], last.bias.detach().double()), dim=1) for x in double[1:])
    want = torch.autograd.grad(30 * math.exp(-5) * ((q - r) ** 2).sum() / (6 * C), double)
    for mine, theirs in zip(got, want, strict=True):
        assert theirs.abs().sum() > 0
        torch.testing.assert_close(mine.double(), theirs, rtol=1e-4, atol=1e-7)


def test_its_recipe_is_the_references_too():
    words = ["dataset=mini_digits", "pair=H-P", "protocol.shots=1", "backbone=lenet"]
    own = config_of(*words, "method=cdac")
    assert (own.classifier["name"], own.optim.shares) == ("cosine", "equal")
    beside = config_of(*words, "method=source_and_target", "classifier=cosine", "optim.shares=equal")
    assert identity_of(own)["recipe_key"] == identity_of(beside)["recipe_key"]
    assert make().batches_per_step == 4


@pytest.mark.parametrize("wrong", [{name: -1} for name in GIVEN] + [{"top": 0}, {"top": D + 1}])
def test_refusals(wrong):
    make(top=D, rampup=0)
    with pytest.raises(TlbenchError, match=f"method.{next(iter(wrong))}"):
        make(**wrong)
