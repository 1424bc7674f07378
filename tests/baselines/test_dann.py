import math

import numpy as np
import pytest
import torch
import yaml

from baselines.dann import GAMMA, VARIANTS, Dann
from tlbench.backbones.small import Identity
from tlbench.classifiers.head import Head
from tlbench.classifiers.network import Network
from tlbench.errors import Refused, TlbenchError
from tlbench.functional.adversarial import domain_loss, reversal_strength, reverse_gradient
from tlbench.method import SourceOutput, TargetOutput
from tlbench.paths import conf_dir


def test_strength_follows_the_papers_schedule():
    assert reversal_strength(0.0, 10) == 0
    assert reversal_strength(0.5, 10) == pytest.approx(2 / (1 + math.exp(-5)) - 1) == pytest.approx(0.98661, abs=1e-5)
    assert reversal_strength(1.0, 10) == pytest.approx(0.99990920, abs=1e-7)
    assert reversal_strength(0.5, 2) < reversal_strength(0.5, 10)


def test_reversal_is_the_identity_forward_and_turns_the_gradient():
    x = torch.tensor([1.0, -2.0], requires_grad=True)
    y = reverse_gradient(x, 0.25)
    assert y.tolist() == x.tolist()
    (y * torch.tensor([3.0, 4.0])).sum().backward()
    assert x.grad.tolist() == [-0.75, -1.0]


def test_domain_loss_weighs_the_domains_equally_whatever_their_sizes():
    logits = torch.tensor([2.0, 0.0, -1.0, 3.0, 1.0], dtype=torch.float64)
    p = 1 / (1 + np.exp(-logits.numpy()))
    want = (-np.log(p[:2]).mean() - np.log(1 - p[2:]).mean()) / 2
    assert domain_loss(logits, n_source=2).item() == pytest.approx(want)
    assert domain_loss(torch.zeros(5), n_source=1).item() == pytest.approx(math.log(2))


def test_domain_loss_is_least_where_the_discriminator_is_right():
    sure = torch.tensor([50.0, 50.0, -50.0])
    assert domain_loss(sure, n_source=2).item() == pytest.approx(0, abs=1e-12)
    assert domain_loss(-sure, n_source=2).item() == pytest.approx(50)


def test_domain_loss_gradient():
    assert torch.autograd.gradcheck(
        lambda z: domain_loss(z, 2), torch.randn(5, dtype=torch.float64, requires_grad=True)
    )


@pytest.mark.parametrize("n_source", [0, 3])
def test_a_batch_without_one_of_the_domains_is_refused(n_source):
    domain_loss(torch.zeros(3), n_source=1)
    with pytest.raises(ValueError, match="rows of both domains"):
        domain_loss(torch.zeros(3), n_source=n_source)


def test_discriminator_and_features_pull_in_opposite_directions():
    # one gradient step of the features raises the discriminator's loss, one of the discriminator lowers it
    torch.manual_seed(0)
    features = torch.randn(8, 2, dtype=torch.float64, requires_grad=True)
    weight = torch.randn(2, dtype=torch.float64, requires_grad=True)

    def loss(f, w):
        return domain_loss(f @ w, n_source=4)

    value = loss(reverse_gradient(features, 1.0), weight)
    value.backward()
    with torch.no_grad():
        assert loss(features - 0.01 * features.grad, weight) > value
        assert loss(features, weight - 0.01 * weight.grad) < value


def method(**changed) -> Dann:
    torch.manual_seed(0)
    head = Head(in_dim=3, n_classes=2, bottleneck=0, dropout=0.0)
    parameters = {"weight": 1.0, "gamma": 10.0, "hidden": 4, "variant": "paper"} | changed
    return Dann(network=Network(Identity(input_shape=(3,)), head), **parameters)


@pytest.mark.parametrize(
    ("variant", "gamma", "want"),
    [
        ("paper", 10.0, math.tanh(2.5)),
        ("paper", 2.0, math.tanh(0.5)),
        ("constant", 10.0, 1.0),
        ("iterations", 10.0, math.tanh(0.5)),  # 1,000 of 2,000 steps done
        ("iterations", 4.0, math.tanh(0.2)),
        ("early", 1.0, math.tanh((1050 / 40 + 1 / 50) / 2)),
    ],
)
def test_each_variant_reverses_the_gradient_with_its_own_strength(variant, gamma, want):
    # 2 / (1 + exp(-x)) - 1 = tanh(x / 2). The value of the term is the same whatever the strength
    xs, xt = (torch.randn(4, 3, generator=torch.Generator().manual_seed(i)) for i in (0, 1))
    terms, slopes = [], []
    for chosen in (method(), method(variant=variant, gamma=gamma)):
        chosen.progress, chosen.steps = 0.5, 2_000
        one = xs.clone().requires_grad_()
        (term,) = chosen.adaptation_terms(
            SourceOutput(one, one[:, :2], torch.zeros(4)), TargetOutput(xt, xt[:, :2])
        ).values()
        term.backward()
        terms.append(term.item())
        slopes.append(one.grad)
    assert terms[0] == terms[1]
    torch.testing.assert_close(slopes[1] * math.tanh(2.5), slopes[0] * want)


def test_without_hidden_layers_the_discriminator_is_a_logistic_regression():
    (layer,) = method(hidden=0).discriminator
    assert (layer.in_features, layer.out_features) == (3, 1)
    assert [m.out_features for m in method(hidden=5).discriminator if hasattr(m, "out_features")] == [5, 5, 1]


def test_values_out_of_range_are_refused():
    assert set(VARIANTS) == {"paper", "constant", "iterations", "early"}
    method(weight=0.0)
    for name, wrong, allowed in (("weight", -0.1, "0 or more"), ("gamma", 0.0, "above 0"), ("hidden", -1, "0 or more")):
        with pytest.raises(TlbenchError, match=rf"method\.{name} must be {allowed}, got {wrong}"):
            method(**{name: wrong})
    with pytest.raises(TlbenchError, match=r"Unknown variant 'constnt'\. Did you mean 'constant'"):
        method(variant="constnt")


def test_a_constant_strength_has_no_gamma_to_set():
    method(variant="constant")
    method(variant="iterations", gamma=5.0)
    with pytest.raises(Refused, match=r"method\.gamma=5\.0 has no say with method\.variant=constant"):
        method(variant="constant", gamma=5.0)
    assert yaml.safe_load((conf_dir() / "method" / "dann.yaml").read_text("utf-8"))["gamma"] == GAMMA


def test_smoothing_is_of_the_domain_loss_and_leaves_keys_where_it_is_none():
    torch.manual_seed(0)
    net = Network(Identity(input_shape=(3,)), Head(in_dim=3, n_classes=2, bottleneck=0, dropout=0.0))
    made = {s: Dann(weight=2.0, gamma=GAMMA, hidden=0, smoothing=s, network=net) for s in (0.0, 0.25)}
    made[0.25].discriminator = made[0.0].discriminator
    x = torch.randn(4, 3)
    source, target = SourceOutput(x, x[:, :2], torch.arange(4) % 2), TargetOutput(x + 1, x[:, :2])
    logits = made[0.0].discriminator(torch.cat([x, x + 1])).squeeze(1)
    for s, method in made.items():
        term = method.adaptation_terms(source, target)["domain"].item()
        assert term == pytest.approx(2 * domain_loss(logits, 4, smoothing=s).item())
    assert Dann.later == {"smoothing": 0.0}
