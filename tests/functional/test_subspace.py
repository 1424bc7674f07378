import numpy as np
import pytest
from scipy.integrate import quad_vec
from scipy.linalg import expm, orth

from tlbench.functional.subspace import geodesic_factor, principal_axes


def draw(n, width, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, width)) @ rng.normal(size=(width, width)) + seed


def basis(d, k, seed=0):
    return orth(np.random.default_rng(seed).normal(size=(d, k)))


@pytest.mark.parametrize(("n", "width", "k"), [(30, 5, 3), (4, 9, 3)])
def test_axes_are_eigenvectors_of_the_covariance(n, width, k):
    x = draw(n, width)
    values, vectors = np.linalg.eigh(np.cov(x.T))
    axes = principal_axes(x, k)
    want = vectors[:, ::-1][:, :k]
    assert np.abs(axes.T @ want) == pytest.approx(np.eye(k), abs=1e-8)
    assert np.diag(axes.T @ np.cov(x.T) @ axes) == pytest.approx(values[::-1][:k])
    assert (axes[np.abs(axes).argmax(axis=0), np.arange(k)] > 0).all()


def test_there_are_no_more_axes_than_the_rows_span():
    assert principal_axes(draw(4, 9), 8).shape == (9, 3)
    assert principal_axes(draw(9, 4), 8).shape == (4, 4)
    for x, k in ((draw(1, 3), 1), (draw(5, 3), 0)):
        with pytest.raises(ValueError, match="two or more rows"):
            principal_axes(x, k)


def flow(source, target, t):
    """A point of the geodesic by the exponential map, an independent way (Gong et al., eq. 2, by Gallivan et al. 2003)."""
    d, k = source.shape
    whole = np.linalg.qr(np.concatenate([source, np.random.default_rng(0).normal(size=(d, d - k))], axis=1))[0]
    whole[:, :k] = source
    inside, outside = whole.T[:k] @ target, whole.T[k:] @ target
    left, cosine, right = np.linalg.svd(inside)
    direction = outside @ right.T  # columns of length sin(angle)
    sine = np.linalg.norm(direction, axis=0)
    velocity = direction / np.where(sine > 1e-12, sine, 1) * np.arctan2(sine, cosine)
    skew = np.zeros((d, d))
    skew[k:, :k], skew[:k, k:] = velocity @ left.T, -(velocity @ left.T).T
    return whole @ expm(t * skew)[:, :k]


@pytest.mark.parametrize(("d", "k"), [(6, 2), (8, 4), (5, 1)])
def test_the_kernel_is_the_integral_over_the_geodesic(d, k):
    source, target = basis(d, k), basis(d, k, 1)
    at_end = flow(source, target, 1.0)
    assert at_end @ at_end.T == pytest.approx(target @ target.T, abs=1e-9)
    want = quad_vec(lambda t: flow(source, target, t) @ flow(source, target, t).T, 0, 1)[0]
    factor = geodesic_factor(source, target)
    assert factor.shape == (d, 2 * k)
    assert factor @ factor.T == pytest.approx(want, abs=1e-8)


def test_one_subspace_is_a_projection_and_bases_do_not_matter():
    source, target = basis(7, 3), basis(7, 3, 1)
    same = geodesic_factor(source, source)
    assert same @ same.T == pytest.approx(source @ source.T, abs=1e-9)
    turn = orth(np.random.default_rng(5).normal(size=(3, 3)))
    one, two = geodesic_factor(source, target), geodesic_factor(source @ turn, target @ turn[::-1])
    assert one @ one.T == pytest.approx(two @ two.T, abs=1e-9)
    back = geodesic_factor(target, source)
    assert one @ one.T == pytest.approx(back @ back.T, abs=1e-9)


def test_subspaces_that_do_not_fit_are_refused():
    geodesic_factor(basis(6, 3), basis(6, 3, 1))
    for source, target in ((basis(6, 3), basis(6, 2)), (basis(6, 4), basis(6, 4, 1))):
        with pytest.raises(ValueError, match="one dimension k <= D / 2"):
            geodesic_factor(source, target)
    with pytest.raises(ValueError, match="orthonormal"):
        geodesic_factor(2 * basis(6, 3), basis(6, 3, 1))
