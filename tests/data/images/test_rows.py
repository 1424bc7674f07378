from dataclasses import fields, replace

import numpy as np
import pytest
import torch
from torchvision.transforms import functional as classic

from tests.support import augment_of, settled
from tests.trees import image_folder
from tlbench.data.images.augment import STRONG, STRONG_MAGNITUDE, Augment
from tlbench.data.images.decode import short_side, squash
from tlbench.data.images.image_files import from_paths, in_folder
from tlbench.data.images.rows import ImageRows, in_cache
from tlbench.data.inputs import as_rows, dense_float32, finished, stack
from tlbench.tasks import Labelled
from tlbench.training.batches import PairedBatches

SMALL = ["augment.side=24", "augment.size=20"]


@pytest.fixture
def own(tmp_path, monkeypatch):
    monkeypatch.setenv("TLBENCH_CACHE", str(tmp_path / "cache"))
    root = image_folder(tmp_path / "own")

    def domain(name: str, augment: Augment) -> ImageRows:
        names = [n for names in in_folder(root / name).values() for n in names]
        return in_cache(from_paths(root / name, names), augment, name)

    return domain


def augment(name: str, *changes: str) -> Augment:
    found = augment_of(settled("pair=H-P", f"augment={name}", "backbone=lenet", "classifier=head", *SMALL, *changes))
    assert found is not None
    return found


