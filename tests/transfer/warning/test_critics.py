"""Critics by hand, and at their ends."""

import numpy as np
import pytest
from sklearn.decomposition import PCA

from tlbench.transfer.warning.critics import (
    critics,
    disagreement_discrepancy,
    head,
    head_uniformity,
    hopkins,
    principal,
    projection_norm,
)

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("width", [4, 60])
def test_components_are_those_of_a_principal_component_analysis(width):
    source, target = RNG.normal(size=(20, width)) * 3, RNG.normal(size=(15, width)) + 1
    pooled = np.concatenate([source, target])
    x = (pooled - pooled.mean(axis=0)) / pooled.std(axis=0)
    want = PCA(min(32, width)).fit_transform(x)
    want /= np.sqrt(np.square(want).sum(axis=1).mean())
    got = np.concatenate(principal(source, target))
    np.testing.assert_allclose(np.abs(got), np.abs(want), atol=1e-8)


def test_a_critic_cannot_disagree_where_the_domains_are_one_and_can_where_they_lie_apart():
    x, said = np.array([[-1.0], [-0.9], [0.9], [1.0]]), np.array([0, 0, 1, 1])
    assert disagreement_discrepancy(x, said, x, said, 2) == 0
    far, all_one = (
        np.array([[4.0], [5.0]]),
        np.array([0, 0]),
    )  # the model says 0 there; a line agreeing on the source says 1
    assert disagreement_discrepancy(x, said, far, all_one, 2) == 1


def test_of_one_class_nothing_can_be_disagreed_on():
    x, said = np.array([[-1.0], [1.0]]), np.array([0, 0])
    assert disagreement_discrepancy(x, said, x + 5, said, 1) == 0


def test_its_gradient_leads_where_finite_differences_lead(monkeypatch):
    seen = {}

    def keep(loss, start, **_):
        seen["loss"], seen["at"] = loss, np.random.default_rng(1).normal(size=start.shape)
        return type("Found", (), {"x": start})

    monkeypatch.setattr("tlbench.transfer.warning.critics.minimize", keep)
    disagreement_discrepancy(RNG.normal(size=(6, 2)), np.arange(6) % 3, RNG.normal(size=(5, 2)), np.arange(5) % 3, 3)
    loss, at = seen["loss"], seen["at"]
    steps = np.eye(len(at)) * 1e-6
    numeric = [(loss(at + step)[0] - loss(at - step)[0]) / 2e-6 for step in steps]
    np.testing.assert_allclose(loss(at)[1], numeric, atol=1e-6)


def test_norms_and_angles_by_hand():
    assert projection_norm(np.eye(2), np.eye(2)) == 0
    assert projection_norm(np.array([[3.0, 4.0]]), np.array([[0.0, 4.0]])) == pytest.approx(3 / 5)
    assert projection_norm(np.zeros((2, 2)), np.eye(2)) == 0
    assert head_uniformity(np.array([[1.0, -1.0]])) == 0  # two opposite classes: a simplex
    assert head_uniformity(np.eye(2)) == -1  # cosine 0 where -1 is uniform
    assert head_uniformity(np.ones((2, 1))) == 0


def test_a_head_is_the_ridge_of_one_hot_classes():
    x, said = RNG.normal(size=(20, 3)), RNG.integers(0, 2, 20)
    centred, y = x - x.mean(axis=0), np.eye(2)[said] - np.eye(2)[said].mean(axis=0)
    np.testing.assert_allclose(
        head(x, said, 2), np.linalg.solve(centred.T @ centred + np.eye(3), centred.T @ y), atol=1e-10
    )


def test_clusters_and_even_rows_are_told_apart():
    clusters = np.repeat([[0.0, 0.0], [1.0, 1.0]], 100, axis=0) + 1e-3 * RNG.normal(size=(200, 2))
    even = RNG.uniform(size=(200, 2))
    assert hopkins(clusters, np.random.default_rng(1)) > 0.95
    assert hopkins(even, np.random.default_rng(1)) == pytest.approx(0.5, abs=0.12)
    assert hopkins(np.zeros((9, 1)), np.random.default_rng(1)) == 0.5
    assert hopkins(np.zeros((2, 1)), np.random.default_rng(1)) == 0.5


def test_all_by_name_higher_is_better():
    x, said = np.array([[-1.0], [-0.9], [0.9], [1.0]]), np.array([0, 0, 1, 1])
    found = critics(*parts(x, x, said, said), 2, np.random.default_rng(0))
    assert found["critic"] == found["projection_norm"] == 0
    far = critics(*parts(x, x + 9, said, np.array([0, 0, 0, 0])), 2, np.random.default_rng(0))
    assert far["critic"] < 0
    assert far["projection_norm"] < 0


def parts(source, target, said_S, said_T):
    of_source, of_target = principal(source, target)
    return of_source, said_S, said_S, of_target, said_T
