import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.trees import image_folder, picture
from tlbench.data.images import cache as module
from tlbench.data.images.cache import Storage, open_cache
from tlbench.data.images.decode import BadImage, short_side, squash
from tlbench.data.images.image_files import ImageFiles, from_array, from_paths, in_folder
from tlbench.errors import TlbenchError

SQUASH = Storage(squash(16), "squash 16", 95, 8.0, 3 * 16**2)
SHORT = Storage(short_side(16), "short_side 16", 95, 8.0)


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("TLBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(module, "CHUNK", 4)
    monkeypatch.setattr(module, "TASK", 2)


@pytest.fixture
def images(tmp_path) -> ImageFiles:
    root = image_folder(tmp_path / "own") / "photo"
    return from_paths(root, [name for names in in_folder(root).values() for name in names])


def counted(images: ImageFiles, fail_at: int | None = None) -> tuple[ImageFiles, list[int]]:
    reads: list[int] = []

    def read(i: int) -> torch.Tensor:
        reads.append(i)
        if i == fail_at:
            raise BadImage("bad")
        return images.read(i)

    return replace(images, read=read), reads


@pytest.mark.parametrize("storage", [SQUASH, SHORT])
def test_records_are_the_decoded_and_resized_images(images, storage):
    cache = open_cache(images, storage, "x")
    assert len(cache) == 18
    assert not cache.jpeg
    for i in range(18):
        want = storage.resize(images.read(i))
        assert torch.equal(cache.image(i)[0].permute(1, 2, 0), want)
    assert (cache.whole is None) == (storage is SHORT and len({tuple(images.read(i).shape) for i in range(18)}) > 1)


def test_images_of_several_sizes(tmp_path):
    pixels = [np.array(picture(0, 0, i, size=(20 + 4 * i, 30))) for i in range(5)]
    files = ImageFiles([str(i) for i in range(5)], lambda i: torch.from_numpy(pixels[i]), "c", np.arange(5))
    cache = open_cache(files, Storage(lambda p: p, "none", 95, 8.0), "x")
    assert cache.whole is None
    for i in range(5):
        np.testing.assert_array_equal(cache.image(i)[0].permute(1, 2, 0).numpy(), pixels[i])
    assert cache.index["width"].tolist() == [20, 24, 28, 32, 36]


def test_jpeg_records_above_the_limit(images):
    small = open_cache(images, replace(SQUASH, raw_limit_gb=1e-9), "x")
    assert small.jpeg
    assert small.whole is None
    raw = open_cache(images, SQUASH, "x")
    assert not raw.jpeg
    for i in range(18):
        difference = small.image(i).int() - raw.image(i).int()
        assert difference.abs().float().mean() < 12
    coarse = open_cache(images, replace(SQUASH, raw_limit_gb=1e-9, quality=20), "x")
    sizes = [(c.folder / "pixels.bin").stat().st_size for c in (coarse, small, raw)]
    assert sizes[0] < sizes[1]
    assert sizes[2] == 18 * 16 * 16 * 3


def test_a_cache_is_built_once_and_found_by_content_not_by_place(images, tmp_path):
    first, reads = counted(images)
    open_cache(first, SQUASH, "x")
    assert sorted(set(reads)) == list(range(18))
    reads.clear()
    open_cache(first, SQUASH, "x")
    assert reads == []
    moved = shutil.copytree(tmp_path / "own" / "photo", tmp_path / "moved")
    again, reads = counted(from_paths(moved, images.names))
    assert open_cache(again, SQUASH, "x").key == open_cache(images, SQUASH, "x").key
    assert reads == []


@pytest.mark.parametrize("change", [{"name": "squash 17"}, {"quality": 90}, {"raw_limit_gb": 7.0}])
def test_another_policy_is_another_cache(images, change):
    assert open_cache(images, replace(SQUASH, **change), "x").key != open_cache(images, SQUASH, "x").key


def test_one_changed_byte_or_name_is_another_content(images, tmp_path):
    root, names = tmp_path / "own" / "photo", list(images.names)
    first = from_paths(root, names).content
    path = root / names[0]
    path.write_bytes(path.read_bytes() + b"\0")
    changed = from_paths(root, names).content
    assert changed != first
    path.rename(path.with_name("other.jpg"))
    names[0] = str(Path(names[0]).with_name("other.jpg"))
    assert from_paths(root, names).content not in (first, changed)


def test_a_build_that_died_goes_on_where_it_stopped(images):
    broken, reads = counted(images, fail_at=10)
    with pytest.raises(BadImage):
        open_cache(broken, SQUASH, "x")
    (part,) = (module.cache_dir() / "images").glob("*.part")
    with (part / "index.bin").open("ab") as file:
        file.write(b"torn")  # what a process that is killed in the middle of a write leaves
    whole, reads = counted(images)
    cache = open_cache(whole, SQUASH, "x")
    assert sorted(set(reads) - {0, 1, 2, 3, 4, 5, 6, 7}) == list(range(8, 18))
    assert not {0, 1, 2, 3, 4, 5, 6, 7} & set(reads[-10:])
    assert not part.exists()
    for i in range(18):
        assert torch.equal(cache.image(i)[0].permute(1, 2, 0), SQUASH.resize(images.read(i)))


def test_pixels_that_the_machine_lost_are_made_anew(images):
    with pytest.raises(BadImage):
        open_cache(counted(images, fail_at=10)[0], SQUASH, "x")
    (part,) = (module.cache_dir() / "images").glob("*.part")
    (part / "pixels.bin").write_bytes(b"short")
    cache = open_cache(images, SQUASH, "x")
    assert torch.equal(cache.image(17)[0].permute(1, 2, 0), SQUASH.resize(images.read(17)))


def test_an_unreadable_image_stops_the_build_and_is_named(images, tmp_path):
    path = tmp_path / "own" / "photo" / images.names[5]
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(BadImage, match=r"class 0/bild_05ä\.jpg' cannot be read"):
        open_cache(from_paths(tmp_path / "own" / "photo", images.names), SQUASH, "x")


def test_a_folder_that_cannot_be_written_is_told(images, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("TLBENCH_CACHE", str(tmp_path / "file"))
    with pytest.raises(TlbenchError, match=r"image cache in .* cannot be written .*TLBENCH_CACHE"):
        open_cache(images, SQUASH, "x")


def test_arrays_are_images_too():
    grey = np.arange(2 * 4 * 5, dtype=np.uint8).reshape(2, 4, 5)
    files = from_array(grey, "digits")
    assert files.names == ["digits/0", "digits/1"]
    assert files.read(1)[..., 2].tolist() == grey[1].tolist()
    assert from_array(grey.copy(), "digits").content == files.content
    assert from_array(grey[::-1], "digits").content != files.content
    colour = np.zeros((1, 4, 5, 3), np.uint8)
    assert from_array(colour, "x").read(0).shape == (4, 5, 3)
    for wrong in (grey.astype(float), colour[..., :2], grey[0]):
        with pytest.raises(TlbenchError, match="must be uint8 of shape"):
            from_array(wrong, "x")


def test_about_is_kept_beside_the_records(images):
    cache = open_cache(images, SQUASH, "x")
    assert json.loads((cache.folder / "about.json").read_text()) == {"jpeg": False, "policy": "squash 16"}


def test_the_order_of_the_names_is_part_of_the_content(images, tmp_path):
    root, names = tmp_path / "own" / "photo", list(images.names)
    turned = from_paths(root, names[::-1])
    assert turned.content != images.content
    cache, other = open_cache(images, SQUASH, "x"), open_cache(turned, SQUASH, "x")
    assert torch.equal(cache.image(0), other.image(17))
    assert not torch.equal(cache.image(0), other.image(0))
