import numpy as np
import pytest
from scipy.stats import multivariate_normal
from sklearn.discriminant_analysis import QuadraticDiscriminantAnalysis

from tests.support import dataset_of, settled
from tlbench.data.gaussian_shifts import (
    CLASSES,
    RARE,
    best_accuracy,
    drawn,
    exchanged,
    kept_chance,
    posterior,
    turned,
)  # fmt: skip
from tlbench.errors import TlbenchError

EVEN = np.full(CLASSES, 0.25)
MANY = 40_000


def draw(domain, dial=1.0, size=MANY, seed=0):
    return drawn(domain, dial, size, np.random.default_rng(seed))


def dataset(*words):
    return dataset_of(settled("dataset=gaussian_shifts", "pair=source-label", "method=source_only", "backbone=identity",
                              "classifier=logistic", *words))  # fmt: skip


def test_the_posterior_is_that_of_the_mixture():
    # class 2 lies third in the right column, at (3, 1.1), and last in the left one, at (-3, 3.3)
    x = np.random.default_rng(0).normal(size=(50, 6)) * 3
    heights = [-3.3, -1.1, 1.1, 3.3]
    right, left = [0, 1, 2, 3], [0, 1, 3, 2]
    density = np.stack(
        [
            sum(
                share * multivariate_normal([side, heights[order.index(c)]]).pdf(x[:, :2])
                for share, side, order in ((0.35, 3, right), (0.65, -3, left))
            )
            for c in range(4)
        ],
        axis=1,
    )  # fmt: skip
    for shares in (EVEN, RARE):
        assert posterior(x, shares) == pytest.approx(density * shares / (density * shares).sum(axis=1, keepdims=True))


def by_cell(x, labels, chance):
    """Shares of a class in cells of the plane where many examples lie."""
    cell = np.round(x[:, :2]).astype(int)
    marks = cell[:, 0] * 100 + cell[:, 1]
    names, place = np.unique(marks, return_inverse=True)
    counts = np.bincount(place)
    many = counts > 300
    shares = np.stack([np.bincount(place, labels == c) for c in range(CLASSES)], axis=1) / counts[:, None]
    return dict(zip(names[many], shares[many], strict=True))


def test_under_covariate_shift_the_classes_given_x_and_their_shares_stay():
    x, labels = draw("covariate")
    source, before = draw("same", seed=1)
    assert np.bincount(labels) / MANY == pytest.approx(EVEN, abs=0.01)
    cells, old = by_cell(x, labels, None), by_cell(source, before, None)
    for mark in cells.keys() & old.keys():
        assert cells[mark] == pytest.approx(old[mark], abs=0.12)
    assert (x[:, 0] < 0).mean() < 0.03 < 0.6 < (source[:, 0] < 0).mean()
    weights = kept_chance(source, 1.0)
    for power in (1, 2):  # weights by the chance to be kept make source means target means
        weighted = np.average(source[:, :2] ** power, weights=weights, axis=0)
        assert weighted == pytest.approx((x[:, :2] ** power).mean(axis=0), abs=0.15)


def test_under_label_shift_only_the_shares_move():
    x, labels = draw("label")
    source, before = draw("same", seed=1)
    assert np.bincount(labels) / MANY == pytest.approx(RARE, abs=0.01)
    for c in range(2):
        assert x[labels == c].mean(axis=0) == pytest.approx(source[before == c].mean(axis=0), abs=0.15)
        assert np.cov(x[labels == c].T) == pytest.approx(np.cov(source[before == c].T), abs=0.5)


def test_under_concept_shift_classes_go_round_and_nothing_else_moves():
    assert exchanged(0.0).tolist() == [0, 1, 2, 3]
    assert exchanged(0.5).tolist() == [1, 0, 2, 3]
    assert exchanged(1.0).tolist() == [1, 2, 3, 0]
    (x, labels), (source, before) = draw("concept"), draw("same")
    assert (x == source).all()
    assert (labels == exchanged(1.0)[before]).all()


def test_under_subspace_shift_the_plane_turns_and_lengths_stay():
    (x, labels), (source, before) = draw("subspace"), draw("same")
    assert (labels == before).all()
    assert x[:, 2:4] == pytest.approx(source[:, :2])
    assert x[:, :2] == pytest.approx(-source[:, 2:4])
    half = turned(source, 0.5)
    assert np.linalg.norm(half, axis=1) == pytest.approx(np.linalg.norm(source, axis=1))
    assert half[:, :2] == pytest.approx((source[:, :2] - source[:, 2:4]) / np.sqrt(2))


@pytest.mark.parametrize("domain", ["covariate", "label", "concept", "subspace"])
def test_at_dial_zero_every_domain_is_the_sources(domain):
    x, labels = draw(domain, 0.0)
    assert np.bincount(labels) / MANY == pytest.approx(EVEN, abs=0.01)
    assert x.mean(axis=0) == pytest.approx([-0.9, 0, 0, 0, 0, 0], abs=0.06)  # 3 (0.35 - 0.65)
    assert (posterior(x, EVEN).argmax(axis=1) == labels).mean() == pytest.approx(best_accuracy("same", 0.0), abs=0.01)


@pytest.mark.parametrize("domain", ["same", "covariate", "label", "concept", "subspace"])
def test_the_best_accuracy_is_reached_by_who_knows_the_densities(domain):
    x, labels = draw(domain)
    back = np.concatenate([x[:, 2:4], -x[:, :2], x[:, 4:]], axis=1) if domain == "subspace" else x
    said = posterior(back, RARE if domain == "label" else EVEN).argmax(axis=1)
    said = exchanged(1.0)[said] if domain == "concept" else said
    assert (said == labels).mean() == pytest.approx(dataset().best_accuracy(domain), abs=0.01)
    other = QuadraticDiscriminantAnalysis().fit(x, labels).score(x, labels)  # one Gaussian a class: not what they are
    assert other < best_accuracy(domain, 1.0) + 0.005


def test_draws_dials_and_sizes_are_other_data_and_out_of_range_is_refused():
    one = dataset()
    assert str(one.pairs[0]) == "source-same"
    assert len(one.load("label")) == 600
    changes = ([], ["dataset.draw=1"], ["dataset.dial=0.5"], ["dataset.size=601"])
    prints = {dataset(*words).fingerprint(["source", "label"]) for words in changes}
    assert len(prints) == 4
    assert one.fingerprint(["source"]) == dataset("dataset.dial=0.5").fingerprint(["source"])
    for wrong in ("dataset.dial=1.1", "dataset.dial=-0.1", "dataset.size=7", "dataset.draw=-1"):
        with pytest.raises(TlbenchError, match=r"dataset\.dial must be from 0 to 1"):
            dataset(wrong)
