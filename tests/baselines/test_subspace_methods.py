"""PCA, SA, GFK, TCA and JDA: each against its paper's formula, written again."""

import numpy as np
import pytest
import scipy.sparse as sp

from baselines.gfk import GeodesicFlowKernel, label_axes
from baselines.jda import Jda
from baselines.pca import Pca
from baselines.sa import SubspaceAlignment
from baselines.tca import Tca
from tests.functional.test_components import dense as components
from tests.support import gaussian_task
from tlbench.classifiers.estimators import LinearSVM, NearestNeighbour
from tlbench.errors import TlbenchError
from tlbench.functional.components import class_differences, mean_difference
from tlbench.functional.subspace import geodesic_factor, principal_axes

TASK, HELD = gaussian_task()
XS, YS, XT, TEST = TASK.source.inputs, TASK.source.labels, TASK.target, HELD.test.inputs


def nearest():
    return NearestNeighbour(n_classes=2, seed=0)


def guesses(xs, xt):
    return YS[((xt[:, None] - xs[None]) ** 2).sum(-1).argmin(axis=1)]


def predicted(method, task=TASK, test=TEST):
    return method.fit(task).predict_proba(test).argmax(axis=1)


def test_pca():
    axes = principal_axes(np.concatenate([XS, XT]), 2)
    assert (predicted(Pca(dim=2, classifier=nearest())) == guesses(XS @ axes, TEST @ axes)).all()


def test_sa():
    s, t = principal_axes(XS, 2), principal_axes(XT, 2)
    assert (predicted(SubspaceAlignment(dim=2, classifier=nearest())) == guesses(XS @ s @ s.T @ t, TEST @ t)).all()


@pytest.mark.parametrize("source_axes", ["pca", "pls"])
def test_gfk_has_the_distances_of_its_kernel(source_axes):
    method = GeodesicFlowKernel(dim=1, source_axes=source_axes, classifier=nearest()).fit(TASK)
    axes = principal_axes(XS, 1) if source_axes == "pca" else label_axes(XS, YS, 2, 1)
    factor = geodesic_factor(axes, principal_axes(XT, 1))
    gram = factor @ factor.T
    far = [[(a - b) @ gram @ (a - b) for b in XS] for a in TEST]
    assert (method.predict_proba(TEST).argmax(axis=1) == YS[np.argmin(far, axis=1)]).all()


@pytest.mark.parametrize("source_axes", ["pca", "pls"])
@pytest.mark.parametrize("few", ["source", "target"])
def test_gfk_takes_no_more_axes_than_the_rows_of_a_domain_span(few, source_axes):
    rng = np.random.default_rng(0)
    xs, xt, y = rng.normal(size=(40, 8)), rng.normal(size=(40, 8)) + 1, np.arange(40) % 2
    xs, y, xt = (xs[:3], y[:3], xt) if few == "source" else (xs, y, xt[:3])  # three rows vary in two directions
    method = GeodesicFlowKernel(dim=4, source_axes=source_axes, classifier=nearest())
    method.learn(xs, y, xt, 2)
    axes = principal_axes(xs, 2) if source_axes == "pca" else label_axes(xs, y, 2, 2)
    want = geodesic_factor(axes, principal_axes(xt, 2))
    np.testing.assert_allclose(method.factor @ method.factor.T, want @ want.T, atol=1e-12)


def test_label_axes_span_the_difference_of_two_classes():
    # with one-hot labels of two classes, the first direction of partial least squares is that of the class means
    axis = label_axes(XS, YS, 2, 1)[:, 0]
    between = XS[YS == 1].mean(axis=0) - XS[YS == 0].mean(axis=0)
    assert abs(axis @ between) / np.linalg.norm(between) == pytest.approx(1)


@pytest.mark.parametrize("kernel", ["linear", "primal"])
def test_tca(kernel):
    a = components(np.concatenate([XS, XT]), mean_difference(60, 50), 0.5, 2, kernel)
    method = Tca(dim=2, ridge=0.5, kernel=kernel, classifier=nearest())
    assert (predicted(method) == guesses(XS @ a, TEST @ a)).all()
    assert np.square(method.mapped(XS, "source")).sum() == pytest.approx(np.square(XS).sum())  # C keeps its meaning


