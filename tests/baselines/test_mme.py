import math

import pytest
import torch

from baselines.mme import Mme
from tests.baselines.tiny import D, network
from tests.support import config_of, identity_of
from tlbench.classifiers.head import Head
from tlbench.errors import TlbenchError
from tlbench.method import SourceOutput, TargetOutput


def make(weight=0.1):
    torch.manual_seed(0)
    return Mme(weight=weight, network=network()).double()


def batch(method, n=6):
    features = torch.randn(n, D, dtype=torch.float64, generator=torch.Generator().manual_seed(1)).requires_grad_()
    logits = method.network.head.last(features)
    return SourceOutput(features, logits, torch.arange(n) % 3), TargetOutput(features, logits)


def test_the_term_is_minus_the_weight_times_the_mean_entropy():
    method = make(weight=0.3)
    source, target = batch(method)
    p = target.logits.softmax(dim=1)
    want = 0.3 * (p * p.log()).sum(dim=1).mean()
    torch.testing.assert_close(method.adaptation_terms(source, target)["entropy"], want)
    with torch.no_grad():
        for parameter in method.network.head.last.parameters():
            parameter.zero_()
    assert method.adaptation_terms(*batch(method))["entropy"].item() == pytest.approx(-0.3 * math.log(3))


def test_the_last_layer_raises_the_entropy_and_the_features_lower_it():
    """The last layer has the slope of -w H, which a step goes down; features have the opposite one."""
    method = make()
    source, target = batch(method)
    term = method.adaptation_terms(source, target)["entropy"]
    p = method.network.head.last(target.features).softmax(dim=1)
    plain = 0.1 * (p * p.log()).sum(dim=1).mean()
    top = method.network.head.last.weight
    got, want = (torch.autograd.grad(value, [top, target.features], retain_graph=True) for value in (term, plain))
    torch.testing.assert_close(got[0], want[0])
    torch.testing.assert_close(got[1], -want[1])
    assert want[1].abs().sum() > 0


def test_its_recipe_is_the_references_too():
    words = ["dataset=mini_digits", "pair=H-P", "protocol.shots=1", "backbone=lenet"]
    own = config_of(*words, "method=mme")
    assert (own.classifier["name"], own.optim.shares) == ("cosine", "equal")
    beside = config_of(*words, "method=source_and_target", "classifier=cosine", "optim.shares=equal")
    assert identity_of(own)["recipe_key"] == identity_of(beside)["recipe_key"]


def test_refusals():
    make()
    with pytest.raises(TlbenchError, match=r"method\.weight must be 0 or more"):
        make(weight=-1.0)
    with pytest.raises(TlbenchError, match=r"classifier\.last must be linear, cosine, weight_norm"):
        Head(in_dim=2, n_classes=2, bottleneck=0, dropout=0.0, last="cosinus")
