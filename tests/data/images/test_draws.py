import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tlbench.data.images.draws import Draws, centre_boxes, random_boxes, random_resized_boxes, whole_boxes

SCALE, RATIO = (0.08, 1.0), (3 / 4, 4 / 3)


@given(st.integers(1, 400), st.integers(1, 400), st.integers(0, 10**6))
def test_random_resized_crops_lie_in_the_image(height, width, seed):
    sizes = np.tile([height, width], (5, 1))
    boxes = random_resized_boxes(sizes, SCALE, RATIO, np.random.default_rng(seed))
    assert (boxes[:, 2:] >= 1).all()
    assert (boxes[:, :2] >= 0).all()
    assert (boxes[:, :2] + boxes[:, 2:] <= sizes).all()


def test_their_areas_and_ratios_follow_the_stated_law():
    sizes = np.tile([1000, 1000], (40_000, 1))
    boxes = random_resized_boxes(sizes, (0.1, 0.3), RATIO, np.random.default_rng(0))
    area, log_ratio = boxes[:, 2] * boxes[:, 3] / 1e6, np.log(boxes[:, 3] / boxes[:, 2])
    assert (area.min(), area.max()) == (pytest.approx(0.1, abs=0.002), pytest.approx(0.3, abs=0.002))
    assert np.quantile(area, [0.25, 0.5, 0.75]) == pytest.approx([0.15, 0.2, 0.25], abs=0.003)
    bound = np.log(4 / 3)
    assert np.quantile(log_ratio, [0.25, 0.5, 0.75]) == pytest.approx([-bound / 2, 0, bound / 2], abs=0.01)
    room = 1001 - boxes[:, 2]
    assert ((boxes[:, 0] + 0.5) / room).mean() == pytest.approx(0.5, abs=0.01)
    assert boxes[:, 0].min() == 0
    assert (boxes[:, 0] == room - 1).any()  # the last place is possible, and none behind it


def test_they_agree_with_torchvision_in_distribution():
    import torch
    from torchvision.transforms import RandomResizedCrop

    torch.manual_seed(0)
    image = torch.zeros(3, 256, 256)
    theirs = np.array([RandomResizedCrop.get_params(image, list(SCALE), list(RATIO)) for _ in range(8000)])
    ours = random_resized_boxes(np.tile([256, 256], (8000, 1)), SCALE, RATIO, np.random.default_rng(1))
    for column in range(4):
        spread = theirs[:, column].std() / np.sqrt(4000)
        assert ours[:, column].mean() == pytest.approx(theirs[:, column].mean(), abs=5 * spread)
        assert ours[:, column].std() == pytest.approx(theirs[:, column].std(), rel=0.05)


def test_where_nothing_fits_the_largest_allowed_central_crop_is_taken():
    # 1000 x 10 pixels: a share of 0.9 with a ratio of at most 4/3 never fits
    boxes = random_resized_boxes(np.array([[10, 1000], [1000, 10]]), (0.9, 1.0), RATIO, np.random.default_rng(0))
    assert boxes.tolist() == [[0, 493, 10, 13], [493, 0, 13, 10]]


def test_centre_and_whole_and_random():
    sizes = np.array([[256, 256], [256, 301]])
    assert centre_boxes(sizes, 224).tolist() == [[16, 16, 224, 224], [16, 38, 224, 224]]
    assert whole_boxes(sizes).tolist() == [[0, 0, 256, 256], [0, 0, 256, 301]]
    many = random_boxes(np.tile([256, 301], (20_000, 1)), 224, np.random.default_rng(0))
    assert (many[:, 2:] == 224).all()
    assert [(int(c.min()), int(c.max())) for c in many[:, :2].T] == [(0, 32), (0, 77)]


def test_taking_some_takes_all_columns():
    n = np.arange(6)
    draws = Draws(np.tile(n[:, None], 4), n > 2, np.tile(n[:, None], 4), (3, 2, 1, 0), n > 3, n[:, None], n[:, None])
    part = draws.take(slice(1, None, 2))
    assert part.boxes[:, 0].tolist() == part.ops[:, 0].tolist() == part.signs[:, 0].tolist() == [1, 3, 5]
    assert part.flips.tolist() == [False, True, True]
    assert part.grey.tolist() == [False, False, True]
    assert part.jitter[:, 0].tolist() == [1, 3, 5]
    assert part.order == (3, 2, 1, 0)
