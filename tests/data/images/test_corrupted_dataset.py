"""Corruptions as domains: whose images are where, what caches and fingerprints depend on, and which pairs there are."""

import json
import re
from functools import partial

import numpy as np
import pandas as pd
import pytest
import torch

from tests.support import config_of, dataset_of
from tests.trees import grow
from tlbench.cli import main
from tlbench.data.base_dataset import Dataset, Pair
from tlbench.data.domain import Domain
from tlbench.data.images.cache import Storage, open_cache
from tlbench.data.images.corrupted_dataset import REVISION, CorruptedDataset, parted
from tlbench.data.images.corruptions.catalogue import CORRUPTIONS, corrupted
from tlbench.data.images.dataset import ImageDataset
from tlbench.data.images.decode import short_side, squash
from tlbench.data.images.image_files import from_array
from tlbench.data_commands import composed
from tlbench.errors import TlbenchError

FILES = {name: {"folder": f"four/{name}"} for name in ("a", "b")}
BASE = partial(
    ImageDataset, name="four", short={"a": "A", "b": "B"}, counts=None, classes=["cat", "dog", "fox"], files=FILES
)
EACH = 6


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("TLBENCH_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def data(tmp_path):
    folder = tmp_path / "data"
    grow(BASE(data_dir=folder), folder, each=EACH)
    return folder


def ours(data, of=BASE, **changed):
    settings = {"domain": "a", "strength": 3, "clean_share": 0.5, "side": 24, "draw": 0}
    return CorruptedDataset(name="four_corrupted", of=of, data_dir=data, **{**settings, **changed})


def names(domain):
    return set(domain.names)


def test_each_image_is_either_clean_or_corrupted_and_all_corruptions_have_the_same(data):
    dataset = ours(data)
    whole, clean, others = BASE(data_dir=data).load("a"), dataset.load("clean"), dataset.load("fog")
    assert dataset.domains == ("clean", *CORRUPTIONS)
    assert not names(clean) & names(others)
    assert names(clean) | names(others) == names(whole)
    # 6 images of each class, half of them
    assert np.bincount(clean.labels).tolist() == np.bincount(others.labels).tolist() == [3, 3, 3]
    for corruption in CORRUPTIONS:
        found = dataset.load(corruption)
        assert found.names == others.names
        assert (found.labels == others.labels).all()
        assert found.name == corruption
    label = dict(zip(whole.names, whole.labels, strict=True))
    assert all(label[name] == y for part in (clean, others) for name, y in zip(part.names, part.labels, strict=True))
    assert others.ids(np.array([1]))[0] == f"fog/{others.names[1]}"


def test_parts_are_those_of_the_draw_and_of_no_other_setting(data):
    first = names(ours(data).load("clean"))
    assert names(ours(data, strength=5, side=30).load("clean")) == first
    assert any(names(ours(data, draw=d).load("clean")) != first for d in (1, 2))
    assert [len(ours(data, clean_share=s).load("clean")) for s in (0.01, 0.34, 0.9, 0.99)] == [3, 6, 15, 15]


def test_parts_keep_groups_together_and_have_their_share_of_each_class():
    labels, groups = np.repeat([0, 1, 2, 3], [8, 20, 2, 1]), np.concatenate([np.arange(28) // 2, [20, 21, 22]])
    one, two = parted(labels, groups, 0.25, np.random.default_rng(0))
    assert sorted([*one, *two]) == list(range(31))
    assert not set(groups[one]) & set(groups[two])
    # 1 of 4 groups of two, 2 (2.5 is rounded to the even) of 10 groups of two, 1 of 2 rows, and the one that is alone
    assert np.bincount(labels[one]).tolist() == [2, 4, 1, 1]
    other, _ = parted(labels, groups, 0.25, np.random.default_rng(1))
    assert other.tolist() != one.tolist()


def test_an_image_is_resized_and_then_corrupted_by_its_name(data):
    dataset, whole = ours(data), BASE(data_dir=data).load("a")
    for corruption, strength in (("gaussian_noise", 3), ("fog", 3), ("clean", 0)):
        domain = dataset.load(corruption)
        for i in (0, 7):
            name = domain.names[i]
            want = short_side(24)(whole.inputs.read(whole.names.index(name))).numpy()
            if strength:
                want = corrupted(want, corruption, strength, draw=0, name=name)
            found = domain.inputs.read(i)
            assert found.shape[:2] == (24, 30)  # files are of 32 x 40 pixels
            assert found.dtype == torch.uint8
            assert (found.numpy() == want).all()


def test_a_corruption_does_not_depend_on_the_other_images(data):
    domain = ours(data).load("gaussian_noise")
    kept = {name: domain.inputs.read(i) for i, name in enumerate(domain.names)}
    gone = next(iter(ours(data).load("clean").names))
    (data / "four" / "a" / gone).unlink()
    domain, common = ours(data).load("gaussian_noise"), 0
    for i, name in enumerate(domain.names):  # the parts are others now
        if name in kept:
            common += 1
            assert torch.equal(domain.inputs.read(i), kept[name])
    assert common > 2


def test_at_strength_zero_corrupted_domains_are_the_images_themselves_and_share_a_cache(data):
    dataset = ours(data, strength=0)
    fog, snow = dataset.load("fog"), dataset.load("snow")
    whole = BASE(data_dir=data).load("a")
    want = short_side(24)(whole.inputs.read(whole.names.index(fog.names[2])))
    assert torch.equal(fog.inputs.read(2), want)
    assert fog.inputs.content == snow.inputs.content != dataset.load("clean").inputs.content


def test_contents_and_fingerprints_depend_on_all_that_makes_the_pixels(data, monkeypatch):
    def content(name="fog", **changed):
        return ours(data, **changed).load(name).inputs.content

    found = [content(), content("snow"), content(strength=2), content(draw=1), content(side=20), content(clean_share=0.4),
             content(domain="b"), content("clean")]  # fmt: skip
    assert len(set(found)) == len(found)
    assert content() == found[0]
    assert content("clean", strength=1) == content("clean")  # of a clean image nothing is corrupted
    monkeypatch.setattr("tlbench.data.images.corrupted_dataset.REVISION", REVISION + 1)
    assert content() not in found

    def whole(domains=("clean", "fog"), **changed):
        return ours(data, **changed).fingerprint(domains)

    assert whole() == whole(("fog", "clean"))
    assert len(whole()) == 16
    prints = [whole(), whole(["fog"]), whole(("clean", "snow")), whole(strength=2), whole(draw=1), whole(side=20),
              whole(clean_share=0.4)]  # fmt: skip
    assert len(set(prints)) == len(prints)


def test_the_draw_is_in_the_content_where_the_parts_are_the_same(data, monkeypatch):
    halves = (np.arange(9), np.arange(9, 18))
    monkeypatch.setattr("tlbench.data.images.corrupted_dataset.parted", lambda *_: halves)
    for name, same in (("fog", False), ("clean", True)):  # noise is drawn for corrupted images alone
        one, two = (ours(data, draw=draw).load(name).inputs.content for draw in (0, 1))
        assert (one == two) == same


def test_another_image_is_another_fingerprint(data):
    before = ours(data).fingerprint(["clean", "fog"])
    name = ours(data).load("fog").names[0]
    (data / "four" / "a" / name).write_bytes((data / "four" / "b" / name).read_bytes())
    assert ours(data).fingerprint(["clean", "fog"]) != before


def test_the_cache_holds_what_the_augment_keeps_of_corrupted_images(data):
    domain, storage = ours(data).load("pixelate"), Storage(squash(16), "squash 16", 95, 8.0, 3 * 16**2)
    cache = open_cache(domain.inputs, storage, "x")
    assert len(cache) == len(domain)
    for i in (0, 5):
        assert torch.equal(cache.image(i)[0].permute(1, 2, 0), storage.resize(domain.inputs.read(i)))


SMALL_RUN = ["augment=office", "augment.side=40", "augment.size=32", "optim.steps=2", "optim.evaluations=1",
             "optim.batch_size=8", "seed=0", "backbone=timm", "backbone.name=test_resnet", "backbone.pretrained=false",
             "classifier=head", "protocol=transductive", "method=source_only"]  # fmt: skip


def test_pairs_have_the_clean_images_on_one_side(data):
    dataset = ours(data)
    assert dataset.pairs == [Pair(("clean",), name) for name in CORRUPTIONS]
    assert dataset.pairs_of("all") == dataset.pairs
    assert dataset.pair("CL-FG") == Pair(("clean",), "fog")
    assert dataset.pair("fog+snow-clean") == Pair(("fog", "snow"), "clean")
    assert dataset.pairs_of("leave_one_out") == [Pair(tuple(CORRUPTIONS), "clean")]
    chains = dataset.pairs_of("chains")
    assert len(chains) == 15 * 14  # of images that are corrupted otherwise, to the clean ones
    assert all(chain.target == "clean" for chain in chains)
    assert [str(pair) for pair in ours(data, pairs=["CL-SW"]).pairs] == ["clean-snow"]
    for text in ("fog-snow", "rest-fog", "clean+fog-snow", "clean-fog-snow"):
        with pytest.raises(
            TlbenchError, match=rf"'clean' as its only source or as its target; got '{re.escape(text)}'"
        ):
            dataset.pair(text)


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"domain": "aa"}, r"Unknown domain 'aa'.*dataset\.domain"),
        ({"strength": 6}, r"strength must be a whole number of 0 \(clean\) to 5, got 6\. Set by dataset\.strength="),
        ({"strength": 0.5}, "strength must be a whole number"),
        ({"clean_share": 0}, "clean_share must be above 0 and below 1, got 0"),
        ({"clean_share": 1}, "clean_share must be above 0 and below 1, got 1"),
        ({"side": 0}, "side must be a whole number of 1 or more"),
        ({"side": 24.5}, "side must be a whole number of 1 or more"),
        ({"draw": -1}, "draw must be a whole number of 0 or more"),
        ({"pairs": ["fog-snow"]}, None),
    ],
)
def test_what_cannot_be_is_refused(data, changed, told):
    ours(data)
    if told is None:
        with pytest.raises(TlbenchError, match="only source"):
            assert ours(data, **changed).pairs
        return
    with pytest.raises(TlbenchError, match=told):
        ours(data, **changed)


