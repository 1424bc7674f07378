"""MCD: its distances by hand, who moves in which step, and the authors' loop with two optimisers."""

import copy

import pytest
import torch
from torch.nn import functional as F

from baselines.mcd import Mcd, sliced_discrepancy, unbalance
from tests.support import config_of, gaussian_task, last_of, trained
from tlbench.backbones.small import Identity
from tlbench.classifiers.head import Head
from tlbench.classifiers.network import Network
from tlbench.errors import TlbenchError
from tlbench.functional.classifier_gaps import discrepancy
from tlbench.method.views import TargetBatch
from tlbench.training.batches import PairedBatches
from tlbench.training.schedules import learning_rate

TASK, HELD_OUT = gaussian_task(shots_per_class=2)


def make(**changed) -> Mcd:
    torch.manual_seed(0)
    head = Head(in_dim=3, n_classes=2, bottleneck=5, dropout=0.0)
    given = {"weight": 1.5, "repeats": 2, "balance": 0.0, **changed}
    return Mcd(network=Network(Identity(input_shape=(3,)), head), **given)


def config(*words):
    own = last_of("optim.steps=5", "optim.batch_size=8", "optim.lr=0.1", "optim.momentum=0.9", "trainer=cpu", *words)
    return config_of("dataset=mini_digits", "pair=H-P", "method=source_only", "backbone=lenet", "classifier=head", *own)


def p(*rows):
    return torch.tensor(rows, dtype=torch.float64)


def test_closed_forms():
    # (0.6 + 0 + 0.6) / 3
    assert discrepancy(p([0.7, 0.2, 0.1]), p([0.1, 0.2, 0.7])).item() == pytest.approx(0.4)
    assert discrepancy(p([1.0, 0.0]), p([0.0, 1.0])).item() == 1.0  # mean over classes: a sum would be 2
    assert discrepancy(p([0.3, 0.7]), p([0.3, 0.7])).item() == 0.0
    assert unbalance(p([1.0, 0.0], [0.0, 1.0])).item() == pytest.approx(0.6931, abs=1e-4)  # log 2 at equal shares
    assert unbalance(p([1.0, 0.0])).item() == pytest.approx(13.8155 / 2, abs=1e-3)  # -log(1e-6) / 2
    alone = p([0.6, 0.4], [0.2, 0.8])
    assert unbalance(alone).item() == pytest.approx(-(p([0.4 + 1e-6, 0.6 + 1e-6]).log().mean()).item())


def test_the_sliced_distance_is_of_sorted_projections():
    one, two = torch.rand(7, 3, dtype=torch.float64), torch.rand(7, 3, dtype=torch.float64)
    torch.manual_seed(3)
    ways = F.normalize(torch.randn(3, 128, dtype=torch.float64), dim=0)
    want = sum(((one @ w).sort().values - (two @ w).sort().values).square().mean() for w in ways.T) / 128
    torch.manual_seed(3)
    assert sliced_discrepancy(one, two).item() == pytest.approx(want.item())
    assert sliced_discrepancy(one, one[torch.randperm(7)]).item() == pytest.approx(
        0, abs=1e-30
    )  # blind to which row is which


def test_gradients_reach_both_classifiers():
    one, two = (torch.rand(4, 3, dtype=torch.float64).requires_grad_() for _ in range(2))
    assert torch.autograd.gradcheck(discrepancy, (one, two))
    assert torch.autograd.gradcheck(unbalance, (one,))


def test_the_second_classifier_is_not_the_first():
    method = make()
    assert not torch.equal(method.second.weight, method.network.head.last.weight)  # else d is 0 for ever


