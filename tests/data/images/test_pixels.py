"""Crops, colours and RandAugment against torchvision and Pillow, image by image."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.transforms.v2 import functional as tv

from tests.trees import picture
from tlbench.data.images.colour import hue, jittered, made_grey
from tlbench.data.images.crops import crops_by_matrices, crops_on_cpu
from tlbench.data.images.randaugment import OPERATIONS, rand_augmented

BOXES = np.array([[0, 0, 32, 40], [5, 9, 20, 11], [1, 2, 8, 8], [0, 30, 32, 10], [3, 3, 16, 16]])
FLIPS = np.array([False, True, False, True, False])
NUMBERS = (torch.from_numpy(BOXES), torch.from_numpy(FLIPS))


def batch() -> list[torch.Tensor]:
    whole = torch.stack([torch.from_numpy(np.array(picture(i, 0, i))) for i in range(5)])
    return [whole[i : i + 1].permute(0, 3, 1, 2) for i in range(5)]


def pillow_crop(image: torch.Tensor, box: np.ndarray, flip: bool, size: int) -> np.ndarray:
    top, left, height, width = (int(v) for v in box)
    crop = Image.fromarray(image[0].permute(1, 2, 0).numpy()).crop((left, top, left + width, top + height))
    crop = crop.resize((size, size), Image.Resampling.BILINEAR)
    return np.array(crop)[:, ::-1] if flip else np.array(crop)


@pytest.mark.parametrize("size", [8, 16, 50])
@pytest.mark.parametrize("threads", [1, 2])
def test_crops_are_pillows_within_one_grey_level_on_either_path(size, threads):
    images = batch()
    want = np.stack([pillow_crop(*each, size) for each in zip(images, BOXES, FLIPS, strict=True)]).astype(int)
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        on_cpu = crops_on_cpu(images * 4, np.tile(BOXES, (4, 1)), np.tile(FLIPS, 4), size).numpy().astype(int)
    finally:
        torch.set_num_threads(before)
    for i in range(20):
        assert np.abs(on_cpu[i] - want[i % 5]).max() <= 1, i
    pixels = torch.cat(images).permute(0, 2, 3, 1)
    by_matrices = crops_by_matrices(pixels, *NUMBERS, size).permute(0, 2, 3, 1).numpy()
    assert np.abs(by_matrices - want).max() <= 1.01  # Pillow rounds after the rows and after the columns


@pytest.mark.parametrize("threads", [1, 2])
def test_crops_made_for_inference_may_be_trained_on(threads):
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        with torch.inference_mode():
            crops = crops_on_cpu(batch() * 4, np.tile(BOXES, (4, 1)), np.tile(FLIPS, 4), 8)
    finally:
        torch.set_num_threads(before)
    assert not crops.is_inference()


@pytest.mark.slow
def test_crops_leave_the_threads_of_matrix_products_alone():
    code = (
        "import time, torch, numpy as np; torch.set_num_threads(2)\n"
        "from tlbench.data.images.crops import crops_on_cpu\n"
        "images = [torch.zeros(1, 3, 32, 32, dtype=torch.uint8)] * 32\n"
        "crops_on_cpu(images, np.tile([0, 0, 16, 16], (32, 1)), np.zeros(32, bool), 8)\n"
        "from threadpoolctl import threadpool_info\n"
        "print(torch.get_num_threads(), [i['num_threads'] for i in threadpool_info() if 'torch' in i['filepath']])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("2 ")
    assert "1" not in done.stdout.split("[")[1]


def test_a_crop_of_the_right_size_is_copied_exactly():
    images = batch()
    out = crops_on_cpu(images, np.tile([3, 4, 16, 16], (5, 1)), FLIPS, 16)
    for image, flip, got in zip(images, FLIPS, out, strict=True):
        want = image[0, :, 3:19, 4:20].permute(1, 2, 0)
        assert torch.equal(got, want.flip(1) if flip else want)
    pixels = torch.cat(images).permute(0, 2, 3, 1)
    matrices = crops_by_matrices(pixels, torch.tensor([3, 4, 16, 16]).repeat(5, 1), NUMBERS[1], 16)
    torch.testing.assert_close(matrices.permute(0, 2, 3, 1), out.float(), atol=1e-3, rtol=0)


def test_padding_never_reaches_a_crop():
    images = batch()
    pixels = torch.full((5, 50, 60, 3), 255, dtype=torch.uint8)
    pixels[:, :32, :40] = torch.cat(images).permute(0, 2, 3, 1)
    plain = crops_by_matrices(torch.cat(images).permute(0, 2, 3, 1), *NUMBERS, 16)
    torch.testing.assert_close(crops_by_matrices(pixels, *NUMBERS, 16), plain, atol=1e-3, rtol=0)


COLOURS = torch.cat(batch()).double() / 255
FACTORS = torch.tensor(
    [[0.7, 1.3, 0.5, 0.1], [1.4, 0.6, 1.9, -0.3], [1.0, 1.0, 1.0, 0.5], [0.2, 1.8, 0.0, -0.5], [1, 1, 1, 0]]
)


def theirs(x: torch.Tensor, factors: list[float], order: list[int]) -> torch.Tensor:
    steps = (tv.adjust_brightness, tv.adjust_contrast, tv.adjust_saturation, tv.adjust_hue)
    for step in order:
        x = steps[step](x, factors[step])
    return x


@pytest.mark.parametrize("order", [[0, 1, 2, 3], [3, 1, 0, 2], [2, 3, 0, 1]])
def test_jitter_is_torchvisions_image_by_image(order):
    got = jittered(COLOURS, FACTORS.double(), order)
    want = torch.stack([theirs(x, f, order) for x, f in zip(COLOURS, FACTORS.tolist(), strict=True)])
    torch.testing.assert_close(got, want, atol=2e-3, rtol=0)  # torchvision's luma has other last digits in places
    torch.testing.assert_close(got[4], COLOURS[4], atol=1e-6, rtol=0)


def test_hue_by_hand():
    # a third of a turn takes red to green, green to blue; greys stay
    x = torch.tensor([[1.0, 0, 0], [0, 1, 0], [0.5, 0.5, 0.5], [0.8, 0.2, 0.2]]).view(4, 3, 1, 1)
    got = hue(x, torch.full((4,), 1 / 3)).view(4, 3)
    want = torch.tensor([[0, 1, 0], [0, 0, 1], [0.5, 0.5, 0.5], [0.2, 0.8, 0.2]])
    torch.testing.assert_close(got, want, atol=1e-5, rtol=0)


def test_grey_only_where_it_is_drawn():
    got = made_grey(COLOURS, torch.tensor([True, False, False, True, False]))
    assert torch.equal(got[1], COLOURS[1])
    assert torch.equal(got[0, 0], got[0, 2])
    torch.testing.assert_close(got[3], tv.rgb_to_grayscale(COLOURS[3], num_output_channels=3), atol=1e-6, rtol=0)


@pytest.mark.parametrize("op", range(len(OPERATIONS)))
def test_each_operation_is_torchvisions(op):
    from torchvision.transforms.v2 import RandAugment

    reference = RandAugment(num_ops=1, magnitude=9)
    space = {name.lower(): key for name, key in zip(
        ["Identity", "ShearX", "ShearY", "TranslateX", "TranslateY", "Rotate", "Brightness", "Color", "Contrast",
         "Sharpness", "Posterize", "Solarize", "AutoContrast", "Equalize"], range(14), strict=True)}  # fmt: skip
    name = next(n for n in reference._AUGMENTATION_SPACE if space[n.lower()] == op)
    magnitudes, signed = reference._AUGMENTATION_SPACE[name]
    values = magnitudes(31, 32, 40)
    assert signed == OPERATIONS[op][2]
    x = torch.cat(batch())
    signs = np.array([1, -1, 1, -1, -1])
    got = rand_augmented(x, np.full((5, 1), op), signs[:, None], 9)
    for i in range(5):
        strength = 0.0 if values is None else float(values[9]) * (signs[i] if signed else 1)
        want = reference._apply_image_or_video_transform(
            x[i], name, strength, interpolation=reference.interpolation, fill=reference._fill
        )
        # a batch's luma may be rounded otherwise than that of one image
        assert (got[i].int() - want.int()).abs().max() <= (1 if name == "Color" else 0), (name, i)


def test_operations_follow_each_other_and_leave_the_input_alone():
    x = torch.cat(batch())
    kept = x.clone()
    solarize, equalize = 11, 13
    got = rand_augmented(x, np.array([[solarize, equalize]] * 4 + [[0, 0]]), np.ones((5, 2), int), 9)
    assert torch.equal(x, kept)
    assert torch.equal(got[4], x[4])
    assert torch.equal(got[0], tv.equalize(tv.solarize(x[0], threshold=255.0 * (1 - 9 / 30))))
