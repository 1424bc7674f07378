from itertools import pairwise

import numpy as np
import pytest
from sklearn.datasets import load_digits

from tests.support import dataset_of, settled
from tlbench.data.digit_strokes import FIRST_OF_WRITER, turned


@pytest.fixture(scope="module")
def dataset():
    return dataset_of(settled("dataset=writer_digits", "pair=rest-1", "method=source_only", "backbone=identity",
                              "classifier=logistic"))  # fmt: skip


def test_each_writer_copied_the_first_one_s_list_and_left_out_a_few(dataset):
    """A boundary that is off by one gives the domain a digit that the list does not have in that place."""
    listed = dataset.load("w1").labels.tolist()
    for name in dataset.domains:
        own, left = dataset.load(name).labels.tolist(), iter(listed)
        if name == "w3":  # whose last digit is a 3 and not the list's 8
            own[-1] += 5
        assert all(digit in left for digit in own), name  # `in` goes on from where it was: a subsequence
        assert len(listed) - len(own) <= 8


def test_the_domains_are_all_digits_each_once(dataset):
    domains = [dataset.load(name) for name in dataset.domains]
    strokes, labels = load_digits(return_X_y=True)
    assert np.concatenate([d.labels for d in domains]).tolist() == labels.tolist()
    assert [d.name for d in domains] == [f"w{number}" for number in range(1, 15)]
    assert [len(d) for d in domains[:-1]] == [b - a for a, b in pairwise(FIRST_OF_WRITER)]
    ink = np.concatenate([d.inputs.reshape(len(d), -1).sum(axis=1) for d in domains])
    assert np.corrcoef(ink, strokes.sum(axis=1))[0, 1] > 0.99
    assert domains[3].inputs.shape[1:] == (1, 16, 16)
    assert (domains[1].inputs[5, 0] == turned((strokes[135].reshape(8, 8) * (255 / 16)).astype(np.uint8))).all()


def test_one_pair_a_writer_is_what_leave_one_out_asks_for(dataset):
    pairs = dataset.pairs_of("leave_one_out")
    assert [pair.target for pair in pairs] == list(dataset.domains)
    assert all(len(pair.sources) == 13 and pair.target not in pair.sources for pair in pairs)


def test_the_fingerprint_is_of_the_domains_content(dataset):
    one, two = dataset.fingerprint(["w1", "w2"]), dataset.fingerprint(["w2", "w1"])
    assert one == two != dataset.fingerprint(["w1", "w3"])
