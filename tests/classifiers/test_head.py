import pytest
import torch

from tlbench.backbones.small import Identity
from tlbench.classifiers.head import Head
from tlbench.classifiers.network import Network
from tlbench.errors import TlbenchError


def test_features_are_what_enters_the_last_layer():
    head = Head(in_dim=5, n_classes=3, bottleneck=4, dropout=0.0)
    features, logits = head(torch.randn(2, 5))
    assert features.shape == (2, 4)
    assert (features >= 0).all()
    torch.testing.assert_close(logits, features @ head.last.weight.T + head.last.bias)


def test_without_a_bottleneck_the_features_are_the_backbones():
    network = Network(Identity(input_shape=(2, 3)), Head(in_dim=6, n_classes=3, bottleneck=0, dropout=0.0))
    x = torch.randn(4, 2, 3)
    features, _ = network(x)
    assert (network.feature_dim, network.n_classes) == (6, 3)
    torch.testing.assert_close(features, x.reshape(4, 6))


def test_dropout_acts_on_the_bottleneck_in_training_only():
    head = Head(in_dim=5, n_classes=3, bottleneck=400, dropout=0.5)
    x = torch.randn(1, 5)
    share = lambda: (head(x)[0] == 0).float().mean().item()  # noqa: E731
    trained = share()
    head.eval()
    assert trained > share() + 0.15


def test_the_activation_of_the_bottleneck_is_chosen_by_name():
    torch.manual_seed(0)
    x = torch.randn(6, 3)
    for name, function in (("relu", torch.relu), ("sigmoid", torch.sigmoid), ("none", lambda z: z)):
        head = Head(in_dim=3, n_classes=2, bottleneck=4, dropout=0.0, activation=name)
        torch.testing.assert_close(head(x)[0], function(head.bottleneck[0](x)))
    with pytest.raises(TlbenchError, match=r"classifier\.activation must be relu, sigmoid, none, got 'tanh'"):
        Head(in_dim=3, n_classes=2, bottleneck=4, dropout=0.0, activation="tanh")


def test_a_cosine_layer_is_blind_to_the_length_of_features_and_has_no_bias():
    head = Head(in_dim=3, n_classes=4, bottleneck=0, dropout=0.0, last="cosine", temperature=0.1)
    x = torch.randn(5, 3)
    want = x / x.norm(dim=1, keepdim=True) @ head.last.weight.T / 0.1
    torch.testing.assert_close(head(x)[1], want)
    torch.testing.assert_close(head(7 * x)[1], want)
    torch.testing.assert_close(head(x)[0], x)  # what methods adapt is not normalised
    assert [name for name, _ in head.last.named_parameters()] == ["weight"]
    with pytest.raises(TlbenchError, match=r"classifier\.temperature above 0"):
        Head(in_dim=3, n_classes=4, bottleneck=0, dropout=0.0, last="cosine", temperature=0.0)


def test_a_weight_normed_layer_has_lengths_and_directions_of_its_rows():
    torch.manual_seed(0)
    plain = Head(in_dim=3, n_classes=4, bottleneck=0, dropout=0.0)
    torch.manual_seed(0)
    head = Head(in_dim=3, n_classes=4, bottleneck=0, dropout=0.0, last="weight_norm")
    x = torch.randn(5, 3)
    torch.testing.assert_close(head(x)[1], plain(x)[1])  # it starts as the plain layer
    with torch.no_grad():
        head.last.parametrizations.weight.original1.mul_(3.0)  # directions have no length
    torch.testing.assert_close(head(x)[1], plain(x)[1])


def test_another_head_is_of_its_kind_and_size_and_shares_no_weight():
    how = {"norm": "batch", "activation": "sigmoid", "last": "cosine", "temperature": 0.2}
    head = Head(in_dim=3, n_classes=4, bottleneck=5, dropout=0.1, **how)
    other = head.another()
    assert repr(other) == repr(head)  # layers, widths and the share that is dropped
    assert (other.in_dim, other.last.temperature) == (3, 0.2)
    for p, q in zip(head.parameters(), other.parameters(), strict=True):
        assert p is not q
    assert not torch.equal(head.last.weight, other.last.weight)
