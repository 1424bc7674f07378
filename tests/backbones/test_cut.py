"""A network of which the last stages are trained: what stands before them gives its outputs once."""

import pytest
import torch

from tests.support import ensure_run, identity_of, prepared, settled
from tests.trees import image_folder
from tlbench.backbones import cut as module
from tlbench.backbones.cut import Tail, cut_before
from tlbench.backbones.small import LeNet
from tlbench.backbones.timm_model import TimmBackbone
from tlbench.classifiers.network import Network
from tlbench.running import backbone as building
from tlbench.store.runs import RunStore

SHAPE = (3, 64, 64)


def backbone(model):
    torch.manual_seed(0)
    return TimmBackbone(input_shape=SHAPE, model=model, pretrained=False)


@pytest.mark.parametrize(
    "model", ["tf_efficientnet_lite0", "mobilenetv2_100", "resnet18", "test_resnet", "test_efficientnet"]
)
def test_the_two_parts_are_the_network(model):
    whole = backbone(model).eval()
    stages = whole.stages()
    x = torch.randn(3, *SHAPE)
    with torch.inference_mode():
        want = whole(x)
        for last_k in range(1, len(stages)):
            trunk, tail = cut_before(whole, last_k, SHAPE)
            torch.testing.assert_close(tail.eval()(trunk(x)), want, rtol=1e-4, atol=1e-5)
            trained = {id(p) for p in tail.parameters()}
            assert trained == {id(p) for stage in stages[-last_k:] for p in stage}
            assert trunk(x).shape == (3, trunk.out_dim)
            assert tail.out_dim == whole.out_dim
    assert not any(p.requires_grad for p in trunk.parameters())


@pytest.mark.parametrize("model", ["mobilenetv3_small_050", "test_vit"])
def test_what_is_no_chain_is_not_cut(model):
    shape = (3, 160, 160)
    assert cut_before(TimmBackbone(input_shape=shape, model=model, pretrained=False), 1, shape) is None
    assert cut_before(LeNet(input_shape=(1, 8, 8), width=2), 1, (1, 8, 8)) is None
    assert cut_before(backbone("resnet18"), 5, SHAPE) is None  # all of it is trained


@pytest.fixture
def recipe(tmp_path, monkeypatch):
    monkeypatch.setenv("TLBENCH_CACHE", str(tmp_path / "cache"))
    own = image_folder(tmp_path / "own")

    def config(*words):
        return settled(
            "dataset=image_folder", f"dataset.root={own}", "pair=photo-sketch", "method=dann", "backbone=resnet18",
            "backbone.pretrained=false", "backbone.mode=last_k", "backbone.last_k=1", "augment=plain", "augment.side=36",
            "augment.size=32", "optim.steps=6", "optim.batch_size=6", "classifier=head", "protocol=transductive",
            "trainer=cpu", "validators=10", "distances=10", "embeddings=10", f"store={tmp_path / words[0]}", *words[1:],
        )  # fmt: skip

    return config


def test_a_run_on_kept_outputs_is_the_run_on_images(recipe, tmp_path, monkeypatch):
    """The same scores, losses and distances but for rounding: batch norms of fixed stages keep their statistics in either."""
    config = recipe("cut")
    run, _ = prepared(config)
    assert isinstance(run.learner.network.backbone, Tail)
    assert run.task.source.inputs.shape == (18, 256 * 2 * 2)
    assert ensure_run(config) == "done"
    key = identity_of(config)["run_key"]
    with monkeypatch.context() as patch:
        patch.setattr(building, "cut_before", lambda *_: None)
        assert ensure_run(recipe("whole")) == "done"
    with_cut, without = (RunStore(tmp_path / name) for name in ("cut", "whole"))
    mine, theirs = (store.history(key).set_index(["step", "name"])["value"] for store in (with_cut, without))
    assert mine.to_numpy() == pytest.approx(theirs[mine.index].to_numpy(), rel=1e-3, abs=1e-4)
    first, second = (store.features(key) for store in (with_cut, without))
    assert first.keys() == second.keys()
    for name, rows in first.items():  # of before training, too: features of the whole backbone, not the kept outputs
        assert rows == pytest.approx(second[name], rel=1e-3, abs=1e-4), name


def test_the_second_run_reads_no_image(recipe, monkeypatch):
    assert ensure_run(recipe("store")) == "done"
    monkeypatch.setattr(module.Trunk, "forward", lambda *_: pytest.fail("the fixed stages were run again"))
    assert ensure_run(recipe("store", "optim.lr=0.05")) == "done"


def test_under_random_augmentation_the_network_stays_whole(recipe):
    run, _ = prepared(recipe("store", "augment.flip=0.5"))
    assert not isinstance(run.learner.network.backbone, Tail)
    network: Network = run.learner.network
    assert not all(p.requires_grad for p in network.backbone.parameters())


def test_outputs_that_would_fill_the_memory_are_not_kept(recipe, monkeypatch):
    monkeypatch.setattr(building, "MOST_OUTPUTS", 4 * 54 * 1024)  # 18 + 18 + 18 images, 256 * 2 * 2 numbers each
    assert isinstance(prepared(recipe("store"))[0].learner.network.backbone, Tail)
    monkeypatch.setattr(building, "MOST_OUTPUTS", 4 * 54 * 1024 - 1)
    assert not isinstance(prepared(recipe("store"))[0].learner.network.backbone, Tail)