def unit(x):
    return x / np.linalg.norm(x, axis=1, keepdims=True)


@pytest.mark.parametrize("kernel", ["linear", "primal"])
def test_jda(kernel):
    both, whole = unit(np.concatenate([XS, XT])), np.sqrt(2) * mean_difference(60, 50)
    e = whole
    for _ in range(4):
        a = components(both, e, 0.3, 2, kernel)
        labels = guesses(unit(unit(XS) @ a), unit(unit(XT) @ a))
        e = np.concatenate([whole, class_differences(YS, labels, 2)], axis=1)
    method = Jda(dim=2, ridge=0.3, kernel=kernel, rounds=4, classifier=nearest())
    assert (predicted(method) == guesses(unit(unit(XS) @ a), unit(unit(TEST) @ a))).all()
    changed = [round_["guesses_changed"] for round_ in method.history]
    assert changed[0] == 1
    assert changed.index(0) == len(changed) - 1 if 0 in changed else len(changed) == 4
    length = np.linalg.norm(method.mapped(XS, "source"), axis=1)
    assert length == pytest.approx(np.full(60, np.sqrt(np.square(XS).sum() / 60)))


METHODS = {
    "pca": lambda c: Pca(dim=2, classifier=c),
    "sa": lambda c: SubspaceAlignment(dim=2, classifier=c),
    "gfk": lambda c: GeodesicFlowKernel(dim=1, source_axes="pca", classifier=c),
    "tca": lambda c: Tca(dim=2, ridge=1.0, kernel="linear", classifier=c),
    "jda": lambda c: Jda(dim=2, ridge=1.0, kernel="linear", rounds=2, classifier=c),
}


@pytest.mark.parametrize("name", METHODS)
def test_shots_join_the_mapped_source_as_the_target_is_mapped(name):
    task, held_out = gaussian_task(shots_per_class=3)
    method = METHODS[name](LinearSVM(n_classes=2, seed=0, C=1.0)).fit(task)
    x = np.concatenate([method.mapped(task.source.inputs, "source"), method.mapped(task.shots.inputs, "target")])
    want = LinearSVM(n_classes=2, seed=0, C=1.0).fit(x, np.concatenate([task.source.labels, task.shots.labels]))
    mapped = method.mapped(held_out.test.inputs, "target")
    np.testing.assert_allclose(method.predict_proba(held_out.test.inputs), want.predict_proba(mapped))


@pytest.mark.parametrize("name", METHODS)
def test_sparse_rows_and_another_order_of_the_target_change_nothing(name):
    want = METHODS[name](nearest()).fit(TASK).predict_proba(TEST)
    sparse = type(TASK)(type(TASK.source)(sp.csr_matrix(XS), YS), sp.csr_matrix(XT[::-1]), None, None, 2, (3,))
    np.testing.assert_allclose(METHODS[name](nearest()).fit(sparse).predict_proba(sp.csr_matrix(TEST)), want)


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda c: Pca(dim=0, classifier=c), r"method\.dim"),
        (lambda c: SubspaceAlignment(dim=0, classifier=c), r"method\.dim"),
        (lambda c: GeodesicFlowKernel(dim=0, source_axes="pca", classifier=c), r"method\.dim"),
        (lambda c: GeodesicFlowKernel(dim=1, source_axes="lda", classifier=c), r"method\.source_axes"),
        (lambda c: Tca(dim=0, ridge=1.0, kernel="linear", classifier=c), r"method\.dim"),
        (lambda c: Tca(dim=1, ridge=0.0, kernel="linear", classifier=c), r"method\.ridge"),
        (lambda c: Tca(dim=1, ridge=1.0, kernel="rbf", classifier=c), r"method\.kernel"),
        (lambda c: Jda(dim=1, ridge=1.0, kernel="linear", rounds=0, classifier=c), r"method\.rounds"),
        (lambda c: Jda(dim=1, ridge=1.0, kernel="rbf", rounds=1, classifier=c), r"method\.kernel"),
    ],
)
def test_values_out_of_range_are_refused(make, told):
    with pytest.raises(TlbenchError, match=told):
        make(nearest())
