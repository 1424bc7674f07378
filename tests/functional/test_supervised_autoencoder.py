"""The supervised autoencoder's losses by hand and row by row, its gradient by differences, and a minimum that is known."""

import numpy as np
import pytest
from scipy.optimize import minimize

from tlbench.functional.supervised_autoencoder import Layers, Weighed, drawn_layers, objective, said_of, trained

RNG = np.random.default_rng(0)
N, D, K, C = 7, 4, 3, 3
LAYERS = Layers(*(RNG.normal(size=shape) for shape in ((D, K), (K,), (K, D), (D,), (K, C), (C,))))
TARGETS = np.eye(C)[[0, 2, 2, 0, 0, 1, 0]] * np.array([1, 1, 1, 0, 0, 1, 0])[:, None]
GIVEN = Weighed(RNG.normal(size=(N, D)), TARGETS, *RNG.uniform(0.1, 1, size=(3, N)))


def naive(layers, given, decay):
    """Row by row and unit by unit, with no logarithm of a softmax at once."""
    total = 0.0
    for n in range(len(given.rows)):
        x = given.rows[n]
        h = [np.tanh(sum(x[d] * layers.encoder[d, k] for d in range(D)) + layers.encoder_bias[k]) for k in range(K)]
        back = [sum(h[k] * layers.decoder[k, d] for k in range(K)) + layers.decoder_bias[d] for d in range(D)]
        e = np.exp([sum(h[k] * layers.head[k, c] for k in range(K)) + layers.head_bias[c] for c in range(C)])
        p = e / e.sum()
        total += given.by_reconstruction[n] * sum((back[d] - x[d]) ** 2 for d in range(D))
        total -= given.by_entropy[n] * sum(p[c] * np.log(p[c]) for c in range(C))
        if given.targets[n].any():
            total -= given.by_class[n] * np.log(p[given.targets[n].argmax()])
    squares = (layers.encoder**2).sum() + (layers.decoder**2).sum() + (layers.head**2).sum()
    return total + decay / 2 * squares


def test_the_objective_is_the_papers_row_by_row():
    assert objective(LAYERS, GIVEN, 0.3)[0] == pytest.approx(naive(LAYERS, GIVEN, 0.3), rel=1e-12)


def test_before_training_nothing_is_known():
    # V = U = 0: of the row (3, 4) 25 are left, and of two classes the cross-entropy is ln 2 as the entropy is:
    # 0.1 * 25 + 0.5 ln 2 + 2 ln 2, and 1 / 2 * 0.2 |W|^2
    layers = drawn_layers(2, 5, 2, np.random.default_rng(3))
    one = np.ones(1)
    given = Weighed(np.array([[3.0, 4.0]]), np.array([[1.0, 0.0]]), 0.5 * one, 2 * one, 0.1 * one)
    want = 2.5 + 2.5 * np.log(2) + 0.1 * np.square(layers.encoder).sum()
    assert objective(layers, given, 0.2)[0] == pytest.approx(want)
    assert np.square(drawn_layers(400, 50, 2, np.random.default_rng(3)).encoder).sum(axis=0) == pytest.approx(
        1, rel=0.4
    )


def test_the_gradient_is_that_of_differences():
    flat, step = LAYERS.flat(), 1e-6
    slope = objective(LAYERS, GIVEN, 0.3)[1].flat()
    for i, unit in enumerate(np.eye(len(flat))):
        ahead, behind = (objective(LAYERS.like(flat + sign * step * unit), GIVEN, 0.3)[0] for sign in (1, -1))
        assert slope[i] == pytest.approx((ahead - behind) / (2 * step), abs=1e-7), i


@pytest.mark.parametrize("alone", ["by_class", "by_entropy", "by_reconstruction"])
def test_each_loss_alone_moves_what_it_should(alone):
    zeros = {name: np.zeros(N) for name in ("by_class", "by_entropy", "by_reconstruction")}
    given = Weighed(GIVEN.rows, GIVEN.targets, **{**zeros, alone: np.ones(N)})
    slope = objective(LAYERS, given, 0.0)[1]
    assert np.abs(slope.encoder).min() > 0
    assert (slope.decoder.any(), slope.head.any()) == ((True, False) if alone == "by_reconstruction" else (False, True))


def test_a_number_is_at_the_same_place_in_layers_and_in_their_vector():
    again = LAYERS.like(LAYERS.flat())
    assert all((one == two).all() for one, two in zip(LAYERS.arrays, again.arrays, strict=True))
    assert said_of(again, GIVEN.rows).log_p == pytest.approx(said_of(LAYERS, GIVEN.rows).log_p)


@pytest.mark.parametrize("decay", [0.01, 0.5, 3.0])
def test_one_direction_is_reconstructed_as_far_as_its_weights_are_worth(decay):
    """Rows -1 and 1 and one hidden unit: (1 - v tanh w)^2 + decay / 2 (w^2 + v^2); no bias helps."""
    given = Weighed(np.array([[1.0], [-1.0]]), np.zeros((2, 2)), np.zeros(2), np.zeros(2), np.full(2, 0.5))
    start = drawn_layers(1, 1, 2, np.random.default_rng(1))
    value = trained(start, given, decay=decay, steps=500, tolerance=1e-14)[1]
    best = minimize(lambda wv: (1 - wv[1] * np.tanh(wv[0])) ** 2 + decay / 2 * (wv**2).sum(), [1.0, 1.0], tol=1e-12)
    assert value == pytest.approx(best.fun, abs=1e-6)
    assert (value > 0.999) == (decay > 2)  # it holds all of the squared length: worth it below 2


def test_training_never_raises_the_objective_and_ends_by_steps_or_by_tolerance():
    start = objective(LAYERS, GIVEN, 0.1)[0]
    values = [trained(LAYERS, GIVEN, decay=0.1, steps=steps, tolerance=1e-9)[1] for steps in (1, 5, 100)]
    assert start > values[0] > values[1] > values[2]
    layers, value = trained(LAYERS, GIVEN, decay=0.1, steps=100, tolerance=1e-9)
    assert objective(layers, GIVEN, 0.1)[0] == pytest.approx(value)
    assert trained(LAYERS, GIVEN, decay=0.1, steps=100, tolerance=0.1)[1] > value
