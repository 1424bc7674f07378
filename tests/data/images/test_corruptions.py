"""The fifteen corruptions: values worked out by hand, limits in which nothing changes, and what the draws depend on."""

import io

import numpy as np
import pytest
from matplotlib.colors import hsv_to_rgb, rgb_to_hsv
from PIL import Image

from tlbench.data.images.corruptions import blur, digital, noise, weather
from tlbench.data.images.corruptions.catalogue import CORRUPTIONS, SIDE, corrupted
from tlbench.data.images.corruptions.crystals import _branched, frost_on_glass
from tlbench.data.images.corruptions.pixel_values import as_bytes, enlarged
from tlbench.data.images.corruptions.plasma import plasma
from tlbench.errors import TlbenchError

NAMES = list(CORRUPTIONS)
SHARP = ("defocus_blur", "glass_blur", "motion_blur", "zoom_blur", "pixelate", "contrast", "elastic_transform")
"""Corruptions that take colours from elsewhere in the image, or shrink their differences."""
NOTHING = {
    "gaussian_noise": (0,), "impulse_noise": (0,), "defocus_blur": (0, 0), "glass_blur": (0, 0, 2),
    "motion_blur": (0, 0), "zoom_blur": (0, 0), "snow": (0, 0, 3, 0.5, 10, 4, 1), "frost": (1, 0), "fog": (0, 2),
    "brightness": (0,), "contrast": (1,), "elastic_transform": (0, 4, 0), "pixelate": (1,),
}  # fmt: skip
"""Numbers at which a corruption leaves an image as it is. No number of photons does, and no quality of JPEG."""


def rng(seed=0):
    return np.random.default_rng(seed)


def natural(height=96, width=128):
    """A picture with a sky, a ground, an edge or two and texture, in colours that are no grey."""
    y, x = np.mgrid[0:height, 0:width] / min(height, width)
    sky = np.stack([0.45 + 0.2 * y, 0.55 + 0.2 * y, 0.8 - 0.1 * y], axis=2)
    ground = np.stack([0.35 + 0.1 * np.sin(40 * x), 0.3 + 0.15 * np.sin(31 * y), 0.2 + 0 * x], axis=2)
    picture = np.where((y > 0.6)[..., None], ground, sky)
    picture[(x - 0.6) ** 2 + (y - 0.5) ** 2 < 0.05] = (0.7, 0.2, 0.15)
    return as_bytes(picture + rng(1).normal(0, 0.03, picture.shape))


def grey(value, height=64, width=48):
    return np.full((height, width, 3), value, dtype=np.uint8)


def at(name, strength=3, *, draw=0, image="cat/1.jpg", pixels=None):
    return corrupted(natural() if pixels is None else pixels, name, strength, draw=draw, name=image)


def change(one, two):
    return np.mean((one / 255 - two / 255) ** 2)


@pytest.mark.parametrize("name", NOTHING)
def test_with_numbers_that_ask_for_nothing_nothing_changes(name):
    assert (CORRUPTIONS[name].change(natural(), rng(), *NOTHING[name]) == natural()).all()


@pytest.mark.parametrize("name", NAMES)
def test_strength_zero_is_a_copy_of_the_image_and_no_other_writes_to_it(name):
    pixels = natural()
    kept = at(name, 0, pixels=pixels)
    assert (kept == pixels).all()
    assert not np.shares_memory(kept, pixels)
    changed = at(name, 3, pixels=pixels)
    assert (pixels == natural()).all()
    assert (changed != pixels).mean() > 0.05
    assert changed.dtype == np.uint8
    assert changed.shape == pixels.shape


@pytest.mark.parametrize("strength", [1, 5])
@pytest.mark.parametrize("name", SHARP)
def test_an_even_image_stays_as_it_is_where_colours_are_moved_or_averaged(name, strength):
    even = np.tile(np.array([13, 128, 250], dtype=np.uint8), (70, 90, 1))
    assert (at(name, strength, pixels=even) == even).all()


