import io

import numpy as np
import pytest
import torch
from PIL import Image, PngImagePlugin

from tests.trees import picture
from tlbench.data.images import decode as module
from tlbench.data.images.decode import BadImage, decode, resized, short_side, squash


def encoded(image: Image.Image, kind: str, **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def by_pillow(content: bytes) -> np.ndarray:
    return np.array(Image.open(io.BytesIO(content)).convert("RGB"))


@pytest.mark.parametrize("quality", [60, 90, 100])
@pytest.mark.parametrize("size", [(40, 32), (7, 300), (301, 299)])
def test_a_jpeg_gives_pillows_pixels(quality, size):
    content = encoded(picture(1, 0, 0, size=size), "JPEG", quality=quality)
    np.testing.assert_array_equal(decode(content, "a.jpg").numpy(), by_pillow(content))


@pytest.mark.parametrize("kind", ["PNG", "BMP", "GIF", "WEBP", "TIFF", "PPM"])
def test_other_formats_give_pillows_pixels(kind):
    content = encoded(picture(2, 1, 0), kind)
    np.testing.assert_array_equal(decode(content, "a").numpy(), by_pillow(content))


def test_grey_images_have_three_equal_channels():
    grey = picture(0, 0, 0).convert("L")
    for content in (encoded(grey, "JPEG"), encoded(grey, "PNG")):
        pixels = decode(content, "a").numpy()
        assert pixels.shape == (32, 40, 3)
        assert (pixels == pixels[..., :1]).all()
        np.testing.assert_array_equal(pixels, by_pillow(content))


def test_palette_and_cmyk_images_become_rgb():
    image = picture(0, 0, 0)
    for content in (encoded(image.convert("P"), "PNG"), encoded(image.convert("CMYK"), "JPEG")):
        np.testing.assert_array_equal(decode(content, "a").numpy(), by_pillow(content))


def test_sixteen_bits_are_scaled_and_not_clipped():
    deep = np.array([[0, 257, 32768, 65535]], dtype=np.uint16)
    content = encoded(Image.fromarray(deep), "PNG")
    assert decode(content, "a.png")[0, :, 0].tolist() == [0, 1, 127, 255]
    assert by_pillow(content)[0, :, 0].tolist() != [0, 1, 127, 255]  # what we guard against


def test_transparency_lies_over_white():
    image = Image.new("RGBA", (2, 1), (0, 0, 0, 0))
    image.putpixel((1, 0), (10, 20, 30, 255))
    assert decode(encoded(image, "PNG"), "a.png")[0].tolist() == [[255, 255, 255], [10, 20, 30]]
    palette = Image.new("P", (1, 1), 0)
    palette.putpalette([9, 9, 9] * 256)
    assert decode(encoded(palette, "PNG", transparency=0), "a.png")[0, 0].tolist() == [255, 255, 255]


@pytest.mark.parametrize("orientation", [3, 6, 8])
def test_a_rotated_jpeg_is_turned_upright(orientation):
    image = picture(1, 0, 0)
    exif = Image.Exif()
    exif[0x0112] = orientation
    plain, turned = encoded(image, "JPEG"), encoded(image, "JPEG", exif=exif)
    quarter = {3: 2, 6: 3, 8: 1}[orientation]
    np.testing.assert_array_equal(decode(turned, "a").numpy(), np.rot90(by_pillow(plain), quarter))


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda c: b"", "empty"),
        (lambda c: b"not an image at all", "no known image format"),
        (lambda c: c[: len(c) // 2], "truncated"),
        (lambda c: c[:4], ""),
    ],
)
@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_a_damaged_image_is_named_in_one_line(spoil, reason, kind):
    content = encoded(picture(0, 0, 0, size=(200, 200)), kind)
    decode(content, "fine")
    with pytest.raises(
        BadImage, match=rf"Image 'bad/é 1\.jpg' cannot be read: .*{reason}.*Mend or remove it"
    ) as caught:
        decode(spoil(content), "bad/é 1.jpg")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_images_up_to_the_bound_are_read_and_larger_ones_refused(kind, monkeypatch):
    content = encoded(Image.new("RGB", (100, 50)), kind)
    monkeypatch.setattr(module, "MAX_PIXELS", 5000)
    assert decode(content, "a").shape == (50, 100, 3)
    monkeypatch.setattr(module, "MAX_PIXELS", 4999)
    with pytest.raises(BadImage, match="100 x 50 pixels, more than 4,999"):
        decode(content, "a")


def test_a_hundred_megapixels_are_read():
    content = encoded(Image.new("L", (10_000, 10_000), 77), "JPEG")
    assert squash(64)(decode(content, "big.jpg")).unique().tolist() == [77]


def test_a_large_metadata_block_does_not_matter():
    info = PngImagePlugin.PngInfo()
    info.add_text("comment", "x" * 100_000)
    assert decode(encoded(picture(0, 0, 0), "PNG", pnginfo=info), "a").shape == (32, 40, 3)


@pytest.mark.parametrize(("interpolation", "most"), [("bilinear", 1), ("bicubic", 2)])
@pytest.mark.parametrize("target", [(16, 16), (64, 64), (20, 90), (32, 40)])
def test_resizing_is_pillows_within_a_grey_level_or_two(target, interpolation, most):
    pixels = np.array(picture(3, 0, 0))
    want = np.array(Image.fromarray(pixels).resize(target[::-1], Image.Resampling[interpolation.upper()])).astype(int)
    got = resized(torch.from_numpy(pixels), *target, interpolation).numpy().astype(int)
    assert got.shape == want.shape
    assert np.abs(got - want).max() <= most
    if interpolation == "bilinear":
        np.testing.assert_array_equal(resized(torch.from_numpy(pixels), *target).numpy(), got)


def test_an_edge_by_both_filters():
    # a step from 0 to 100, halved: inputs lie 1/4, 3/4, 5/4 and 7/4 of two pixels from an output. There the triangle is 3/4, 1/4,
    # 0, 0 and the cubic of a = -1/2 is 0.8672, 0.2266, -0.0703, -0.0234, each halved for the two sides
    step = torch.tensor([0] * 8 + [100] * 8, dtype=torch.uint8)[None, :, None].expand(16, 16, 3).contiguous()
    linear, cubic = (policy(step)[0, :, 0].tolist() for policy in (squash(8), squash(8, "bicubic")))
    assert linear == pytest.approx([0, 0, 0, 12.5, 87.5, 100, 100, 100], abs=0.51)
    assert cubic == pytest.approx([0, 0, 0, 6.64, 93.36, 101.17, 100, 100], abs=0.51)


def test_policies():
    wide, tall = torch.zeros(100, 150, 3, dtype=torch.uint8), torch.zeros(151, 100, 3, dtype=torch.uint8)
    assert squash(64)(wide).shape == (64, 64, 3)
    assert short_side(50)(wide).shape == (50, 75, 3)
    assert short_side(50)(tall).shape == (75, 50, 3)
    assert short_side(200)(wide).shape == (200, 300, 3)
