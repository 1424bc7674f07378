import numpy as np
import pytest
from scipy.linalg import eigh

from tlbench.functional import components
from tlbench.functional.components import TransferComponents, class_differences, mean_difference


def draw(n, width, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, width)) @ rng.normal(size=(width, width)) + seed


def transfer_components(x, e, *, ridge, k, kernel):
    return TransferComponents(x, kernel).map(e, ridge=ridge, k=k)


XS, XT = draw(12, 4), draw(9, 4, 1)
LABELS, GUESSES = np.arange(12) % 3, np.array([0, 0, 1, 1, 1, 1, 0, 0, 1])


def test_columns_give_differences_of_means():
    both = np.concatenate([XS, XT])
    assert both.T @ mean_difference(12, 9)[:, 0] == pytest.approx(XS.mean(axis=0) - XT.mean(axis=0))
    by_class = both.T @ class_differences(LABELS, GUESSES, 4)
    for c in (0, 1):
        want = XS[c == LABELS].mean(axis=0) - XT[c == GUESSES].mean(axis=0)
        assert by_class[:, c] == pytest.approx(want)
    assert by_class[:, 2] == pytest.approx(XS[LABELS == 2].mean(axis=0))  # no guess of it
    assert by_class[:, 3] == pytest.approx(np.zeros(4))  # no example of it at all


def dense(x, e, ridge, k, kernel):
    """The papers' N x N (or D x D) problem as it is written."""
    n = len(x)
    m, h = e @ e.T, np.eye(n) - 1 / n
    m = m / np.linalg.norm(m)
    left = x @ x.T if kernel == "linear" else x.T
    _, vectors = eigh(left @ h @ left.T, left @ m @ left.T + ridge * np.eye(len(left)))
    vectors = vectors[:, ::-1][:, :k] / np.linalg.norm(vectors[:, ::-1][:, :k], axis=0)
    return x.T @ vectors if kernel == "linear" else vectors


@pytest.mark.parametrize("kernel", ["linear", "primal"])
@pytest.mark.parametrize("ridge", [0.1, 2.0])
@pytest.mark.parametrize(("n", "m", "width"), [(12, 9, 4), (5, 6, 20)])
def test_agrees_with_the_dense_problem(kernel, ridge, n, m, width):
    x = np.concatenate([draw(n, width), draw(m, width, 1)])
    e = np.concatenate([2 * mean_difference(n, m), class_differences(np.arange(n) % 2, np.arange(m) % 2, 2)], axis=1)
    got, want = transfer_components(x, e, ridge=ridge, k=3, kernel=kernel), dense(x, e, ridge, 3, kernel)
    signs = np.sign((got * want).sum(axis=0))
    assert got == pytest.approx(want * signs, rel=1e-6, abs=1e-8)


def test_the_means_agree_as_the_ridge_vanishes_and_do_not_matter_as_it_grows():
    x, e = np.concatenate([XS, XT]), mean_difference(12, 9)
    near = transfer_components(x, e, ridge=1e-8, k=2, kernel="primal")
    assert XS.mean(axis=0) @ near == pytest.approx(XT.mean(axis=0) @ near, abs=1e-5)
    far = transfer_components(x, e, ridge=1e8, k=2, kernel="primal")
    axes = np.linalg.svd(x - x.mean(axis=0), full_matrices=False)[2][:2]
    assert np.abs(axes @ far) == pytest.approx(np.eye(2), abs=1e-4)  # plain principal axes


def test_more_components_than_the_rank_are_not_there_and_nonsense_is_refused():
    x, e = np.concatenate([XS, XT]), mean_difference(12, 9)
    assert transfer_components(x, e, ridge=1.0, k=99, kernel="linear").shape == (4, 4)
    for change in ({"ridge": 0.0}, {"k": 0}, {"kernel": "rbf"}):
        with pytest.raises(ValueError, match=r"transfer components of 21 rows got|must be primal or linear"):
            transfer_components(x, e, **{"ridge": 1.0, "k": 2, "kernel": "linear", **change})
    with pytest.raises(ValueError, match="transfer components of 20 rows got"):
        transfer_components(x[1:], e, ridge=1.0, k=2, kernel="linear")


@pytest.mark.parametrize("kernel", ["linear", "primal"])
@pytest.mark.parametrize("ridge", [0.05, 3.0])
def test_lanczos_on_wide_features_finds_what_the_dense_solver_finds(kernel, ridge, monkeypatch):
    rng = np.random.default_rng(5)
    x = rng.normal(size=(90, 60)) @ np.diag(np.geomspace(3, 0.1, 60)) + rng.normal(size=60)
    e = np.concatenate([mean_difference(50, 40), class_differences(np.arange(50) % 3, np.arange(40) % 3, 3)], axis=1)
    want = transfer_components(x, e, ridge=ridge, k=6, kernel=kernel)
    monkeypatch.setattr(components, "DENSE", 10)
    monkeypatch.setattr(components, "eigh", lambda *_, **__: pytest.fail("the dense solver was used"))
    assert transfer_components(x, e, ridge=ridge, k=6, kernel=kernel) == pytest.approx(want, rel=1e-8, abs=1e-10)


def test_one_problem_serves_any_differences():
    x, e = np.concatenate([XS, XT]), mean_difference(12, 9)
    shared = TransferComponents(x, "linear")
    first = shared.map(e, ridge=1.0, k=2)
    shared.map(class_differences(LABELS, GUESSES, 3), ridge=0.1, k=3)
    assert (shared.map(e, ridge=1.0, k=2) == first).all()
