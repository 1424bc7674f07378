import pytest
import timm
import torch
from safetensors.torch import save_file
from torch import nn

from tests.support import rehearsed, settled
from tlbench.backbones.stages import fixed_parameters
from tlbench.backbones.timm_model import TimmBackbone, check_pixels
from tlbench.backbones.weights import file_hash, load_weights, weights_hash
from tlbench.config.keys import run_key
from tlbench.errors import TlbenchError

SMALL = "test_resnet.r160_in1k"
"""timm's own little network for tests."""


def backbone(model: str = SMALL, side: int = 32, **options) -> TimmBackbone:
    torch.manual_seed(0)
    return TimmBackbone(input_shape=(3, side, side), model=model, **{"pretrained": False, **options})


@pytest.mark.parametrize(
    ("model", "side"),
    [
        (SMALL, 32),
        ("test_vit.r160_in1k", 48),
        ("vit_tiny_patch16_224", 32),
        ("convnext_atto", 64),
        ("swin_tiny_patch4_window7_224", 56),
        ("vgg11", 64),
        ("mobilenetv3_small_100", 64),
        ("efficientnet_b0", 64),
    ],
)
def test_features_are_as_wide_as_stated_at_sizes_of_ones_choice(model, side):
    net = backbone(model, side).eval()
    assert net(torch.randn(2, 3, side, side)).shape == (2, net.out_dim)


def test_wrong_names_are_answered():
    with pytest.raises(
        TlbenchError, match=r"Unknown weights of a timm model 'resnet50\.tv_in2k'\. Did you mean 'resnet50\.tv"
    ):
        backbone("resnet50.tv_in2k")
    with pytest.raises(TlbenchError, match=r"Unknown timm model 'convnex_tiny'\. Did you mean 'convnext_tiny'"):
        backbone("convnex_tiny")


def reference() -> nn.Module:
    torch.manual_seed(1)
    return timm.create_model(SMALL, pretrained=False, num_classes=7)


@pytest.mark.parametrize("kind", ["safetensors", "torch", "nested", "prefixed", "without head"])
def test_weights_from_a_file_and_its_classifier_is_dropped(kind, tmp_path):
    model = reference()
    state, path = model.state_dict(), tmp_path / ("w.safetensors" if kind == "safetensors" else "w.pth")
    if kind == "safetensors":
        save_file(state, path)
    else:
        bare = {k: v for k, v in state.items() if not k.startswith("fc.")}
        torch.save(
            {"torch": state, "nested": {"state_dict": state, "epoch": 3}, "without head": bare,
             "prefixed": {f"module.backbone.{k}": v for k, v in state.items()}}[kind], path)  # fmt: skip
    own = backbone(weights=str(path))
    assert own.pretrained
    x = torch.randn(2, 3, 32, 32)
    torch.testing.assert_close(own.eval()(x), model.eval().forward_head(model.forward_features(x), pre_logits=True))


def test_position_embeddings_of_a_file_are_fitted_to_the_input(tmp_path):
    torch.manual_seed(0)
    model = timm.create_model("vit_tiny_patch16_224", pretrained=False, num_classes=5)
    torch.save(model.state_dict(), tmp_path / "w.pth")
    own = backbone("vit_tiny_patch16_224", 48, weights=str(tmp_path / "w.pth"))
    assert own.model.pos_embed.shape == (1, 10, 192)
    torch.testing.assert_close(own.model.blocks[0].mlp.fc1.weight, model.blocks[0].mlp.fc1.weight)
    torch.testing.assert_close(own.model.pos_embed[:, 0], model.pos_embed[:, 0])


def test_keys_and_shapes_that_differ_are_listed(tmp_path):
    state = reference().state_dict()
    state["strange.weight"] = torch.zeros(1)
    del state["bn1.weight"]
    state["conv1.0.weight"] = state["conv1.0.weight"][:1] if "conv1.0.weight" in state else None
    state = {k: v for k, v in state.items() if v is not None}
    torch.save(state, tmp_path / "w.pth")
    with pytest.raises(TlbenchError, match=r"1 lacking: bn1\.weight; 1 not in the model: strange\.weight") as caught:
        backbone(weights=str(tmp_path / "w.pth"))
    assert "\n" not in str(caught.value)


