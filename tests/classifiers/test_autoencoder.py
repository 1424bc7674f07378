import copy

import numpy as np
import pytest
import scipy.sparse as sp

from tlbench.classifiers.autoencoder import Autoencoder
from tlbench.errors import TlbenchError

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(40, 5)) + np.eye(4, 5)[np.arange(40) % 4] * 3, np.arange(40) % 4
NEW = RNG.normal(size=(15, 5)) + np.eye(4, 5)[np.arange(15) % 4] * 3


def net(seed=0, **changed):
    settings = {"dim": 6, "reconstruction": 1.0, "decay": 0.01, "steps": 200, "tolerance": 1e-3, **changed}
    return Autoencoder(n_classes=5, seed=seed, **settings)


def test_it_learns_classes_and_reconstruction():
    ours = net(tolerance=1e-6).fit(X, Y)
    assert (ours.predict_proba(NEW).argmax(axis=1) == np.arange(15) % 4).mean() > 0.7
    assert ours.said(X).reconstruction.mean() < 0.5  # rows have length 1 on average, so 1 before training
    assert net(reconstruction=0.0).fit(X, Y).said(X).reconstruction.mean() == pytest.approx(1)


def test_the_objective_is_the_mean_of_the_losses_and_half_the_squared_weights():
    ours = net(reconstruction=0.7)
    ours.begin(X, np.unique(Y))
    even = np.full(40, 1 / 40)
    value = ours.improve(X, Y, by_class=even, by_entropy=0 * even, by_reconstruction=even)
    length = np.sqrt((X**2).sum(axis=1).mean())
    w, b, v, c, u, d = ours.layers.arrays
    h = np.tanh(X / length @ w + b)
    p = ours.predict_proba(X)
    want = -np.log(p[np.arange(40), Y]).mean() + 0.7 * ((X / length - h @ v - c) ** 2).sum(axis=1).mean()
    assert value == pytest.approx(want + 0.005 * ((w**2).sum() + (v**2).sum() + (u**2).sum()))
    assert p[:, :4] == pytest.approx(np.exp(h @ u + d) / np.exp(h @ u + d).sum(axis=1, keepdims=True))
    assert ours.fit(X, Y).predict_proba(NEW) == pytest.approx(net(reconstruction=0.7).fit(X, Y).predict_proba(NEW))


def test_a_class_that_training_lacks_has_probability_zero_and_rows_sum_to_one():
    p = net().fit(X, Y).predict_proba(NEW)
    assert (p[:, 4] == 0).all()
    assert p.sum(axis=1) == pytest.approx(np.ones(15))
    odd = net().fit(X[Y != 1], Y[Y != 1]).predict_proba(NEW)
    assert (odd[:, [1, 4]] == 0).all()


def test_neither_scale_nor_order_nor_the_names_of_classes_matter():
    want = net().fit(X, Y).predict_proba(NEW)
    assert net().fit(8 * X, Y).predict_proba(8 * NEW) == pytest.approx(want, abs=1e-9)
    order = np.random.default_rng(1).permutation(40)
    assert net().fit(X[order], Y[order]).predict_proba(NEW) == pytest.approx(want, abs=1e-6)
    other = np.array([2, 0, 4, 1])
    assert net().fit(X, other[Y]).predict_proba(NEW)[:, other] == pytest.approx(want[:, :4], abs=1e-6)
    sparse = net().fit(sp.csr_matrix(X), Y).predict_proba(sp.csr_matrix(NEW))
    assert sparse == pytest.approx(want, abs=1e-9)


def test_a_weight_is_so_many_copies_of_a_row():
    rows = X / np.linalg.norm(X, axis=1, keepdims=True)  # of one length, so that copies change no length
    times = 1 + np.arange(40) % 3
    want = net().fit(np.repeat(rows, times, axis=0), np.repeat(Y, times)).predict_proba(NEW)
    assert net().fit(rows, Y, times / times.mean()).predict_proba(NEW) == pytest.approx(want, abs=1e-6)
    assert np.abs(net().fit(rows, Y).predict_proba(NEW) - want).max() > 1e-3


def test_the_seed_decides_and_copies_keep_their_fit():
    first = net().fit(X, Y)
    want = first.predict_proba(NEW)
    copy.copy(first).fit(X[::-1], Y)
    np.testing.assert_array_equal(first.predict_proba(NEW), want)
    np.testing.assert_array_equal(net().fit(X, Y).predict_proba(NEW), want)
    assert np.abs(net(seed=1).fit(X, Y).predict_proba(NEW) - want).max() > 1e-6


def test_rows_of_zeros_are_no_division_by_zero():
    p = net().fit(np.zeros((4, 5)), np.array([0, 1, 1, 1])).predict_proba(np.zeros((2, 5)))
    assert p[:, 1] == pytest.approx(0.75, abs=0.05)


@pytest.mark.parametrize(
    "wrong", [{"dim": 0}, {"steps": 0}, {"reconstruction": -0.1}, {"decay": 0.0}, {"tolerance": 0.0}]
)
def test_values_out_of_range_are_refused(wrong):
    with pytest.raises(TlbenchError, match=r"An autoencoder needs classifier\.dim"):
        net(**wrong)