def test_gaussian_noise_has_its_standard_deviation_and_mean():
    noisy = at("gaussian_noise", 1, pixels=grey(128, 200, 200)) / 255 - 128 / 255
    # 120000 draws of sd 0.08, of which none is cut off (6 sd away); the sd of their sd is 0.08 / sqrt(240000) = 0.00016,
    # that of their mean 0.08 / sqrt(120000) = 0.00023; rounding adds (1/255)^2 / 12 to the variance, sd 0.08001
    assert abs(noisy.std() - 0.08001) < 4 * 0.00016
    assert abs(noisy.mean()) < 4 * 0.00023
    channels = noisy.reshape(-1, 3)
    assert np.abs(np.corrcoef(channels.T) - np.eye(3)).max() < 0.02  # 4 / sqrt(40000)


def test_shot_noise_has_the_variance_of_counts():
    noisy = at("shot_noise", 2, pixels=grey(51, 200, 200)) / 255
    # x = 0.2 and 25 photons: the mean count is 5, its variance too, that of the image 5 / 25^2 = 0.008
    # the sd of the mean is sqrt(0.008 / 120000) = 0.00026; of the variance about 0.008 sqrt((2 + 1/5) / 120000) = 0.000034
    assert abs(noisy.mean() - 0.2) < 4 * 0.00026
    assert abs(noisy.var() - 0.008) < 4 * 0.000034
    assert (at("shot_noise", 1, pixels=grey(0)) == 0).all()  # no light, no noise


def test_impulse_noise_is_salt_and_pepper_of_its_share():
    noisy = at("impulse_noise", 5, pixels=grey(100, 200, 200))
    # 120000 draws of share 0.135 each: sd of the share is sqrt(0.135 x 0.865 / 120000) = 0.00099
    for value in (0, 255):
        assert abs((noisy == value).mean() - 0.135) < 4 * 0.00099
    assert set(np.unique(noisy)) == {0, 100, 255}


def test_a_disk_holds_the_places_within_its_radius():
    # radius 1: the middle and four neighbours; radius 1.5: all nine
    assert (blur.disk(1, 0) * 5).round(12)[1:-1, 1:-1].tolist() == [[0, 1, 0], [1, 1, 1], [0, 1, 0]]
    assert (blur.disk(1.5, 0) > 0).sum() == 9
    assert blur.disk(6, 0.5).sum() == pytest.approx(1)
    far = np.arange(-4, 5)
    inside = (far[:, None] ** 2 + far**2 <= 9).astype(float)
    edge = np.exp(-0.5 * (np.array([-1, 0, 1]) / 0.5) ** 2)
    edge /= edge.sum()
    soft = np.zeros((9, 9))
    for i in (-1, 0, 1):  # by hand: the disk, moved and weighted
        for j in (-1, 0, 1):
            soft += edge[i + 1] * edge[j + 1] * np.roll(inside, (i, j), (0, 1))
    np.testing.assert_allclose(blur.disk(3, 0.5), soft / soft.sum(), atol=1e-12)


def test_defocus_is_the_mean_over_the_disk_and_the_border_mirrors():
    pixels, kernel = natural(20, 24), blur.disk(2, 0.5)
    found = blur.defocus_blur(pixels, rng(), 2, 0.5)
    for row, column in ((10, 12), (0, 0), (19, 3)):
        want = np.zeros(3)
        for i in range(-3, 4):
            for j in range(-3, 4):
                r, c = abs(row + i), abs(column + j)
                r, c = (38 - r if r > 19 else r), (46 - c if c > 23 else c)
                want += kernel[i + 3, j + 3] * pixels[r, c]
        assert np.abs(found[row, column] - want).max() <= 0.51


