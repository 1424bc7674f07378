import pytest
import torch
from torch import nn

from tlbench.backbones.small import MLP, Identity, LeNet
from tlbench.backbones.timm_model import TimmBackbone
from tlbench.errors import TlbenchError


@pytest.mark.parametrize(
    ("kind", "shape", "options"),
    [
        (Identity, (3, 8, 8), {}),
        (MLP, (3, 8, 8), {"hidden": [7, 5]}),
        (LeNet, (3, 8, 8), {"width": 4}),
        (LeNet, (1, 9, 11), {"width": 4}),
        (TimmBackbone, (3, 32, 32), {"model": "resnet18.tv_in1k", "pretrained": False}),
        (TimmBackbone, (1, 32, 32), {"model": "resnet50.tv_in1k", "pretrained": False}),
    ],
)
def test_outputs_are_as_wide_as_out_dim_says(kind, shape, options):
    backbone = kind(input_shape=shape, **options).eval()
    assert backbone(torch.randn(2, *shape)).shape == (2, backbone.out_dim)


def test_lenet_is_the_textbook_order_of_layers():
    net = LeNet(input_shape=(3, 8, 8), width=4)
    one, two = (layer for layer in net.layers if isinstance(layer, nn.Conv2d))
    x = torch.randn(2, 3, 8, 8)
    pool = nn.functional.max_pool2d
    want = pool(two(pool(one(x).relu(), 2)).relu(), 2).flatten(1)
    torch.testing.assert_close(net(x), want)


def test_odd_sides_are_halved_downwards():
    assert LeNet(input_shape=(3, 9, 11), width=4)(torch.randn(2, 3, 9, 11)).shape == (2, 8 * 2 * 2)


def test_images_are_needed_by_networks_for_images():
    with pytest.raises(TlbenchError, match="backbone=mlp"):
        LeNet(input_shape=(800,), width=4)
    with pytest.raises(TlbenchError, match="needs images"):
        TimmBackbone(input_shape=(800,), model="resnet18", pretrained=False)


def test_a_misspelt_timm_model_is_answered_with_a_near_one():
    with pytest.raises(TlbenchError, match=r"Unknown timm model 'resnet81'.*Did you mean 'resnet"):
        TimmBackbone(input_shape=(3, 32, 32), model="resnet81", pretrained=False)


def test_hidden_widths_are_needed():
    with pytest.raises(TlbenchError, match=r"backbone\.hidden"):
        MLP(input_shape=(4,), hidden=[])
