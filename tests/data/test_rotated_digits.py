from itertools import pairwise

import numpy as np
import pytest
from PIL import Image

from tests.support import dataset_of, settled
from tlbench.data.digit_strokes import turned
from tlbench.data.rotated_digits import ANGLES


@pytest.fixture(scope="module")
def dataset():
    return dataset_of(settled("dataset=rotated_digits", "pair=0-60", "method=source_only", "backbone=identity",
                              "classifier=rbf_svm"))  # fmt: skip


def test_domains_are_digits_of_their_own_drawn_twice(dataset):
    domains = [dataset.load(name) for name in dataset.domains]
    assert [d.name for d in domains] == [f"deg{angle}" for angle in ANGLES]
    assert sum(len(d) for d in domains) == 2 * 1797
    for d in domains:
        assert d.inputs.shape[1:] == (1, 16, 16)
        half = len(d) // 2
        assert (d.labels[:half] == d.labels[half:]).all()
        assert (d.groups[:half] == d.groups[half:]).all()
        assert len(np.unique(d.groups)) == half
        assert (d.inputs[:half] != d.inputs[half:]).any(axis=(1, 2, 3)).mean() > 0.99  # two drawings, not one


def test_a_quarter_turn_is_exact():
    stroke = np.arange(64, dtype=np.uint8).reshape(8, 8) * 4
    plain = turned(stroke, 0.0)
    assert (turned(stroke, 90.0) == np.rot90(plain)).all()
    assert np.asarray(Image.fromarray(stroke).resize((16, 16), Image.Resampling.BICUBIC)) == pytest.approx(plain, abs=8)


def test_angles_turn_the_means_of_classes(dataset):
    """A line through the mean of the ones: upright at 0, and leaning more from domain to domain."""

    def lean(name):
        d = dataset.load(name)
        mean = d.inputs[d.labels == 1, 0].mean(axis=0)
        y, x = np.mgrid[:16, :16] - 7.5
        moments = [(mean * a * b).sum() for a, b in ((x, x), (x, y), (y, y))]
        return np.rad2deg(0.5 * np.arctan2(2 * moments[1], moments[0] - moments[2])) % 180

    leans = [lean(name) for name in dataset.domains]
    steps = [(a - b) % 180 for a, b in pairwise(leans)]
    assert all(min(step, 180 - step) == pytest.approx(15, abs=8) for step in steps)


def test_the_fingerprint_is_of_the_domains_content(dataset):
    assert (
        dataset.fingerprint(["deg0", "deg15"])
        == dataset.fingerprint(["deg15", "deg0"])
        != dataset.fingerprint(["deg0"])
    )
