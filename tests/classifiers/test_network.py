import pytest
import torch
from torch import nn

from tlbench.classifiers.head import Head
from tlbench.classifiers.network import Network
from tlbench.errors import TlbenchError


class Backbone(nn.Sequential):
    out_dim = 4

    def __init__(self) -> None:
        super().__init__(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.ReLU())


def network(norm: str = "none", **options) -> Network:
    torch.manual_seed(0)
    return Network(Backbone(), Head(in_dim=4, n_classes=2, bottleneck=3, dropout=0.0, norm=norm), **options)


def batches() -> tuple[torch.Tensor, torch.Tensor]:
    torch.manual_seed(1)
    return torch.randn(6, 3), 3 * torch.randn(5, 3) + 2


def norm_of(net: Network) -> nn.BatchNorm1d:
    return net.backbone[1]


def by_hand(net: Network, x: torch.Tensor, mean: torch.Tensor, var: torch.Tensor) -> torch.Tensor:
    norm, z = norm_of(net), net.backbone[0](x)
    z = (z - mean) / (var + norm.eps).sqrt() * norm.weight + norm.bias
    return net.head(z.relu())[1]


def moments(net: Network, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    z = net.backbone[0](x)
    return z.mean(0), z.var(0, unbiased=False)


def test_shared_statistics_are_those_of_both_domains_in_one_batch():
    net, (xs, xt) = network().train(), batches()
    (_, source), (_, target) = net.each([xs, xt], ["source", "target"])
    both = moments(net, torch.cat([xs, xt]))
    torch.testing.assert_close(source, by_hand(net, xs, *both))
    torch.testing.assert_close(target, by_hand(net, xt, *both))


def test_per_domain_statistics_are_each_domains_own_in_training_and_in_the_test():
    net, (xs, xt) = network(batch_norm="per_domain").train(), batches()
    norm_of(net).momentum = 1.0  # the running statistics are those of the last batch
    (_, source), (_, target) = net.each([xs, xt], ["source", "target"])
    torch.testing.assert_close(source, by_hand(net, xs, *moments(net, xs)))
    torch.testing.assert_close(target, by_hand(net, xt, *moments(net, xt)))
    net.eval()
    for domain, x in (("source", xs), ("target", xt), ("source", xs)):
        net.see(domain)
        z = net.backbone[0](x)
        torch.testing.assert_close(net(xt)[1], by_hand(net, xt, z.mean(0), z.var(0)))


def test_a_target_that_was_never_trained_on_is_tested_with_the_sources_statistics():
    net, (xs, xt) = network(batch_norm="per_domain").train(), batches()
    net.each([xs], ["source"])
    net.eval()
    net.see("target")
    target = net(xt)[1]
    net.see("source")
    torch.testing.assert_close(target, net(xt)[1])


def test_frozen_statistics_stay_and_the_bottlenecks_own_norm_does_not():
    net, (xs, xt) = network("batch", batch_norm="frozen").train(), batches()
    before = norm_of(net).running_mean.clone(), net.head.bottleneck[1].running_mean.clone()
    net.each([xs, xt], ["source", "target"])
    assert torch.equal(norm_of(net).running_mean, before[0])
    assert not torch.equal(net.head.bottleneck[1].running_mean, before[1])
    assert norm_of(net).weight.requires_grad


def test_fixed_parameters_get_no_gradient_and_their_norms_keep_still():
    net, (xs, xt) = network(), batches()
    fixed = Network(net.backbone, net.head, fixed=list(net.backbone.parameters())).train()
    before = norm_of(fixed).running_mean.clone()
    sum(logits.sum() for _, logits in fixed.each([xs, xt], ["source", "target"])).backward()
    assert all(p.grad is None for p in fixed.backbone.parameters())
    assert all(p.grad is not None for p in fixed.head.parameters())
    assert torch.equal(norm_of(fixed).running_mean, before)
    assert not fixed.backbone.training


def test_without_batch_norm_each_batch_passes_alone():
    net = Network(nn.Sequential(nn.Linear(3, 4)), Head(in_dim=4, n_classes=2, bottleneck=0, dropout=0.0))
    assert not net.couples
    xs, xt = batches()
    (_, source), _ = net.each([xs, xt], ["source", "target"])
    assert torch.equal(source, net(xs)[1])


def test_the_state_of_both_domains_is_saved_and_loaded():
    net, (xs, xt) = network(batch_norm="per_domain").train(), batches()
    net.each([xs, xt], ["source", "target"])
    other = network(batch_norm="per_domain")
    other.load_state_dict(net.state_dict())
    for domain in ("source", "target"):
        for each in (net, other):
            each.eval().see(domain)
        torch.testing.assert_close(net(xt)[1], other(xt)[1])


def test_an_unknown_mode_is_told():
    with pytest.raises(TlbenchError, match="batch_norm must be shared, frozen, per_domain, got 'both'"):
        network(batch_norm="both")


@pytest.mark.parametrize(("norm", "kind"), [("batch", nn.BatchNorm1d), ("layer", nn.LayerNorm)])
def test_a_norm_stands_before_the_relu(norm, kind):
    layers = list(Head(in_dim=4, n_classes=2, bottleneck=3, dropout=0.1, norm=norm).bottleneck)
    assert [type(layer) for layer in layers] == [nn.Linear, kind, nn.ReLU, nn.Dropout]
    with pytest.raises(TlbenchError, match=r"classifier\.norm must be none, batch, layer"):
        Head(in_dim=4, n_classes=2, bottleneck=3, dropout=0.1, norm="bach")


@pytest.mark.parametrize("options", [{}, {"batch_norm": "per_domain"}, {"batch_norm": "frozen", "norm": "batch"}])
def test_backbone_and_head_apart_are_the_network(options):
    one, other = network(**options), network(**options)
    domains = ["source", "target"]
    want = one.each(batches(), domains)
    got = other.each_above(other.each_below(batches(), domains), domains)
    for pair, same in zip(want, got, strict=True):
        torch.testing.assert_close(pair, same)
    for name, value in one.state_dict().items():  # statistics of batch norms too
        torch.testing.assert_close(value, other.state_dict()[name])