def test_the_test_view_is_the_textbook_pipeline(own):
    rows = own("photo", augment("office"))
    got = dense_float32(rows[np.array([3, 7])])
    for k, i in enumerate((3, 7)):
        pixels = rows.images()[i][0]
        assert pixels.shape == (3, 24, 24)
        want = classic.normalize(
            classic.center_crop(pixels, [20, 20]).double() / 255, [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
        )
        np.testing.assert_allclose(got[k], want.numpy(), atol=1e-6)


def test_rows_behave_like_an_array(own):
    plain = augment("office")
    photo, sketch = own("photo", plain), own("sketch", plain)
    both = stack([photo[:3], sketch[np.array([5, 2])]])
    assert (len(both), both.shape) == (5, (5, 3, 20, 20))
    whole = dense_float32(both)
    np.testing.assert_array_equal(whole[3], dense_float32(sketch)[5])
    np.testing.assert_array_equal(dense_float32(both[np.array([4, 0])]), whole[[4, 0]])
    np.testing.assert_array_equal(
        dense_float32(stack([both, photo[:1]])), np.concatenate([whole, dense_float32(photo[:1])])
    )
    assert as_rows(both).shape == (5, 1200)
    assert as_rows(both).dtype == np.float64


NAMES = ["office", "domainbed", "random_crop", "randaugment", "visda", "plain"]


@pytest.mark.parametrize("name", NAMES)
def test_both_paths_give_the_same_images(own, name):
    rows = own("photo", augment(name))
    on_cpu = rows.drawn(np.random.default_rng(5))
    as_on_gpu = rows.drawn(np.random.default_rng(5)).gathered(pinned=False)
    sd = torch.tensor(rows.augment.sd)[:, None, None]
    difference = ((on_cpu.finished() - as_on_gpu.finished()) * sd * 255).abs()
    if name == "randaugment":  # a grey level at a threshold becomes another colour
        assert difference.quantile(0.95) < 1.5
    else:
        assert difference.max() < (3 if name == "domainbed" else 1.1)


@pytest.mark.parametrize("name", NAMES)
def test_draws_follow_the_seed_and_a_part_is_a_part_of_the_whole(own, name):
    rows = own("photo", augment(name))
    one, two, other = (rows.drawn(np.random.default_rng(seed)).finished() for seed in (1, 1, 2))
    assert torch.equal(one, two)
    assert torch.equal(one, other) == (name == "plain")
    for part in (slice(0, None, 2), slice(1, None, 2)):
        mine = rows.drawn(np.random.default_rng(1), part).finished()
        torch.testing.assert_close(mine, one[part], atol=1e-6, rtol=0)


def test_output_is_normalised_channels_last_float(own):
    x = own("photo", augment("office")).drawn(np.random.default_rng(0)).finished()
    assert x.dtype == torch.float32
    assert x.shape == (18, 3, 20, 20)
    assert x.is_contiguous(memory_format=torch.channels_last)


def test_plain_policies_are_told_from_random_ones():
    assert augment("plain").is_plain
    for change in ("augment.flip=0.5", "augment.crop=random", "augment.grey=0.1", "augment.randaugment=1",
                   "augment.jitter=[0,0,0,0.1]"):  # fmt: skip
        assert not augment("plain", change).is_plain
    assert not augment("plain", "augment.test_crop=whole").is_plain


def test_the_test_view_names_all_that_it_depends_on():
    base = augment("office").test_view
    for change in ("augment.side=25", "augment.size=16", "augment.mean=[0,0,0]", "augment.test_crop=whole",
                   "augment.resize=short_side"):  # fmt: skip
        assert augment("office", change).test_view != base
    for change in ("augment.flip=0.1", "augment.crop=random", "augment.scale=[0.5,1]"):
        assert augment("office", change).test_view == base


def test_an_interpolation_that_is_not_set_is_bilinear_and_in_no_name():
    base = augment("office")
    values = {field.name: getattr(base, field.name) for field in fields(base)} | {"side": 256, "size": 224}
    assert values.pop("interpolation") == "bilinear"
    unset = Augment(**values)
    assert base.storage.name == "squash 24"
    assert unset.storage.name == "squash 256"
    assert augment("office", "augment.resize=short_side").storage.name == "short_side 24"
    cubic = augment("office", "augment.interpolation=bicubic")
    assert cubic.storage.name == "squash 24 bicubic"
    assert cubic.test_view == base.test_view.replace("squash 24", "squash 24 bicubic")
    whole = ["augment.resize=none", "augment.test_crop=whole"]
    assert augment("office", *whole, "augment.interpolation=bicubic").storage.name == "none"
    pixels = torch.randint(0, 256, (40, 30, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    for resize, policy in (("squash", squash), ("short_side", short_side)):
        for how in ("bilinear", "bicubic"):
            kept = augment("office", f"augment.resize={resize}", f"augment.interpolation={how}").storage.resize(pixels)
            assert torch.equal(kept, policy(24, how)(pixels))


def test_flip_and_grey_are_as_frequent_as_asked():
    drawn = augment("office", "augment.flip=0.3", "augment.grey=0.2", "augment.jitter=[0.4,0,0,0.1]").drawn(
        np.full((20_000, 2), 24), np.random.default_rng(0)
    )
    assert drawn.flips.mean() == pytest.approx(0.3, abs=0.015)
    assert drawn.grey.mean() == pytest.approx(0.2, abs=0.015)
    low, high = drawn.jitter.min(axis=0), drawn.jitter.max(axis=0)
    assert low == pytest.approx([0.6, 1, 1, -0.1], abs=0.01)
    assert high == pytest.approx([1.4, 1, 1, 0.1], abs=0.01)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("augment.size=25", "size=25 is more than side=24"),
        ("augment.resize=none", "resize=none keeps images of any size"),
        ("augment.scale=[0.5,0.2]", "scale and ratio are written low, high"),
        ("augment.scale=[0.5,1.2]", "scale and ratio"),
        ("augment.jitter=[0,0,0,0.6]", "hue is in turns"),
        ("augment.sd=[1,1,0]", "sd must be above 0"),
        ("augment.flip=1.5", "augment.flip"),
        ("augment.crop=middle", "augment.crop"),
        ("augment.interpolation=nearest", "augment.interpolation"),
        ("augment.magnitude=31", "augment.magnitude"),
    ],
)
def test_what_makes_no_sense_is_told(change, message):
    from tlbench.errors import TlbenchError

    with pytest.raises(TlbenchError, match=message):
        augment("office", change)


def test_the_strong_view_is_the_recipe_s_and_randaugment_besides(own):
    rows = own("photo", augment("plain"))
    strong = rows.viewed("strong")
    assert (strong.augment.randaugment, strong.augment.magnitude) == (STRONG, STRONG_MAGNITUDE)
    assert replace(strong.augment, randaugment=0, magnitude=rows.augment.magnitude) == rows.augment
    assert rows.viewed("again") is rows
    one, two = (r.drawn(np.random.default_rng(1)).finished() for r in (rows, strong))
    assert one.shape == two.shape
    assert not torch.equal(one, two)
    much = replace(rows.augment, randaugment=3, magnitude=20)
    assert (much.stronger.randaugment, much.stronger.magnitude) == (3, 20)  # never less than the recipe has


def test_each_view_of_images_is_a_draw_of_its_own(own):
    rows = own("photo", augment("office"))

    def seen(*views: str):
        sets = [Labelled(rows, np.zeros(len(rows), dtype=np.int64))]
        batches = PairedBatches(sets, rows, batch_size=4, steps=1, seed=0, views=("train", *views))
        return next(iter(batches))[1].each(finished)

    alone, all_views = seen(), seen("again", "strong", "plain")
    assert torch.equal(alone.train, all_views.train)
    assert not torch.equal(all_views.views["again"], all_views.train)  # another crop
    assert torch.equal(all_views.views["plain"], torch.from_numpy(dense_float32(rows[all_views.rows.numpy()])))
