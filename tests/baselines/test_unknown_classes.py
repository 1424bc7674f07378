"""Methods that say what is of no known class: an output of their own, or a rule."""

import math

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from baselines.dance import Dance, likeness, margin_distance
from baselines.osbp import Osbp, boundary_loss
from baselines.ovanet import Ovanet, binary_entropy, pair_loss
from baselines.uan import VARIANTS, Uan, scaled
from tests.baselines.tiny import C, D, array, network, outputs, softmax
from tlbench.backbones.small import Identity
from tlbench.classifiers.head import Head
from tlbench.classifiers.network import Network
from tlbench.errors import TlbenchError
from tlbench.functional.adversarial import domain_loss
from tlbench.method import SourceOutput, TargetOutput
from tlbench.running.rejection import Rejection

OVANET = {"weight": 2.0, "entropy": 0.1}
DANCE = {"weight": 0.05, "margin": 0.2}
UAN = {"weight": 2.0, "auxiliary": 3.0, "gamma": 10.0, "hidden": 0, "threshold": -0.5}
STRENGTH = math.tanh(2.5)  # at half of the run
M = 9
ROWS = torch.tensor([1, 4, 5, 8])


def cosine(n_classes: int = C) -> Network:
    head = Head(in_dim=D, n_classes=n_classes, bottleneck=0, dropout=0.0, last="cosine")
    return Network(Identity(input_shape=(D,)), head)


def made(kind, parameters, **changed):
    torch.manual_seed(0)
    method = kind(**parameters | changed, network=cosine() if kind is Dance else network()).double()
    method.progress = 0.5
    return method


def entropy(p):
    return -np.sum(p * np.log(p), axis=1)


def draw(*shape, seed=0, scale=1.0):
    return scale * torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


# osbp


def test_the_boundary_by_hand():
    # u = 2 / (1 + 1 + 2) = 1/2: -log(1/2), and no slope at t = 1/2
    z = torch.tensor([[0.0, 0.0, math.log(2)]], dtype=torch.float64, requires_grad=True)
    value = boundary_loss(z, 0.5)
    assert value.item() == pytest.approx(math.log(2))
    (slope,) = torch.autograd.grad(value, z)
    assert slope.abs().max() < 1e-15
    # u = 3/4: -0.25 log(3/4) - 0.75 log(1/4)
    z = torch.tensor([[0.0, math.log(3)]])
    assert boundary_loss(z, 0.25).item() == pytest.approx(-0.25 * math.log(0.75) - 0.75 * math.log(0.25))


def test_the_boundary_agrees_with_loops_and_does_not_depend_on_the_order_of_known_classes_or_a_shift():
    z = draw(6, 5)
    u = softmax(array(z))[:, -1]
    want = np.mean(-0.3 * np.log(u) - 0.7 * np.log(1 - u))
    assert boundary_loss(z, 0.3).item() == pytest.approx(want)
    assert boundary_loss(z[:, [2, 0, 3, 1, 4]] + 7.0, 0.3).item() == pytest.approx(want)


def test_a_sure_row_has_a_finite_loss_and_slope():
    # u is 1 to rounding: log u = 0 and log(1 - u) = -1000
    z = torch.tensor([[0.0, 1000.0]], requires_grad=True)
    value = boundary_loss(z, 0.5)
    assert value.item() == pytest.approx(500)
    assert torch.autograd.grad(value, z)[0].tolist() == [[-0.5, 0.5]]


def test_the_last_layer_pulls_to_the_boundary_and_the_features_lead_away_from_it():
    method, (source, target) = made(Osbp, {"weight": 2.0, "boundary": 0.5}), outputs()
    weight = method.network.head.last.weight
    term = method.adaptation_terms(source, target)["boundary"]
    found = torch.autograd.grad(term, (target.features, weight))
    plain = 2 * boundary_loss(method.network.head.last(target.features), 0.5)
    assert term.item() == pytest.approx(plain.item())
    want = torch.autograd.grad(plain, (target.features, weight))
    torch.testing.assert_close(found[0], -want[0])
    torch.testing.assert_close(found[1], want[1])
    said = method.network.head.last(target.features).argmax(dim=1) == C - 1
    assert method.told["unknown"].item() == pytest.approx(said.double().mean().item())


# ovanet