class Evil:
    def __reduce__(self):
        return (print, ("executed",))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda p: None, "do not exist"),
        (lambda p: torch.save({"a": Evil()}, p), "hold more than tensors"),
        (lambda p: torch.save([1, 2], p), "hold a list, not a state dict"),
        (lambda p: p.write_bytes(b"<html>"), "cannot be read: no torch file"),
        (lambda p: p.write_bytes(b"PK rubbish"), "cannot be read|hold more than tensors"),
    ],
)
def test_files_that_are_no_weights(make, message, tmp_path, capsys):
    make(tmp_path / "w.pth")
    with pytest.raises(TlbenchError, match=message):
        load_weights(reference(), str(tmp_path / "w.pth"), ())
    assert "executed" not in capsys.readouterr().out


def test_the_run_key_follows_the_content_of_the_file_not_its_path(tmp_path):
    def key(path):
        chosen = ["dataset=office31", "pair=A-W", "augment=office", "backbone=resnet18", "classifier=head"]
        return run_key(settled(*chosen, f"backbone.weights={path}"), "f", 1)

    one, two = tmp_path / "one.pth", tmp_path / "two.pth"
    one.write_bytes(b"a")
    two.write_bytes(b"a")
    assert key(one) == key(two)
    two.write_bytes(b"bc")
    assert key(one) != key(two)
    assert file_hash(str(tmp_path / "none")) == "missing"


def test_the_hash_of_weights_follows_every_value():
    one, two = backbone(), backbone()
    assert weights_hash(one) == weights_hash(two)
    with torch.no_grad():
        next(two.parameters()).view(-1)[0] += 1e-6
    assert weights_hash(one) != weights_hash(two)


@pytest.mark.parametrize(("model", "side"), [(SMALL, 32), ("test_vit.r160_in1k", 48)])
def test_the_last_stages_are_trained(model, side):
    net = backbone(model, side)
    group = {"name": "x", "mode": "last_k", "last_k": 1}
    fixed = {id(p) for p in fixed_parameters(net, group)}
    names = [name for name, p in net.model.named_parameters() if id(p) not in fixed]
    assert names
    assert len(names) < len(list(net.parameters()))
    assert all(name.startswith(("layer4", "blocks.", "norm", "fc_norm")) for name in names), names
    more = {id(p) for p in fixed_parameters(net, {**group, "last_k": 2})}
    assert more < fixed
    assert fixed_parameters(net, {**group, "mode": "finetune"}) == []
    assert len(fixed_parameters(net, {**group, "mode": "frozen"})) == len(list(net.parameters()))
    for k in (0, 99):
        with pytest.raises(TlbenchError, match="last_k"):
            fixed_parameters(net, {**group, "last_k": k})


def test_pixels_must_be_normalised_as_the_weights_expect():
    check_pixels("resnet50.tv_in1k", [0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
    with pytest.raises(TlbenchError, match=r"expect pixels of mean \[0\.5,0\.5,0\.5\].* Set augment\.mean=null"):
        check_pixels("vit_base_patch16_224.augreg2_in21k_ft_in1k", [0.485, 0.456, 0.406], [0.229, 0.224, 0.225])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            ["augment.size=16", "backbone=timm", "backbone.name=vgg11", "backbone.pretrained=false"],
            r"does not take examples of shape \(3, 16, 16\).*Set augment\.size",
        ),
        (["backbone=resnet18", "backbone.mode=frozn"], r"backbone\.mode must be finetune or frozen or last_k"),
        (["backbone=resnet18", "backbone.mode=last_k", "backbone.last_k=9"], "last_k"),
        (["backbone=resnet18", "augment=none"], "dataset=office31 holds images in files: choose an augment"),
        (["backbone=lenet", "backbone.mode=last_k"], "last_k|has 0"),
        (["backbone=resnet18", "backbone.batch_norm=perdomain"], "batch_norm"),
    ],
)
def test_what_does_not_fit_is_told_before_anything_is_read(changes, message):
    with pytest.raises(TlbenchError, match=message):
        rehearsed(settled("dataset=office31", "pair=A-W", "augment=office", "classifier=head", "method=dann", *changes))
    with pytest.raises(TlbenchError, match="is for images in files, but dataset=mini_digits holds arrays"):
        rehearsed(settled("pair=H-P", "augment=office", "backbone=lenet", "classifier=head"))


def test_weights_that_cannot_be_fetched_are_told(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_HOME", str(tmp_path))

    def offline(*_, **__):
        raise ConnectionError("no network")

    monkeypatch.setattr(timm.models._builder, "load_pretrained", offline)
    with pytest.raises(TlbenchError, match=r"could not be loaded \(ConnectionError\).*backbone\.weights=FILE"):
        backbone(pretrained=True)
