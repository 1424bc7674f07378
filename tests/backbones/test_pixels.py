"""Images are prepared as a backbone's weights expect it, where the config leaves it open."""

import pytest

from tests.support import settled
from tlbench.backbones.pixels import IMAGENET_MEAN, IMAGENET_SD, Pixels, as_weights_expect, pixels_of
from tlbench.errors import TlbenchError
from tlbench.running.rehearse import rehearse
from tlbench.running.setup import Setup

OWN = ("dataset=office_caltech10_images", "pair=A-D", "method=source_only", "classifier=head")


def augment(*overrides):
    return settled(*OWN, *overrides).augment


@pytest.mark.parametrize(
    ("backbone", "side", "size", "interpolation", "mean"),
    [
        ("resnet50", 256, 224, "bilinear", 0.485),  # as all published runs had them
        ("efficientnet_lite0", 256, 224, "bicubic", 0.5),
        ("efficientnet_lite1", 272, 240, "bicubic", 0.5),
        ("efficientnet_lite2", 292, 260, "bicubic", 0.5),
        ("mobilenetv2", 256, 224, "bilinear", 0.485),
        ("dinov2_base", 224, 224, "bicubic", 0.485),  # no crop; `input_size` in place of its 518
    ],
)
def test_what_timm_says_of_the_weights_is_taken(backbone, side, size, interpolation, mean):
    made = augment(f"backbone={backbone}", "augment=office")
    assert (made["side"], made["size"], made["interpolation"], made["mean"][0]) == (side, size, interpolation, mean)


def test_what_the_command_says_stands():
    made = augment(
        "backbone=efficientnet_lite0", "augment=office", "augment.size=112", "augment.interpolation=bilinear"
    )
    assert (made["size"], made["side"], made["interpolation"], made["sd"]) == (112, 128, "bilinear", [0.5, 0.5, 0.5])
    assert augment("backbone=efficientnet_lite0", "augment=office", "augment.side=300")["side"] == 300
    wrong = settled(*OWN, "backbone=efficientnet_lite0", "augment=office", "augment.mean=[0.1,0.1,0.1]")
    with pytest.raises(TlbenchError, match=r"expect pixels of mean \[0\.5,0\.5,0\.5\].*augment\.mean=null"):
        rehearse(Setup.of(wrong))


@pytest.mark.parametrize(
    "backbone", [{"pretrained": False, "model": "resnet50.tv_in1k"}, {}, {"pretrained": True, "model": "odd"}]
)
def test_without_known_weights_it_is_imagenets_custom(backbone):
    assert pixels_of(backbone) == Pixels(IMAGENET_MEAN, IMAGENET_SD, 224, 0.875, "bilinear")


def test_what_is_set_is_not_touched():
    whole = {"size": 32, "side": 32, "interpolation": "bilinear", "mean": [0.5], "sd": [0.5], "crop": "whole"}
    assert as_weights_expect(whole, {"pretrained": True, "model": "tf_efficientnet_lite0.in1k"}) is whole
    assert as_weights_expect({"name": "none"}, {}) == {"name": "none"}  # arrays have no such keys


def test_a_file_of_weights_is_prepared_for_as_its_model_is():
    assert pixels_of({"pretrained": False, "weights": "mine.pth", "model": "tf_efficientnet_lite0.in1k"}).mean == (
        0.5,
        0.5,
        0.5,
    )


@pytest.mark.parametrize("wrong", ["augment.size=big", "augment.size=[224]", "backbone.input_size=x"])
def test_what_is_no_size_is_told_in_one_line(wrong):
    name = "dinov2_base" if "input_size" in wrong else "efficientnet_lite0"
    with pytest.raises(TlbenchError, match="size"):
        Setup.of(settled(*OWN, f"backbone={name}", "augment=office", wrong))