class Arrays(Dataset):
    """One domain of ten images in an array, two of each group, the first four of them a test part."""

    def __init__(self, data_dir=None, files=True, groups=10, test=4):
        super().__init__(name="arrays", short={"a": "A", "z": "Z"}, classes="xy", input_shape=[])
        self.pixels = np.random.default_rng(0).integers(0, 256, (20, 8, 8), dtype=np.uint8)
        self.files, self.groups, self.test = files, np.arange(20) // 2 + groups, np.arange(20) < test

    def load(self, domain):
        inputs = from_array(self.pixels, domain) if self.files else self.pixels[:, None].astype(float)
        return Domain(domain, inputs, np.repeat([0, 1], 10), self.groups, self.test)

    def is_here(self, domain):
        return domain == "a"

    def fingerprint(self, domains):
        return ""


def test_groups_a_test_part_and_images_in_arrays_come_along():
    dataset = ours(None, Arrays, side=8)
    clean, others = dataset.load("clean"), dataset.load("contrast")
    assert not set(clean.groups) & set(others.groups)
    for part in (clean, others):
        rows = np.array([int(name.split("/")[1]) for name in part.names])
        assert (part.groups == rows // 2 + 10).all()
        assert (part.given_test == (rows < 4)).all()
        assert (part.labels == rows // 10).all()
        assert part.inputs.read(0).shape == (8, 8, 3)
    prints = [
        ours(None, partial(Arrays, **other)).fingerprint(["clean"]) for other in ({}, {"groups": 11}, {"test": 20})
    ]
    assert len(set(prints)) == 3
    assert dataset.is_here("fog")
    assert not ours(None, Arrays, domain="z").is_here("fog")
    with pytest.raises(TlbenchError, match="needs images in files, but 'a' of arrays holds arrays"):
        ours(None, partial(Arrays, files=False)).load("fog")


def test_a_base_of_fewer_classes_gives_those(data):
    some = ours(data, partial(BASE, source_classes=["dog", "fox"]))
    assert some.classes == ("dog", "fox")
    domain = some.load("fog")
    assert all(name.split("/")[0] == some.classes[y] for name, y in zip(domain.names, domain.labels, strict=True))
    whole = BASE(data_dir=data).load("a")
    want = short_side(24)(whole.inputs.read(whole.names.index(domain.names[3]))).numpy()
    assert (domain.inputs.read(3).numpy() == corrupted(want, "fog", 3, draw=0, name=domain.names[3])).all()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["pacs_corrupted", "office_caltech10_corrupted"])
def test_check_run_and_report(name, tmp_path, capsys):
    data, store = tmp_path / "data", tmp_path / "store"
    counts = grow(composed(name, [f"data_dir={data}"], None)[0].whole, data, each=4)
    here = [f"data_dir={data}", f"dataset.of.counts={json.dumps(counts).replace(chr(34), '')}", "dataset.side=40"]
    assert main(["data", "check", name, *here]) == 0, capsys.readouterr().out
    assert main(["data", "check", name, f"data_dir={data}"]) == 1  # the real counts are others
    run = [f"dataset={name}", "pair=clean-fog", f"store={store}", *here, *SMALL_RUN]
    assert main(["run", *run, "dataset.strength=5"]) == 0, capsys.readouterr().err
    assert main(["report", "--store", str(store), "--out", str(tmp_path / "out"), "--format", "csv"]) == 0
    table = pd.read_csv(tmp_path / "out" / "runs.csv")
    assert set(table["status"]) == {"done"}
    assert set(table["dataset"]) == {name}


@pytest.mark.data
@pytest.mark.usefixtures("real_data")
@pytest.mark.parametrize(("name", "number"), [("pacs_corrupted", 1670), ("office_caltech10_corrupted", 1123)])
def test_real_photos_are_parted_in_halves(name, number):
    dataset = dataset_of(config_of(f"dataset={name}", "pair=clean-fog", "method=source_only"))
    clean, fog = dataset.load("clean"), dataset.load("fog")
    assert len(clean) + len(fog) == number
    assert np.abs(np.bincount(clean.labels) - np.bincount(fog.labels)).max() <= 1
    pixels = fog.inputs.read(0)
    assert min(pixels.shape[:2]) == 256