def test_pairs_by_hand():
    zeros = torch.zeros(4, C, dtype=torch.float64)
    assert pair_loss(zeros, torch.tensor([0, 1, 2, 0])).item() == pytest.approx(math.log(2))
    assert binary_entropy(zeros).tolist() == pytest.approx(np.full((4, C), math.log(2)))
    # the worst of the others, and not their mean: -log p_y = log 2, -log(1 - p) of odds 3 is log(1 + e^3)
    odds = torch.tensor([[0.0, -5.0, 3.0]])
    assert pair_loss(odds, torch.tensor([0])).item() == pytest.approx((math.log(2) + math.log(1 + math.exp(3))) / 2)
    assert binary_entropy(torch.tensor([50.0, -50.0])).tolist() == pytest.approx([0, 0], abs=1e-12)


def test_pairs_agree_with_loops():
    odds, labels = draw(7, 4, scale=2.0), torch.arange(7) % 4
    p = 1 / (1 + np.exp(-array(odds)))
    want = [
        (-math.log(p[i, y]) + max(-math.log(1 - p[i, c]) for c in range(4) if c != y)) / 2
        for i, y in enumerate(labels.tolist())
    ]
    assert pair_loss(odds, labels).item() == pytest.approx(np.mean(want))
    np.testing.assert_allclose(binary_entropy(odds), -p * np.log(p) - (1 - p) * np.log(1 - p), atol=1e-12)


