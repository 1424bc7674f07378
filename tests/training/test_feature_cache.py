"""Features of frozen backbones: computed once, resumed, shared; a second run reads no image."""

import os
from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.support import augment_of, config_of, dataset_of, ensure_run, identity_of, prepared, trained
from tests.trees import image_folder
from tlbench.backbones.timm_model import TimmBackbone
from tlbench.data.images.cache import ImageCache
from tlbench.data.images.rows import in_cache
from tlbench.running import backbone as of_run
from tlbench.running.backbone import built_backbone
from tlbench.running.setup import Setup
from tlbench.store.runs import RunStore
from tlbench.training import feature_cache as features
from tlbench.training.feature_cache import kept_features
from tlbench.training.frozen import Frozen
from tlbench.training.predict import frozen_features

FROZEN = ["dataset=image_folder", "pair=P-S", "backbone=timm", "backbone.name=test_resnet", "backbone.pretrained=false",
          "backbone.mode=frozen", "augment=plain", "augment.side=36", "augment.size=32", "trainer=cpu", "optim.steps=4",
          "optim.evaluations=2", "optim.batch_size=6"]  # fmt: skip


@pytest.fixture(autouse=True)
def _own(tmp_path, monkeypatch):
    monkeypatch.setenv("TLBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(features, "CHUNK", 4)
    image_folder(tmp_path / "own")
    of_run._FROZEN.clear()


def frozen_config(tmp_path, *changes):
    return config_of(*FROZEN, f"dataset.root={tmp_path / 'own'}", *changes)


def frozen_of(config, shape=None):
    """The frozen backbone of a run, and what identifies its features."""
    setup = Setup.of(config)
    found = Frozen.of(built_backbone(setup, 0, shape or setup.augment.input_shape), config.backbone)
    return found.backbone, found.digest


@pytest.fixture
def calls(monkeypatch) -> dict[str, int]:
    """Counts forward passes and images read."""
    counted = {"forward": 0, "image": 0}
    forward, image = TimmBackbone.forward, ImageCache.image

    def counting(name, function):
        def inner(*args):
            counted[name] += not (isinstance(args[1], torch.Tensor) and args[1].is_meta)  # a rehearsal is no pass
            return function(*args)

        return inner

    monkeypatch.setattr(TimmBackbone, "forward", counting("forward", forward))
    monkeypatch.setattr(ImageCache, "image", counting("image", image))
    return counted


def test_a_second_run_passes_nothing_through_the_backbone_and_reads_no_image(tmp_path, calls):
    assert ensure_run(frozen_config(tmp_path, "method=dann")) == "done"
    assert calls["forward"] == 10  # 18 images a domain, 4 a chunk
    assert calls["image"] == 36
    calls.update(forward=0, image=0)
    for method, more in (("coral", []), ("source_only", ["seed=0", "optim.lr=0.02"]),
                         ("coral_linear", ["classifier=linear_svm"]), ("mmd", ["optim.steps=5"])):  # fmt: skip
        assert ensure_run(frozen_config(tmp_path, f"method={method}", *more)) == "done"
    assert calls == {"forward": 0, "image": 0}


def test_they_are_the_features_of_the_test_view(tmp_path):
    config = frozen_config(tmp_path, "method=source_only")
    dataset, augment = dataset_of(config), augment_of(config)
    backbone, digest = frozen_of(config)
    rows = in_cache(dataset.load("photo").inputs, augment, "x")[np.array([3, 17, 0])]
    got = kept_features(backbone, digest, rows, torch.device("cpu"), "x")
    np.testing.assert_allclose(got, frozen_features(backbone, rows, torch.device("cpu")), rtol=1e-4, atol=1e-5)


def test_other_weights_or_views_are_other_features_and_the_seed_counts_only_for_random_weights(tmp_path, calls):
    assert ensure_run(frozen_config(tmp_path, "method=source_only")) == "done"
    for change, passes in (("augment.size=28", 10), ("augment.mean=[0.4,0.4,0.4]", 10), ("seed=1", 10), ("alpha=0.1", 0),
                           ("augment.flip=0.0", 0)):  # fmt: skip
        calls["forward"] = 0
        assert ensure_run(frozen_config(tmp_path, "method=source_only", change)) == "done"
        assert calls["forward"] == passes, change


def test_networks_that_share_weights_and_differ_in_what_they_compute_have_features_of_their_own(tmp_path):
    groups = [{"_target_": "tlbench.backbones.timm_model.TimmBackbone", "name": "x", "model": model, "pretrained": False,
               "weights": None, "mode": "frozen"} for model in ("efficientnet_b0", "tf_efficientnet_b0")]  # fmt: skip
    config = frozen_config(tmp_path, "method=source_only")

    def digest(group):
        return frozen_of(config.model_copy(update={"backbone": group}), (3, 32, 32))[1]

    one, two = map(digest, groups)
    assert one.rsplit(" ", 1)[1] == two.rsplit(" ", 1)[1]  # one set of weights
    assert one != two
    moved = {**groups[0], "weights": None, "mode": "finetune", "name": "y"}
    assert digest(moved) == one


def test_features_are_computed_with_the_arithmetic_that_the_run_asks_for(tmp_path, monkeypatch):
    seen = []
    forward = TimmBackbone.forward
    monkeypatch.setattr(TimmBackbone, "forward", lambda *a: seen.append(torch.backends.cudnn.allow_tf32) or forward(*a))
    for tf32 in (True, False):
        seen.clear()
        config = frozen_config(tmp_path, "method=source_only", f"trainer.tf32={str(tf32).lower()}", f"seed={int(tf32)}")
        assert ensure_run(config) == "done"
        assert set(seen[-10:]) == {tf32}


def test_under_random_augmentation_gradient_methods_pass_batches_through_the_frozen_network(tmp_path, calls):
    config = frozen_config(tmp_path, "method=dann", "augment.flip=0.5")
    assert ensure_run(config) == "done"
    # two checkpoints of each run look at 18 test images; each step passes source (and target) through the network
    assert calls["forward"] >= 4 + 4 * 2
    assert not list((tmp_path / "cache").glob("features/*.bin"))
    record = RunStore(config.store).record(identity_of(config)["run_key"])
    assert record["backbone"] == "test_resnet frozen"


def test_the_frozen_network_does_not_move(tmp_path):

    config = frozen_config(tmp_path, "method=dann", "augment.flip=0.5")
    run, _ = prepared(config)
    before = built_backbone(run.setup, 0, run.task.input_shape).state_dict()
    trained(run.learner, run.task, run.test, config)
    after = run.learner.network.backbone.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_an_extraction_that_died_goes_on_where_it_stopped(tmp_path, calls):
    config = frozen_config(tmp_path, "method=source_only")
    dataset, augment = dataset_of(config), augment_of(config)
    backbone, digest = frozen_of(config)
    rows = in_cache(dataset.load("photo").inputs, augment, "x")
    want = kept_features(backbone, digest, rows, torch.device("cpu"), "x")
    (done,) = (tmp_path / "cache" / "features").glob("*.bin")
    part = done.with_suffix(".part")
    os.rename(done, part)
    os.truncate(part, 2 * 4 * want.shape[1] * 4 + 11)  # two chunks of four and a torn row
    calls["forward"] = 0
    got = kept_features(backbone, digest, rows, torch.device("cpu"), "x")
    assert calls["forward"] == 3
    np.testing.assert_array_equal(got, want)
    assert not part.exists()


def test_rows_of_several_domains_find_their_own_features(tmp_path):
    config = frozen_config(tmp_path, "method=source_only")
    dataset, augment = dataset_of(config), augment_of(config)
    backbone, digest = frozen_of(config)
    device = torch.device("cpu")
    photo, sketch = (in_cache(dataset.load(name).inputs, augment, name) for name in ("photo", "sketch"))
    both = replace(photo, caches=photo.caches + sketch.caches, cache_N=np.array([1, 0, 1]), row_N=np.array([4, 4, 0]))
    got = kept_features(backbone, digest, both, device, "x")
    one, two = (kept_features(backbone, digest, rows, device, "x") for rows in (photo, sketch))
    np.testing.assert_array_equal(got, np.stack([two[4], one[4], two[0]]))
