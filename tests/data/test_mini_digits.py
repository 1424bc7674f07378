import time

import numpy as np
import pytest
from matplotlib import get_data_path
from sklearn.datasets import load_digits

from tests.support import config_of, dataset_of
from tlbench.data import mini_digits
from tlbench.data.printed_digits import digit_fonts, draw_printed, draws_digits, glyph


@pytest.fixture(scope="module")
def made():
    started = time.perf_counter()
    arrays = mini_digits.make()
    assert time.perf_counter() - started < 10
    return arrays


def test_three_domains_of_about_1800_colour_images_of_ten_classes(made):
    for domain in ("handwritten", "photo", "printed"):
        images, labels = made[f"{domain}_images"], made[f"{domain}_labels"]
        assert images.shape[1:] == (3, 16, 16)
        assert images.dtype == np.uint8
        assert 1750 <= len(images) <= 1850
        assert np.bincount(labels, minlength=10).min() >= 150


def test_making_it_twice_gives_the_same_bytes(made):
    again = mini_digits.make()
    assert made.keys() == again.keys()
    assert all((made[name] == again[name]).all() for name in made)


def test_no_handwriting_is_in_two_domains(made):
    # groups number the UCI digits of a domain's half from 0; together the halves hold each UCI digit once
    total = len(load_digits().data)
    own, photo = made["handwritten_groups"], made["photo_groups"]
    assert len(np.unique(own)) + len(np.unique(photo)) == total
    assert (made["handwritten_labels"][:10] == load_digits().target[:10]).all()
    own_digits = len(np.unique(own))
    target = load_digits().target
    assert (made["photo_labels"][: total - own_digits] == target[own_digits:]).all()
    # every writer copied the same list of digits, which ends with 4 9 0 8 9 8 and begins with 0 to 9 (a 0 is lacking here)
    assert target[own_digits - 6 : own_digits].tolist() == [4, 9, 0, 8, 9, 8]
    assert target[own_digits : own_digits + 19].tolist() == [*range(1, 10), *range(10)]


def test_both_drawings_of_a_digit_share_group_and_label_and_differ(made):
    labels, groups, images = (made[f"handwritten_{part}"] for part in ("labels", "groups", "images"))
    n = len(groups) // 2
    assert (groups[:n] == groups[n:]).all()
    assert (labels[:n] == labels[n:]).all()
    assert (images[:n] != images[n:]).any(axis=(1, 2, 3)).mean() > 0.99


def test_photo_blends_by_absolute_difference(made):
    # where the digit is black the patch is left as it is: photo images have much more going on than white on black
    assert made["photo_images"].std(axis=(2, 3)).mean() > 20
    black = (made["handwritten_images"] == 0).mean()
    assert black > 0.3
    assert (made["photo_images"] == 0).mean() < 0.1
    images = np.full((1, 3, 16, 16), 255, np.uint8)
    zeros = np.zeros((1, 3, 16, 16), np.uint8)
    label = np.zeros(1, int)
    negative, patch = (mini_digits._on_photographs(x, label, label)[0] for x in (images, zeros))
    np.testing.assert_array_equal(negative, 255 - patch)


def test_fonts_without_ten_drawn_digits_are_left_out():
    fonts = digit_fonts()
    names = {font.name for font in fonts}
    assert len(fonts) >= 10
    assert "DejaVuSans.ttf" in names
    assert not any("STIXSiz" in name or name in ("cmex10.ttf", "cmsy10.ttf", "cmmi10.ttf") for name in names)
    from pathlib import Path

    every = list((Path(get_data_path()) / "fonts" / "ttf").glob("*.ttf"))
    assert len(every) > len(fonts)
    assert not draws_digits(Path(get_data_path()) / "fonts" / "ttf" / "cmex10.ttf")


def test_every_glyph_has_ink_and_touches_its_border():
    for font in digit_fonts():
        for digit in range(10):
            ink = np.asarray(glyph(font, digit))
            assert ink[0].any() and ink[-1].any() and ink[:, 0].any() and ink[:, -1].any()  # noqa: PT018


def test_printed_digits_vary_in_size_and_place():
    images, labels, _ = draw_printed(per_class=20, side=16, rng=np.random.default_rng(0))
    rows = (images[:, 0] > 40).any(axis=2)
    heights = rows.sum(axis=1)
    tops = rows.argmax(axis=1)
    assert np.bincount(labels).tolist() == [20] * 10
    assert heights.min() >= 7
    assert heights.max() <= 14
    assert len(np.unique(tops)) >= 5


def test_it_is_cached_and_a_damaged_cache_is_made_anew(tmp_path, monkeypatch):
    monkeypatch.setenv("TLBENCH_CACHE", str(tmp_path))
    small = {"printed_images": np.zeros((1, 3, 16, 16), np.uint8)}
    calls = []
    monkeypatch.setattr(mini_digits, "make", lambda: calls.append(1) or small)
    for attempt in range(3):
        mini_digits._cached.cache_clear()
        mini_digits._cached()
        if attempt == 1:
            next(tmp_path.glob("*.npz")).write_bytes(b"PK damaged")
    mini_digits._cached.cache_clear()
    assert len(calls) == 2  # made, read, made anew
    assert not list(tmp_path.glob("*.part"))


def test_fingerprint_depends_on_the_domains_and_not_on_their_order():
    dataset = dataset_of(config_of("pair=H-P"))
    one, two = dataset.fingerprint(["photo", "handwritten"]), dataset.fingerprint(["handwritten", "photo"])
    assert one == two != dataset.fingerprint(["photo", "printed"])
    assert len(dataset.pairs) == 6
