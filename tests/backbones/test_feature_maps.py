"""Layers that give maps, and their outputs channel by channel."""

import pytest
import torch
from torch import nn

from tlbench.backbones.feature_maps import MapLayer, map_layers, maps_of, without_channel
from tlbench.backbones.small import MLP, Identity, LeNet


@pytest.mark.parametrize(("shape", "channels", "axis"), [
    ((2, 5), None, 1), ((2, 5, 3, 4), None, 1), ((2, 5, 7), None, 1),  # rows, maps, series
    ((2, 5, 3, 4), 5, 1), ((2, 3, 4, 5), 5, 3), ((2, 7, 5), 5, 2), ((2, 5, 5), 5, 2), ((2, 5), 5, 1),  # as timm has them
])  # fmt: skip
def test_channels_come_to_the_second_axis(shape, channels, axis):
    x = torch.randn(shape)
    got = MapLayer(nn.Identity(), channels).by_channel(x)
    assert got.shape == (2, 5, x.numel() // 10)
    for c in range(5):
        assert torch.equal(got[:, c].flatten(), x.select(axis, c).flatten())


def test_networks_for_small_data_give_what_comes_out_of_their_activations():
    mlp, lenet = MLP(input_shape=(3,), hidden=[4, 5]), LeNet(input_shape=(1, 8, 8), width=2)
    with maps_of(map_layers(mlp)) as found:
        out = mlp(torch.randn(6, 3))
    assert [tuple(x.shape) for x in found] == [(6, 4, 1), (6, 5, 1)]
    assert torch.equal(found[1][:, :, 0], out)
    with maps_of(map_layers(lenet)) as found:
        lenet(torch.randn(6, 1, 8, 8))
    assert [tuple(x.shape) for x in found] == [(6, 2, 16), (6, 4, 4)]
    assert map_layers(Identity(input_shape=(3,))) == []
    assert not any(m._forward_hooks for m in lenet.modules())


def test_a_timm_model_gives_its_stages_and_a_channel_can_be_taken_out_of_one():
    from tlbench.backbones.timm_model import TimmBackbone

    model = TimmBackbone(input_shape=(3, 32, 32), model="test_efficientnet", pretrained=False).eval()
    layers = map_layers(model)
    with maps_of(layers) as found, torch.no_grad():
        model(torch.randn(2, 3, 32, 32))
    assert [x.shape[1] for x in found] == [layer.channels for layer in layers] == [16, 24, 32, 48, 64]
    with without_channel(layers[1], 3), maps_of(layers[1:2]) as less, torch.no_grad():
        model(torch.randn(2, 3, 32, 32))
    assert (less[0][:, 3] == 0).all()
    assert (less[0][:, 2] != 0).any()
    assert not any(m._forward_hooks for m in model.modules())
