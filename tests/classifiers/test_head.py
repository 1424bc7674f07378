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
    for name, function in (("relu", torch.relu), ("sigmoid", torch.sigmoid)):
        head = Head(in_dim=3, n_classes=2, bottleneck=4, dropout=0.0, activation=name)
        torch.testing.assert_close(head(x)[0], function(head.bottleneck[0](x)))
    with pytest.raises(TlbenchError, match=r"classifier\.activation must be relu or sigmoid, got 'tanh'"):
        Head(in_dim=3, n_classes=2, bottleneck=4, dropout=0.0, activation="tanh")