def test_the_slopes_of_pairs():
    odds = torch.tensor([[0.5, -5.0, 3.0]], dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(pair_loss(odds, torch.tensor([0])), odds)
    assert slope[0, 0] < 0 < slope[0, 2]
    assert slope[0, 1] == 0
    (slope,) = torch.autograd.grad(binary_entropy(odds).sum(), odds)
    p = odds.detach().sigmoid()
    torch.testing.assert_close(slope, -odds.detach() * p * (1 - p))  # away from 1/2, to either side


def test_the_terms_of_ovanet_and_what_the_outputs_of_its_pairs_mean():
    method, (source, target) = made(Ovanet, OVANET), outputs()
    w = array(method.pairs.weight)
    np.testing.assert_allclose(np.linalg.norm(w, axis=1), 1.0)

    def inside(x):
        z = array(x) @ w.T
        return np.exp(z[:, C:]) / (np.exp(z[:, C:]) + np.exp(z[:, :C]))  # the second half stands for "in"

    p, q = inside(source.features), inside(target.features)
    of_source = [
        (-math.log(p[i, y]) - math.log(min(1 - p[i, c] for c in range(C) if c != y))) / 2
        for i, y in enumerate(source.labels.tolist())
    ]
    of_target = (-q * np.log(q) - (1 - q) * np.log(1 - q)).mean()
    terms = method.adaptation_terms(source, target)
    assert terms["pairs"].item() == pytest.approx(2 * np.mean(of_source))
    assert terms["entropy"].item() == pytest.approx(0.1 * of_target)
    guess = array(target.logits).argmax(axis=1)
    assert method.told["unknown"].item() == pytest.approx(np.mean(q[np.arange(len(q)), guess] < 0.5))
    assert all(
        torch.autograd.grad(term, (source.features, target.features), allow_unused=True) for term in terms.values()
    )


def test_rows_of_the_pairs_have_length_1_after_each_update():
    method = made(Ovanet, OVANET)
    before = method.pairs.weight.detach().clone()
    with torch.no_grad():
        method.pairs.weight.mul_(3.0)
    method.after_step()
    torch.testing.assert_close(method.pairs.weight.detach(), before)


# dance


def test_the_margin_by_hand():
    # 0.3 and 0.1 are nearer to rho = 1 than 0.5 and count as 0.5, without a slope; 1 and 0.8 count
    h = torch.tensor([1.3, 0.9, 2.0, 0.2], dtype=torch.float64, requires_grad=True)
    value = margin_distance(h, 1.0, 0.5)
    assert value.item() == pytest.approx((0.5 + 0.5 + 1.0 + 0.8) / 4)
    (slope,) = torch.autograd.grad(-4 * value, h)
    assert slope.tolist() == [0, 0, -1, 1]


def test_likeness_agrees_with_loops():
    f, bank, z = F.normalize(draw(4, D), dim=1), F.normalize(draw(5, D, seed=1), dim=1), draw(4, C, seed=2)
    found = array(likeness(f, z, bank, 0.05))
    assert found.shape == (4, C + 5 + 3)
    for i in range(4):
        others = [float(f[i] @ f[k]) / 0.05 for k in range(4) if k != i]
        assert found[i] == pytest.approx([*z[i].tolist(), *(float(f[i] @ b) / 0.05 for b in bank), *others])


class NineRows:
    target = np.zeros((M, D))


def dance(**changed):
    method = made(Dance, DANCE, **changed)
    method.prepare(NineRows)
    return method


def batch(method, seed=0):
    """A target batch of ROWS whose logits are those of its features."""
    features = draw(len(ROWS), D, seed=seed).requires_grad_()
    return features, TargetOutput(features, method.last(features), ROWS)


def test_the_terms_of_dance_agree_with_loops():
    method, (source, _) = dance(margin=0.1), outputs()
    bank = F.normalize(draw(M, D, seed=5), dim=1)
    bank[2] = 0.0  # not seen yet
    method.bank_MF = bank.clone()
    features, target = batch(method)
    f = array(F.normalize(features, dim=1))
    w = array(method.last.weight)
    np.testing.assert_allclose(np.linalg.norm(w, axis=1), 1.0)
    of_all, apart = [], []
    for i in range(len(f)):
        others = [array(bank[j]) for j in range(M) if j not in ROWS.tolist()] + [f[k] for k in range(len(f)) if k != i]
        z = np.array([f[i] @ row / 0.05 for row in [*w, *others]])
        of_all.append(entropy(softmax(z[None]))[0])
        apart.append(max(abs(entropy(softmax(z[None, :C]))[0] - math.log(C) / 2), 0.1))
    terms = method.adaptation_terms(source, target)
    assert terms["neighbours"].item() == pytest.approx(0.05 * np.mean(of_all))
    assert terms["separation"].item() == pytest.approx(-0.05 * np.mean(apart))
    (slope,) = torch.autograd.grad(terms["neighbours"], features)
    assert (slope.abs().sum(dim=1) > 0).all()


def test_the_bank_is_zeros_until_an_example_was_seen_and_then_what_it_was_last():
    method, (source, _) = dance(), outputs()
    assert method.bank_MF.shape == (M, D)
    assert not method.bank_MF.any()
    for seed in (0, 1):
        features, target = batch(method, seed)
        method.adaptation_terms(source, target)
        torch.testing.assert_close(method.bank_MF[ROWS].double(), F.normalize(features.detach(), dim=1))
    others = [row for row in range(M) if row not in ROWS.tolist()]
    assert not method.bank_MF[others].any()
    assert not method.bank_MF.requires_grad


def test_rows_of_the_last_layer_have_length_1_after_each_update_and_the_layer_must_be_one_of_cosines():
    method = dance()
    before = method.last.weight.detach().clone()
    with torch.no_grad():
        method.last.weight.mul_(0.2)
    method.after_step()
    torch.testing.assert_close(method.last.weight.detach(), before)
    with pytest.raises(TlbenchError, match=r"got Linear\. Set classifier\.last=cosine"):
        Dance(**DANCE, network=network())


# uan


def test_weights_are_scaled_to_a_mean_of_1():
    assert scaled(torch.tensor([1.0, 2.0, 3.0])).tolist() == [0, 1, 2]
    found = scaled(draw(20))
    assert found.mean().item() == pytest.approx(1)
    assert found.min().item() == 0
    torch.testing.assert_close(scaled(5 * draw(20) - 3), found)
    assert scaled(torch.full((4,), 0.3)).tolist() == [1, 1, 1, 1]
    assert scaled(torch.tensor([0.3])).tolist() == [1]


def uan_by_hand(method, source, target):
    """Weights of source and target, d' of the two in numpy."""
    (layer,) = method.second
    d_s, d_t = (
        1 / (1 + np.exp(-(array(of.features) @ array(layer.weight)[0] + array(layer.bias)[0])))
        for of in (source, target)
    )
    w_s = entropy(softmax(array(source.logits) / 10)) / math.log(C) - d_s
    w_t = d_t - entropy(softmax(array(target.logits))) / math.log(C)
    unit = [(w - w.min()) / (w.max() - w.min()) for w in (w_s, w_t)]
    return [w / w.mean() for w in unit], w_t


def test_uan_agrees_with_loops():
    method, (source, target) = made(Uan, UAN), outputs()
    (w_s, w_t), common = uan_by_hand(method, source, target)
    np.testing.assert_allclose(method.weights(source, target), np.concatenate([w_s, w_t]))
    x = torch.cat([source.features, target.features])
    first, second = (array(layers(x).squeeze(1)) for layers in (method.discriminator, method.second))
    adversary = (np.mean(w_s * np.log1p(np.exp(-first[:5]))) + np.mean(w_t * np.log1p(np.exp(first[5:])))) / 2
    plain = (np.mean(np.log1p(np.exp(-second[:5]))) + np.mean(np.log1p(np.exp(second[5:])))) / 2
    terms = method.adaptation_terms(source, target)
    assert terms["domain"].item() == pytest.approx(2 * adversary + 3 * plain)
    assert method.told["unknown"].item() == pytest.approx(np.mean(common < -0.5))
    assert method.told["second"].item() == pytest.approx(3 * plain)


def test_no_gradient_of_uan_passes_through_its_weights():
    method, (source, target) = made(Uan, UAN, weight=1.0), outputs()
    value = method.adaptation_terms(source, target)["domain"]
    leaves = source.features, target.features
    found = torch.autograd.grad(value, (*leaves, source.logits, target.logits), allow_unused=True)
    assert found[2:] == (None, None)
    (w_s, w_t), _ = uan_by_hand(method, source, target)
    logits = method.discriminator(torch.cat(leaves)).squeeze(1)
    want = torch.autograd.grad(domain_loss(logits, 5, torch.tensor(np.concatenate([w_s, w_t]))), leaves)
    for got, slope in zip(found[:2], want, strict=True):
        torch.testing.assert_close(got, -STRENGTH * slope)


def test_the_authors_cross_entropy_takes_probabilities_for_logits():
    z, y = draw(5, C), torch.arange(5) % C
    values = [made(Uan, UAN, variant=variant).classification(z, y).item() for variant in VARIANTS]
    twice = softmax(softmax(array(z)))
    assert values == pytest.approx(
        [F.cross_entropy(z, y).item(), np.mean([-math.log(twice[i, c]) for i, c in enumerate(y)])]
    )


# rules


def said_by_hand(method, x):
    """Whether each row is unknown by the method's rule, in numpy."""
    features, logits = (array(found) for found in method.network(x))
    p = softmax(logits)
    if isinstance(method, Ovanet):
        z, top = features @ array(method.pairs.weight).T, p.argmax(axis=1)
        rows = np.arange(len(p))
        return z[rows, C + top] < z[rows, top]
    if isinstance(method, Dance):
        return entropy(p) > math.log(C) / 2
    (layer,) = method.second
    d = 1 / (1 + np.exp(-(features @ array(layer.weight)[0] + array(layer.bias)[0])))
    return d - entropy(p) / math.log(C) < method.threshold


@pytest.mark.parametrize(("kind", "parameters"), [(Ovanet, OVANET), (Dance, DANCE), (Uan, UAN | {"threshold": -0.35})])
def test_the_last_column_is_the_highest_where_the_rule_says_unknown_and_a_closed_set_has_none(kind, parameters):
    method, x = made(kind, parameters).float().eval(), draw(200, D, scale=0.7).float()
    with torch.no_grad():
        features, closed = method.outputs(x)
        method.open_set = True
        same, opened = method.outputs(x)
    assert torch.equal(features, same)
    assert closed.shape == (200, C)
    want = said_by_hand(method, x)
    assert 10 < want.sum() < 190
    assert np.array_equal(array(opened).argmax(axis=1) == C, want)
    assert torch.equal(opened[:, :C].argmax(dim=1), closed.argmax(dim=1))
    if kind is Dance:
        np.testing.assert_allclose(array(opened), Rejection("entropy")(array(closed)), atol=1e-5)


@pytest.mark.parametrize(
    ("kind", "parameters", "wrong", "message"),
    [
        (
            Osbp,
            {"weight": 1.0, "boundary": 0.5},
            {"boundary": 1.0},
            r"above 0 and below 1, got 1\.0\. Set by method\.boundary",
        ),
        (Osbp, {"weight": 1.0, "boundary": 0.5}, {"weight": -1.0}, r"method\.weight must be 0 or more"),
        (Ovanet, OVANET, {"entropy": -0.1}, r"method\.entropy must be 0 or more"),
        (Dance, DANCE, {"margin": -0.1}, r"method\.margin must be 0 or more"),
        (Uan, UAN, {"threshold": 1.5}, r"method\.threshold must be from -1 to 1, got 1\.5"),
        (Uan, UAN, {"variant": "tllib"}, r"method\.variant must be paper or authors, got 'tllib'"),
    ],
)
def test_what_is_refused(kind, parameters, wrong, message):
    made(kind, parameters)
    with pytest.raises(TlbenchError, match=message):
        made(kind, parameters, **wrong)


def test_an_example_of_a_source_batch_alone_reaches_the_pairs():
    """The classification loss is the head's; the pairs learn from the terms."""
    method, (source, target) = made(Ovanet, OVANET), outputs()
    loss = method.classification(source.logits, source.labels)
    assert torch.autograd.grad(loss, method.pairs.weight, allow_unused=True) == (None,)
    one = SourceOutput(source.features[:1], source.logits[:1], source.labels[:1])
    (slope,) = torch.autograd.grad(method.adaptation_terms(one, target)["pairs"], method.pairs.weight)
    assert slope.abs().sum() > 0
