"""Bias-corrected temperature scaling: what it finds, what holds at its optimum, and that it ends where nothing errs."""

import numpy as np
import pytest
from scipy.special import softmax

from tlbench.functional.temperature import BiasedTemperature, fit_temperature


def drawn(n, scale, bias, seed=0):
    """Probabilities that are wrong by a known map, and labels drawn by the right ones."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=(n, 3)) * 2
    right = softmax(scale * logits + bias, axis=1)
    labels = (right.cumsum(axis=1) < rng.random((n, 1))).sum(axis=1)
    return softmax(logits, axis=1), labels, right


def test_it_finds_the_map_by_which_probabilities_are_wrong():
    says, labels, right = drawn(20000, 0.4, np.array([0.5, -0.2, -0.3]))
    found = fit_temperature(says, labels)
    assert found.scale == pytest.approx(0.4, abs=0.02)
    assert found.bias_K - found.bias_K.mean() == pytest.approx([0.5, -0.2, -0.3], abs=0.06)
    assert found(says) == pytest.approx(right, abs=0.02)


def test_the_mean_of_calibrated_probabilities_is_the_labels_shares_and_rows_sum_to_one():
    says, labels, _ = drawn(60, 1.5, np.array([1.0, 0.0, -1.0]), seed=1)
    calibrated = fit_temperature(says, labels)(says)
    assert calibrated.mean(axis=0) == pytest.approx(np.bincount(labels, minlength=3) / 60, abs=1e-4)
    assert calibrated.sum(axis=1) == pytest.approx(np.ones(60))


def test_no_other_map_near_it_has_a_smaller_cross_entropy():
    says, labels, _ = drawn(80, 0.7, np.array([0.3, 0.0, -0.3]), seed=2)
    found = fit_temperature(says, labels)

    def loss(scale, bias):
        theta = np.array([scale - 1, *bias])
        log = np.log(BiasedTemperature(scale, bias)(says)[np.arange(80), labels])
        return -log.sum() + 1e-3 / 2 * theta @ theta

    least = loss(found.scale, found.bias_K)
    for step in (0.01, -0.01):
        assert loss(found.scale + step, found.bias_K) > least
        for c in range(3):
            assert loss(found.scale, found.bias_K + step * np.eye(3)[c]) > least


def test_the_identity_and_a_temperature_by_hand():
    says = np.array([[0.8, 0.2], [0.5, 0.5]])
    assert BiasedTemperature(1.0, np.zeros(2))(says) == pytest.approx(says)
    # temperature 2: sqrt(0.8) : sqrt(0.2) = 2 : 1
    assert BiasedTemperature(0.5, np.zeros(2))(says)[0] == pytest.approx([2 / 3, 1 / 3])
    # a bias of ln 2 doubles the odds of class 0: 8 : 1
    assert BiasedTemperature(1.0, np.array([np.log(2), 0.0]))(says)[0] == pytest.approx([8 / 9, 1 / 9])


def test_examples_without_an_error_and_zeros_have_a_finite_map():
    says, labels = np.eye(3)[[0, 1, 2, 0, 1, 2]], np.array([0, 1, 2, 0, 1, 2])
    found = fit_temperature(0.9 * says + 0.1 / 3, labels)
    assert np.isfinite(found.scale)
    assert found.scale > 1
    wrong = fit_temperature(says, np.array([0, 1, 2, 0, 1, 0]))  # a zero where the label is
    assert np.isfinite(wrong(says)).all()


def test_permuted_classes_have_permuted_biases():
    says, labels, _ = drawn(100, 0.6, np.array([0.4, 0.0, -0.4]), seed=3)
    order = np.array([2, 0, 1])
    one, other = fit_temperature(says, labels), fit_temperature(says[:, order], np.argsort(order)[labels])
    assert other.scale == pytest.approx(one.scale, abs=1e-5)
    assert other.bias_K == pytest.approx(one.bias_K[order], abs=1e-4)