def test_glass_lets_pixels_change_places_and_loses_none():
    pixels = np.arange(30 * 40 * 3).reshape(30, 40, 3)  # all differ
    moved = blur.shuffled(pixels, 2, 3, rng())
    assert sorted(moved[..., 0].ravel()) == sorted(pixels[..., 0].ravel())
    assert (moved[..., 1] == moved[..., 0] + 1).all()  # a pixel moves whole
    assert (moved != pixels).mean() > 0.8
    once = blur.shuffled(pixels, 1, 1, rng())
    place = once[..., 0] // 3
    # the pixel that comes last to a place was at most 1 away from it, or was carried there from below or the right
    here = np.arange(1200).reshape(30, 40)
    assert (place // 40 - here // 40).min() == -1
    assert (place % 40 - here % 40).min() == -1
    assert (blur.shuffled(pixels, 0, 3, rng()) == pixels).all()


def test_a_dragged_point_is_a_line_of_its_length_and_weights():
    point = np.zeros((41, 41, 1), dtype=np.float32)
    point[20, 20] = 1
    line = blur.dragged(point, 4, 3, 0)[20, :, 0]
    weights = np.exp(-(np.arange(9) ** 2) / 18)  # 2 x 4 + 1 pixels
    np.testing.assert_allclose(line[20:11:-1], weights / weights.sum(), rtol=1e-5)
    assert (line > 0).sum() == 9
    down = blur.dragged(point, 4, 3, 90)[..., 0]
    np.testing.assert_allclose(down[20:11:-1, 20], weights / weights.sum(), rtol=1e-5)
    slant = blur.dragged(point, 4, 3, 45)[..., 0]
    rows, columns = np.nonzero(slant)
    assert (rows == columns).all()  # 8 steps at 45 degrees: 8 x 0.7071 = 5.66, so 6 pixels and the point
    assert len(rows) == 7
    assert slant.sum() == pytest.approx(1, rel=1e-5)


def test_motion_is_at_most_45_degrees_from_the_horizontal_and_snow_from_the_vertical(monkeypatch):
    turned = []
    monkeypatch.setattr(blur, "dragged", lambda x, r, s, turn: turned.append(turn) or x)
    monkeypatch.setattr(weather, "dragged", lambda x, r, s, turn: turned.append(turn) or x)
    for name, middle in (("motion_blur", 0), ("snow", -90)):
        turned.clear()
        for i in range(60):
            at(name, pixels=grey(9, 2, 2), image=str(i))
        assert np.abs(np.array(turned) - middle).max() <= 45
        assert np.ptp(turned) > 75


def test_zoom_is_the_mean_of_enlargements_about_the_middle():
    ramp = np.tile(np.arange(0, 240, 4, dtype=np.uint8)[None, :, None], (40, 1, 3))  # 60 columns
    image = Image.fromarray(ramp)
    # place x of the enlarged image is place 29.5 + (x - 29.5) / 1.5 of the image
    want = 4 * (29.5 + (np.arange(60) - 29.5) / 1.5)
    np.testing.assert_allclose(np.asarray(enlarged(image, 1.5))[20, 1:-1, 0], want[1:-1], atol=0.51)
    # two zooms of 1 and 1.5, and the image itself
    mean = (2 * ramp[20, :, 0].astype(float) + want) / 3
    np.testing.assert_allclose(blur.zoom_blur(ramp, rng(), 0.5, 2)[20, 1:-1, 0], mean[1:-1], atol=0.9)


def test_snow_whitens_by_grey_and_lays_both_layers_over():
    # no flake is drawn: 0.6 x + 0.4 max(x, 1.5 grey + 0.5)
    pixels = np.tile(np.array([200, 20, 40], dtype=np.uint8), (6, 6, 1))
    whiter = 1.5 * (0.299 * 200 + 0.587 * 20 + 0.114 * 40) + 127.5  # = 241.64
    want = 0.6 * np.array([200, 20, 40]) + 0.4 * whiter
    np.testing.assert_allclose(weather.snow(pixels, rng(), 0, 0, 1, 0.5, 3, 2, 0.6)[0, 0], want, atol=0.51)
    # each flake is 0.3 and not dragged, so all pixels have both layers: 0.2 + 2 x 0.3
    assert weather.snow(grey(51), rng(), 0.3, 0, 1, 0.2, 0, 0, 1)[0, 0].tolist() == [204] * 3
    assert weather.snow(grey(51), rng(), 0.3, 0, 1, 0.4, 0, 0, 1)[0, 0].tolist() == [51] * 3  # below the least
    few = weather.snow(grey(0, 40, 40), rng(), 0, 0.3, 1, 0.5, 0, 0, 1)
    assert (few == few[::-1, ::-1]).all()
    assert 0.04 < (few > 0).mean() < 0.16  # 1 - 0.9522^2 = 0.093: P(z > 5/3) = 0.048, twice


def test_flakes_grow_with_their_size():
    share = {}
    for size in (1, 4):
        layer = weather.snow(grey(0, 80, 80), rng(), 0.5, 0.3, size, 0.5, 0, 0, 1)[..., 0] > 0
        share[size] = (layer[:, 1:] == layer[:, :-1]).mean()
    assert share[4] > share[1] + 0.15


def test_frost_is_added_to_a_darker_image_and_is_blue():
    ice = frost_on_glass(64, 48, rng(5))
    want = 0.6 * 100 / 255 + 0.75 * ice
    found = weather.frost(grey(100), rng(5), 0.6, 0.75)
    np.testing.assert_allclose(found / 255, want.clip(0, 1), atol=0.51 / 255)
    panes = np.stack([frost_on_glass(128, 128, rng(i)) for i in range(12)])
    assert panes.min() >= 0
    assert panes.max() <= 1
    red, green, blue = panes.mean(axis=(0, 1, 2))
    assert red < green < blue
    assert 0.55 < panes.mean() < 0.70  # the authors' photographs: 0.64
    assert 0.09 < panes.mean(axis=3).std(axis=(1, 2)).mean() < 0.19  # 0.11
    assert np.ptp(panes.mean(axis=(1, 2, 3))) > 0.1


def test_feathers_branch_at_60_degrees_to_either_side_from_their_stem():
    stem = np.array([[50.0, 20.0, np.pi / 2, 40.0], [9.0, 9.0, 0.0, 2.0]])  # down by 40 pixels; to the right by 2
    branches = _branched(stem, 4.0, rng())
    first, second = branches[:20], branches[20:]  # 40 / 4 = 10 places between 0.06 and 1: 0.94 / 0.1; then one place
    assert len(second) == 2
    np.testing.assert_allclose(first[:, 1], 20, atol=1e-9)
    np.testing.assert_allclose(first[::2, 0], 50 + 40 * (0.06 + 0.1 * np.arange(10)), atol=1e-9)
    for way in (0, 1):
        turns = first[way::2, 2] - np.pi / 2
        assert np.abs(turns - (-1) ** (1 - way) * np.pi / 3).max() < 5 * 0.12
    at = 0.06 + 0.1 * np.arange(10).repeat(2)
    assert (first[:, 3] <= 0.4 * (1 - at) * 40 * 1.2).all()
    assert (first[:, 3] >= 0.4 * (1 - at) * 40 * 0.3).all()


def test_plasma_spans_its_range_is_smoother_with_more_decay_and_joins_at_its_borders():
    cloud = {decay: plasma(64, 64, decay, rng()) for decay in (1.4, 2.0, 3.0)}
    rough = {decay: np.abs(np.diff(one, axis=1)).mean() for decay, one in cloud.items()}
    assert rough[1.4] > rough[2.0] > rough[3.0]
    for one in cloud.values():
        assert one.min() == 0
        assert one.max() == 1
    assert np.abs(cloud[3.0][0] - cloud[3.0][-1]).max() < 4 * np.abs(np.diff(cloud[3.0], axis=0)).max()
    assert plasma(1, 1, 2, rng()).tolist() == [[0]]
    assert plasma(3, 50, 2, rng()).shape == (3, 50)


def test_plasma_of_two_by_two_is_what_the_procedure_says():
    # corners 0; middle c = u1; edges (0 + 0 + c + c) / 4 + u = c / 2 + u
    centre, top, left = (float(rng(3).uniform(-1, 1, 3)[i]) for i in range(3))
    field = np.array([[0, centre / 2 + top], [centre / 2 + left, centre]])
    field -= field.min()
    np.testing.assert_allclose(plasma(2, 2, 2, rng(3)), field / field.max())


def test_the_second_halving_moves_by_less_as_decay_squared():
    class One:
        """Each draw is the largest."""

        def uniform(self, low, high, shape):
            return np.full(shape, high)

    # corner 0, middle 1, edges 1/2 + 1; then cells of step 2, decay 2: middles (0 + 1.5 + 1.5 + 1) / 4 + 1/4 = 1.25,
    # edge between the corner 0 and 1.5: (0 + 1.5 + 1.25 + 1.25) / 4 + 0.25 = 1.25
    top = 1.25 + 0.25  # edge between 1.5 and 1: (1.5 + 1 + 1.25 + 1.25) / 4 + 0.25
    found = plasma(4, 4, 2, One()) * max(1.5, top)
    np.testing.assert_allclose(found[:2, :3], [[0, 1.25, 1.5], [1.25, 1.25, 1.5]])


def test_plasma_of_two_cells_is_that_of_a_naive_procedure():
    """Point by point, opposite borders touching: first all middles of cells, then the edges across, then those down."""
    field, draws, step, sway = np.zeros((8, 16)), rng(2), 8, 1.0
    while step > 1:
        half, at = step // 2, lambda r, c: field[r % 8, c % 16]
        for top, left, ways in ((half, half, [(-1, -1), (-1, 1), (1, -1), (1, 1)]), (0, half, None), (half, 0, None)):
            for r in range(top, 8, step):
                for c in range(left, 16, step):
                    around = ways or [(-1, 0), (1, 0), (0, -1), (0, 1)]
                    mean = np.mean([at(r + half * i, c + half * j) for i, j in around])
                    field[r, c] = mean + sway * draws.uniform(-1, 1)
        step, sway = half, sway / 1.7**2
    field -= field.min()
    np.testing.assert_allclose(plasma(8, 16, 1.7, rng(2)), field / field.max(), atol=1e-12)


def test_fog_adds_the_cloud_and_keeps_the_brightest():
    cloud = plasma(64, 48, 2, rng())
    found = weather.fog(grey(100), rng(), 1.5, 2)
    # (x + 1.5 cloud) m / (m + 1.5), with m = x: brightest where the cloud is 1, and there as before
    m = 100 / 255
    np.testing.assert_allclose(found[..., 0] / 255, (m + 1.5 * cloud) * m / (m + 1.5), atol=0.51 / 255)
    assert found.max() == 100
    assert (weather.fog(grey(0), rng(), 1.5, 2) == 0).all()


def test_brightness_is_added_to_the_value_of_hsv():
    pixels = natural()
    hsv = rgb_to_hsv(pixels / 255)
    hsv[..., 2] = (hsv[..., 2] + 0.3).clip(0, 1)
    assert np.abs(at("brightness", 3, pixels=pixels) - 255 * hsv_to_rgb(hsv)).max() <= 0.51
    # value 0.4 becomes 0.7: 102 to 178.5, and the others in proportion, 51 to 89.25
    one = digital.brightness(np.array([[[102, 51, 0]]], dtype=np.uint8), rng(), 0.3)
    assert one[0, 0].tolist() in ([178, 89, 0], [179, 89, 0])
    assert digital.brightness(grey(0), rng(), 0.2)[0, 0].tolist() == [51, 51, 51]


def test_contrast_shrinks_about_the_mean_colour():
    pixels = np.array([[[0, 100, 200], [100, 100, 0]]], dtype=np.uint8)
    # means 50, 100, 100; 0.4 of the differences
    assert digital.contrast(pixels, rng(), 0.4).tolist() == [[[30, 100, 140], [70, 100, 60]]]
    found = at("contrast", 1)
    np.testing.assert_allclose(found.std(axis=(0, 1)), 0.4 * natural().std(axis=(0, 1)), rtol=0.01)
    np.testing.assert_allclose(found.mean(axis=(0, 1)), natural().mean(axis=(0, 1)), atol=0.5)


def test_smoothing_is_by_a_gaussian_over_the_mirrored_field():
    field = rng().normal(size=(9, 12))
    mirrored = np.pad(field, 36, mode="symmetric")
    far = np.arange(-36, 37)
    weights = np.exp(-0.5 * (far / 3.0) ** 2)
    weights /= weights.sum()
    want = np.array([[weights @ mirrored[r : r + 73, c : c + 73] @ weights for c in range(12)] for r in range(9)])
    np.testing.assert_allclose(digital.smooth(field, 3.0), want, atol=1e-9)
    np.testing.assert_allclose(digital.smooth(field, 1e4), field.mean(), atol=1e-12)


def test_the_affine_map_takes_the_moved_corners_back_to_where_they_were():
    matrix, shift = digital._affine(90, 120, 10.0, rng(4))
    corners = np.array([[75, 90], [75, 30], [15, 30]])  # the middle (45, 60), and 30 away from it
    moved = corners + rng(4).uniform(-10, 10, (3, 2))
    np.testing.assert_allclose(moved @ matrix.T + shift, corners, atol=1e-9)


def test_a_displacement_grows_with_the_image():
    sizes = {}
    for side in (64, 128):
        strength, sigma, jitter = CORRUPTIONS["elastic_transform"].at(5, side)
        assert jitter == pytest.approx(4.88 * side / 256)
        fields = [strength * digital.smooth(rng(i).uniform(-1, 1, (side, side)), sigma) for i in range(4)]
        sizes[side] = np.std(fields)
    assert sizes[128] / sizes[64] == pytest.approx(2, rel=0.15)


def test_the_image_is_warped_by_whole_pixels_where_the_field_is_even(monkeypatch):
    monkeypatch.setattr(digital, "smooth", lambda x, sigma: np.ones_like(x))
    pixels = natural(12, 15)
    found = digital.elastic_transform(pixels, rng(), 2.0, 1.0, 0.0)
    assert (found[:-2, :-2] == pixels[2:, 2:]).all()
    assert (found[-1, :-2] == pixels[-3, 2:]).all()  # row 13 of 12 mirrors row 9


def test_pixels_are_means_of_boxes():
    pixels = natural(16, 12)
    found = digital.pixelate(pixels, rng(), 0.25)
    want = pixels.reshape(4, 4, 3, 4, 3).mean(axis=(1, 3))
    assert np.abs(found[::4, ::4] - want).max() <= 1.01  # Pillow rounds after the columns and after the rows
    assert (found == np.repeat(np.repeat(found[::4, ::4], 4, axis=0), 4, axis=1)).all()


@pytest.mark.parametrize(("strength", "quality"), [(1, 25), (2, 18), (3, 15), (4, 10), (5, 7)])
def test_jpeg_is_that_of_pillow(strength, quality):
    written = io.BytesIO()
    Image.fromarray(natural()).save(written, "JPEG", quality=quality)
    assert (at("jpeg_compression", strength) == np.array(Image.open(written))).all()


RANDOM = [name for name in NAMES if name not in (
    "defocus_blur", "zoom_blur", "brightness", "contrast", "pixelate", "jpeg_compression")]  # fmt: skip
GROWING = {name: [(1, 2), (2, 3), (3, 4), (4, 5)] for name in NAMES}
GROWING["glass_blur"] = [(1, 3), (2, 3), (3, 4), (4, 5)]  # less often, but farther, from 1 to 2
GROWING["elastic_transform"] = [(1, 2)]  # from 3 on waves in place of slants: another kind of change
GROWING["frost"] = [(1, 2), (1, 5)]  # the image darkens as ice whitens, and no two panes are alike
GROWING["fog"] = [(1, 3), (1, 5)]  # clouds differ by more than strengths
GROWING["snow"] = [(1, 2), (1, 3), (3, 4), (4, 5)]


@pytest.mark.parametrize("name", NAMES)
def test_a_greater_strength_changes_more(name):
    pixels, images = natural(256, 256), 4 if name in RANDOM else 1
    means = {
        s: np.mean([change(at(name, s, pixels=pixels, image=str(i)), pixels) for i in range(images)])
        for s in range(1, 6)
    }
    assert all(means[less] < means[more] for less, more in GROWING[name]), means


@pytest.mark.parametrize("name", NAMES)
def test_the_draw_is_that_of_the_name_and_of_nothing_else(name):
    pixels = natural(140, 140)
    first = at(name, pixels=pixels)
    np.random.seed(0)  # noqa: NPY002  # nobody's draws are those of NumPy's one generator
    at(name, pixels=natural(20, 30), image="other")
    assert (at(name, pixels=pixels) == first).all()
    others = [at(name, pixels=pixels, image="dog/1.jpg"), at(name, pixels=pixels, draw=1)]
    assert [bool((other != first).any()) for other in others] == [name in RANDOM] * 2


def test_one_image_has_other_noise_at_another_strength():
    flat = grey(128)
    one, two = ((at("gaussian_noise", s, pixels=flat) - 128.0).ravel() for s in (1, 2))
    assert abs(np.corrcoef(one, two)[0, 1]) < 0.05


@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (3, 500), (2, 2), (28, 28), (257, 31)])
@pytest.mark.parametrize("name", NAMES)
def test_images_of_any_size(name, shape):
    pixels = natural(*shape)
    for strength in (1, 5):
        found = at(name, strength, pixels=pixels)
        assert found.shape == pixels.shape
        assert found.dtype == np.uint8


