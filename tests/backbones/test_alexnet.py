import pytest
import torch
from torch import nn
from torchvision.models import alexnet

from tests.support import rehearsed, settled
from tlbench.backbones.alexnet import AlexNet
from tlbench.backbones.stages import fixed_parameters
from tlbench.errors import TlbenchError

SIDE = 64


def backbone(**options) -> AlexNet:
    torch.manual_seed(0)
    return AlexNet(input_shape=(3, SIDE, SIDE), **{"pretrained": False, **options})


@pytest.fixture(scope="module")
def whole() -> nn.Module:
    torch.manual_seed(1)
    return alexnet(weights=None, num_classes=7).eval()


@pytest.fixture(scope="module")
def file(whole, tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "alexnet.pth"
    torch.save(whole.state_dict(), path)
    return str(path)


def test_a_file_of_torchvisions_weights_gives_its_fc7_and_fc8_is_left_to_the_head(whole, file):
    own, x = backbone(weights=file).eval(), torch.randn(2, 3, SIDE, SIDE)
    assert own.pretrained
    assert own(x).shape == (2, own.out_dim)
    fc7 = own(x)
    assert (fc7 >= 0).all()  # after its ReLU
    torch.testing.assert_close(whole.classifier[6](fc7), whole(x))
    assert {"classifier.1.weight", "classifier.4.weight"} <= set(own.state_dict())
    assert not any(name.startswith("classifier.6") for name in own.state_dict())


def test_the_downloaded_weights_are_used_unless_a_file_is_named(whole, file, monkeypatch):
    asked = []

    def fake(*, weights, **_):
        asked.append(None if weights is None else weights.name)
        return alexnet(weights=None)

    monkeypatch.setattr("torchvision.models.alexnet", fake)
    assert backbone(pretrained=True).pretrained
    assert asked == ["IMAGENET1K_V1"]
    backbone(pretrained=True, weights=file)
    assert not backbone().pretrained
    assert asked == ["IMAGENET1K_V1", None, None]


def test_without_a_network_it_says_what_to_do(monkeypatch):
    def offline(**_):
        raise OSError("no route")

    monkeypatch.setattr("torchvision.models.alexnet", offline)
    with pytest.raises(TlbenchError, match=r"\(OSError\).*backbone\.weights=FILE"):
        backbone(pretrained=True)


def test_dan_fixes_the_first_three_convolutions():
    net = backbone()
    names = [name for name, _ in net.named_parameters()]
    assert len(net.stages()) == 7
    assert sum(len(stage) for stage in net.stages()) == len(names) == 14
    fixed = {id(p) for p in fixed_parameters(net, {"name": "alexnet", "mode": "last_k", "last_k": 4})}
    kept = [name for name, p in net.named_parameters() if id(p) in fixed]
    assert kept == [f"features.{i}.{kind}" for i in (0, 3, 6) for kind in ("weight", "bias")]
    with pytest.raises(TlbenchError, match="has 7 and last_k is 8"):
        fixed_parameters(net, {"name": "alexnet", "mode": "last_k", "last_k": 8})


@pytest.mark.parametrize("shape", [(1, SIDE, SIDE), (20,)])
def test_what_is_no_colour_image_is_refused(shape):
    with pytest.raises(TlbenchError, match="needs images of 3 channels"):
        AlexNet(input_shape=shape, pretrained=False)


def test_images_that_are_too_small_are_told_before_anything_is_read():
    own = ["dataset=office31", "pair=A-W", "classifier=head", "backbone=alexnet"]
    rehearsed(settled(*own, "augment=office"))
    with pytest.raises(
        TlbenchError, match=r"'alexnet' does not take examples of shape \(3, 32, 32\).*Set augment\.size"
    ):
        rehearsed(settled(*own, "augment=office", "augment.size=32"))
