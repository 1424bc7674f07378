"""The real data sets, as they are laid out under $TLBENCH_DATA."""

import numpy as np
import pytest

from tests.support import config_of, dataset_of, loaded

pytestmark = [pytest.mark.data, pytest.mark.usefixtures("real_data")]


@pytest.mark.parametrize("name", ["office_caltech10", "amazon_reviews", "mnist_usps"])
def test_every_domain_holds_what_its_config_says(name):
    dataset = dataset_of(config_of(f"dataset={name}", f"pair={'-'.join(_first_pair(name))}"))
    for domain in dataset.domains:
        found = dataset.load(domain)
        assert len(found) == dataset.counts[domain]
        assert found.inputs.shape[1:] == dataset.input_shape
        assert np.unique(found.labels).tolist() == list(range(len(dataset.classes)))


def _first_pair(name: str) -> tuple[str, str]:
    return {"office_caltech10": ("A", "W"), "amazon_reviews": ("B", "D"), "mnist_usps": ("M", "U")}[name]


def test_numbers_of_pairs():
    counts = {n: len(dataset_of(config_of(f"dataset={n}", f"pair={'-'.join(_first_pair(n))}")).pairs)
              for n in ("office_caltech10", "amazon_reviews", "mnist_usps")}  # fmt: skip
    assert counts == {"office_caltech10": 12, "amazon_reviews": 12, "mnist_usps": 2}


def test_amazon_reviews_keep_their_given_test_part():
    config = config_of("dataset=amazon_reviews", "pair=books-dvd")
    task, _, hidden = loaded(config)
    assert len(hidden.labels) == 3586
    assert task.target.shape == (2000, 5000)
    assert len(task.source) + len(task.source_val) == 2000
    assert all(int(name.split("/")[1]) >= 2000 for name in hidden.ids)


def test_office_caltech10_is_normalised_per_domain():
    config = config_of("dataset=office_caltech10", "pair=A-W")
    task, *_ = loaded(config)
    for x in (task.source.inputs, task.target):
        np.testing.assert_allclose(x.mean(axis=0), 0, atol=1e-9)
        assert set(np.round(x.std(axis=0), 9)) <= {0.0, 1.0}


def test_mnist_usps_images_lie_between_minus_one_and_one():
    config = config_of("dataset=mnist_usps", "pair=M-U")
    task, *_ = loaded(config)
    assert task.source.inputs.shape == (2000, 1, 16, 16)
    for x in (task.source.inputs, task.target):
        assert -1 <= x.min() < -0.9
        assert 0.9 < x.max() <= 1