@pytest.mark.parametrize("balance", [0.0, 0.3])
def test_five_steps_are_those_of_the_authors_loop_with_an_optimiser_for_each_part(balance):
    """Features and classifiers have an optimiser of their own; what a phase does not train is zeroed, not stepped."""
    method = make(balance=balance)
    bare, settings = copy.deepcopy(method), config()
    trained(method, TASK, HELD_OUT.test.inputs, settings)
    optim = settings.optim
    features = [*bare.network.head.bottleneck.parameters()]
    heads = [*bare.network.head.last.parameters(), *bare.second.parameters()]
    how = {"lr": optim.lr, "momentum": optim.momentum, "nesterov": optim.nesterov, "weight_decay": optim.weight_decay}
    of_features, of_heads = torch.optim.SGD(features, **how), torch.optim.SGD(heads, **how)
    rate = learning_rate(optim.schedule, optim.annealing)

    def said(x):
        f = bare.network.head.bottleneck(x)
        return bare.network.head.last(f), bare.second(f)

    def step(loss, *optimisers):
        for optimiser in (of_features, of_heads):
            optimiser.zero_grad()
        loss.backward()
        for optimiser in optimisers:
            optimiser.step()

    sets = [TASK.source, TASK.shots]
    batches = PairedBatches(sets, TASK.target, batch_size=8, steps=5, seed=0)
    for number, (labelled, target) in enumerate(batches):
        for optimiser in (of_features, of_heads):
            optimiser.param_groups[0]["lr"] = optim.lr * rate(number / 5)
        x, y = torch.cat([x for x, _ in labelled]), torch.cat([y for _, y in labelled])

        def both(x=x, y=y, target=target):
            z1, z2 = said(x)
            t1, t2 = (z.softmax(dim=1) for z in said(target.train))
            balanced = -(t1.mean(0) + 1e-6).log().mean() - (t2.mean(0) + 1e-6).log().mean()
            return F.cross_entropy(z1, y) + F.cross_entropy(z2, y) + balance * balanced, (t1 - t2).abs().mean()

        step(both()[0], of_features, of_heads)
        loss, d = both()
        step(loss - 1.5 * d, of_heads)
        for _ in range(2):
            step(1.5 * both()[1], of_features)
    for one, other in zip(method.parameters(), bare.parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("variant", ["steps", "sliced"])
def test_features_and_classifiers_stay_where_it_is_not_their_turn(variant):
    method = make(variant=variant, weight=0.7)
    x, y = torch.randn(6, 3), torch.arange(6) % 2
    first, apart, *together = method.phases([(x, y)], TargetBatch.of(torch.randn(5, 3)))
    assert first.trains is None
    names = {id(v): n for n, v in method.named_parameters()}
    assert {names[id(v)] for v in apart.trains} == {
        "second.weight", "second.bias", "network.head.last.weight", "network.head.last.bias"
    }  # fmt: skip
    assert len(together) == 2
    assert {names[id(v)] for v in together[0].trains} == {
        "network.head.bottleneck.0.weight",
        "network.head.bottleneck.0.bias",
    }
    terms = apart.terms()
    assert set(terms) == {"classification", "second_classification", "apart"}
    if variant == "steps":
        torch.testing.assert_close(terms["apart"], -together[0].terms()["together"])


def test_a_reversal_gives_the_features_the_opposite_slope_and_the_classifiers_their_own():
    method = make(variant="reversal", weight=2.0)
    assert (method.passes, make().passes) == (1, 4)
    x, y, target = torch.randn(6, 3), torch.arange(6) % 2, torch.randn(5, 3)
    (phase,) = method.phases([(x, y)], TargetBatch.of(target))
    apart = phase.terms()["apart"]
    f = method.network.head.bottleneck(target)
    plain = -2.0 * (method.network.head.last(f).softmax(1) - method.second(f).softmax(1)).abs().mean()
    torch.testing.assert_close(apart, plain)
    deep, top = method.network.head.bottleneck[0].weight, method.second.weight
    got, want = (torch.autograd.grad(value, [deep, top], retain_graph=True) for value in (apart, plain))
    torch.testing.assert_close(got[0], -want[0])
    torch.testing.assert_close(got[1], want[1])


def test_it_predicts_with_the_mean_of_both():
    method, x = make(), torch.randn(4, 3)
    features, logits = method.network(x)
    want = (logits.softmax(dim=1) + method.second(features).softmax(dim=1)) / 2
    torch.testing.assert_close(method.predict_proba(x), want)


def test_without_weight_and_repeats_features_learn_from_both_classifiers_alone():
    method = make(weight=0.0, repeats=0)
    assert len(method.phases([(torch.randn(4, 3), torch.arange(4) % 2)], TargetBatch.of(torch.randn(3, 3)))) == 2
    bare, settings = copy.deepcopy(method), config("optim.steps=1", "optim.evaluations=1")
    _, (terms,) = trained(method, TASK, HELD_OUT.test.inputs, settings)
    assert set(terms) == {"classification", "second_classification", "apart"}
    assert terms["apart"] == 0
    assert any(not torch.equal(a, b) for a, b in zip(method.parameters(), bare.parameters(), strict=True))


@pytest.mark.parametrize("wrong", [{"weight": -1.0}, {"repeats": -1}, {"balance": -0.1}, {"variant": "step"}])
def test_refusals(wrong):
    make()
    with pytest.raises(TlbenchError, match=next(iter(wrong))):
        make(**wrong)


def test_the_balance_is_not_reversed_and_the_second_classifier_is_of_the_recipe_s_kind():
    slopes = []
    for variant in ("reversal", "steps"):
        method = make(variant=variant, balance=0.3)
        batch = [(torch.ones(6, 3), torch.arange(6) % 2)], TargetBatch.of(torch.arange(15.0).view(5, 3))
        term = method.phases(*batch)[0].terms()["balance"]
        slopes.append(torch.autograd.grad(term, method.network.head.bottleneck[0].weight)[0])
    torch.testing.assert_close(*slopes)
    head = Head(in_dim=3, n_classes=2, bottleneck=5, dropout=0.0, last="cosine", temperature=0.2)
    method = Mcd(weight=1.0, repeats=1, balance=0.0, network=Network(Identity(input_shape=(3,)), head))
    assert (type(method.second), method.second.temperature) == (type(head.last), 0.2)
    assert (method.batches_per_step, make(repeats=4).batches_per_step, make(variant="reversal").batches_per_step) == (
        5,
        8,
        2,
    )
