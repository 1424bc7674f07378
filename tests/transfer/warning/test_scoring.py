"""Scores of a warning by hand."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from tlbench.transfer.warning.scoring import (
    auroc,
    brier,
    calibration_error,
    group_mean,
    interval,
    obeyed,
    policy_gain,
    reliability,
)

HURT, P = np.array([0, 0, 1, 1]), np.array([0.1, 0.6, 0.4, 0.9])


def test_order_and_squares_by_hand():
    assert auroc(HURT, P) == 0.75  # one of four pairs stands wrongly
    assert brier(HURT, P) == pytest.approx((0.01 + 0.36 + 0.36 + 0.01) / 4)
    assert np.isnan(auroc(np.zeros(3), P[:3]))


def test_order_agrees_with_scikit_learn_also_where_warnings_are_equal():
    rng = np.random.default_rng(0)
    hurt, p = rng.random(200) < 0.3, rng.integers(0, 12, 200) / 12
    assert auroc(hurt, p) == pytest.approx(roc_auc_score(hurt, p), abs=1e-12)


def test_calibration_by_hand():
    assert reliability(HURT, P, 2).tolist() == [[0.25, 0.5, 2], [0.75, 0.5, 2]]
    assert calibration_error(HURT, P, 2) == pytest.approx(0.25)
    assert calibration_error(HURT, HURT.astype(float)) == 0
    assert len(reliability(HURT, P, 10)) == 4


def test_a_policy_adapts_below_the_threshold_and_groups_count_alike():
    gain, groups = np.array([5.0, 4.0, 3.0, -2.0]), np.array(["a", "a", "a", "b"])
    assert policy_gain(gain, P, groups) == pytest.approx(((5 + 0 + 3) / 3 + 0) / 2)
    assert policy_gain(gain, P, groups, 0.95) == pytest.approx((4 - 2) / 2)
    assert obeyed(gain, P).tolist() == [5, 0, 3, 0]
    assert group_mean(gain, groups) == pytest.approx((4 - 2) / 2)


def test_clusters_are_drawn_whole():
    values, clusters = np.array([1.0, 1.0, 1.0, 0.0]), np.array(["a", "a", "a", "b"])
    found = interval(lambda rows: values[rows].mean(), clusters, resamples=200)
    assert found.value == 0.75
    assert (found.low, found.high) == (0, 1)  # of two clusters, one drawn twice is a fourth of all draws each
    assert found.told() == "0.75 [0.00, 1.00]"
    same = interval(lambda rows: values[rows].mean(), np.zeros(4))
    assert (same.low, same.high) == (0.75, 0.75)
    assert np.isnan(interval(lambda rows: float("nan"), clusters, resamples=3).low)