@pytest.mark.parametrize(
    "name", [n for n in NAMES if n not in ("gaussian_noise", "shot_noise", "impulse_noise", "frost")]
)
def test_grey_images_stay_grey(name):
    found = at(name, pixels=np.repeat(natural()[..., :1], 3, axis=2))
    assert np.ptp(found, axis=2).max() == 0


def test_numbers_are_the_authors_at_their_size_and_lengths_shrink_with_the_image():
    motion, glass, snow = (CORRUPTIONS[name] for name in ("motion_blur", "glass_blur", "snow"))
    assert SIDE == 256
    assert motion.at(5, 256) == (20, 15)
    assert motion.at(5, 64) == (5, 3.75)
    assert glass.at(3, 128) == (0.5, 1, 3)  # how often is no length
    assert snow.at(1, 128) == (0.1, 0.3, 1.5, 0.5, 5, 2, 0.8)
    assert CORRUPTIONS["gaussian_noise"].at(1, 32) == (0.08,)
    assert all(len(how.numbers) == 5 for how in CORRUPTIONS.values())
    assert list(CORRUPTIONS) == [
        "gaussian_noise", "shot_noise", "impulse_noise", "defocus_blur", "glass_blur", "motion_blur", "zoom_blur", "snow",
        "frost", "fog", "brightness", "contrast", "elastic_transform", "pixelate", "jpeg_compression",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"corruption": "fogg"}, "Unknown corruption 'fogg'. Did you mean 'fog'"),
        ({"strength": 6}, r"0 \(clean\) to 5, got 6\. Set by dataset\.strength"),
        ({"strength": -1}, "0 .clean. to 5, got -1"),
        ({"strength": 1.5}, "0 .clean. to 5, got 1.5"),
        ({"pixels": np.zeros((4, 4, 3))}, r"of uint8, got \(4, 4, 3\) of float64"),
        ({"pixels": np.zeros((4, 4), dtype=np.uint8)}, r"got \(4, 4\) of uint8"),
        ({"pixels": np.zeros((4, 4, 4), dtype=np.uint8)}, r"got \(4, 4, 4\)"),
        ({"pixels": np.zeros((0, 4, 3), dtype=np.uint8)}, r"got \(0, 4, 3\)"),
    ],
)
def test_what_cannot_be_corrupted_is_refused(changed, told):
    given = {"pixels": grey(9, 4, 4), "corruption": "fog", "strength": 1, "draw": 0, "name": "a"}
    corrupted(**given)
    with pytest.raises(TlbenchError, match=told):
        corrupted(**{**given, **changed})


def test_noise_has_no_form_that_gives_nothing_but_its_limit():
    """With ever more photons shot noise vanishes."""
    assert np.abs(noise.shot_noise(natural(), rng(), 1e9).astype(int) - natural()).max() <= 1
