import numpy as np
import pytest
import scipy.sparse as sp
from scipy.linalg import sqrtm
from scipy.special import softmax
from sklearn.svm import SVC

from baselines.coral_linear import CoralLinear, recolour
from tests.support import gaussian_task
from tlbench.classifiers.estimators import LinearSVM, Logistic
from tlbench.errors import TlbenchError


def draw(n: int, width: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, width)) @ rng.normal(size=(width, width)) + seed


@pytest.mark.parametrize(("n", "m", "width"), [(30, 20, 4), (5, 40, 12), (6, 7, 12)])
@pytest.mark.parametrize("ridge", [1.0, 0.3])
def test_agrees_with_matrix_square_roots(n, m, width, ridge):
    xs, xt = draw(n, width), draw(m, width, 1)
    whiten = np.linalg.inv(sqrtm(np.cov(xs.T) + ridge * np.eye(width)))
    colour = sqrtm(np.cov(xt.T) + ridge * np.eye(width))
    np.testing.assert_allclose(recolour(xs, xt, ridge), xs @ whiten @ colour, rtol=1e-7, atol=1e-9)


def test_the_mapped_source_has_the_target_covariance_as_the_ridge_vanishes():
    xs, xt = draw(200, 3), draw(300, 3, 1)
    np.testing.assert_allclose(np.cov(recolour(xs, xt, 1e-10).T), np.cov(xt.T), rtol=1e-6)


def test_equal_domains_stay_as_they_are():
    xs = draw(9, 4)
    np.testing.assert_allclose(recolour(xs, xs + 3, 1.0), xs, atol=1e-10)


def test_one_sample_is_refused_and_so_are_two_widths():
    recolour(draw(2, 3), draw(2, 3, 1), 1.0)
    for xs, xt in ((draw(1, 3), draw(2, 3)), (draw(2, 3), draw(2, 4))):
        with pytest.raises(ValueError, match="two or more samples of one width"):
            recolour(xs, xt, 1.0)


def test_the_classifier_sees_the_mapped_source_and_the_shots_as_they_are():
    task, held_out = gaussian_task(shots_per_class=2)
    method = CoralLinear(ridge=1.0, classifier=LinearSVM(n_classes=2, seed=0, C=1.0)).fit(task)
    x = np.concatenate([recolour(task.source.inputs, task.target, 1.0), task.shots.inputs])
    y = np.concatenate([task.source.labels, task.shots.labels])
    want = LinearSVM(n_classes=2, seed=0, C=1.0).fit(x, y).predict_proba(held_out.test.inputs)
    np.testing.assert_allclose(method.predict_proba(held_out.test.inputs), want)


def test_sparse_features_give_what_dense_ones_give():
    task, held_out = gaussian_task()
    sparse = type(task)(
        type(task.source)(sp.csr_matrix(task.source.inputs), task.source.labels),
        sp.csr_matrix(task.target), None, None, 2, (3,),
    )  # fmt: skip
    one, two = (CoralLinear(ridge=1.0, classifier=LinearSVM(n_classes=2, seed=0, C=1.0)).fit(t) for t in (task, sparse))
    test = held_out.test.inputs
    np.testing.assert_allclose(one.predict_proba(test), two.predict_proba(sp.csr_matrix(test)))


def test_the_kernel_variant_is_an_svm_on_the_kernel_of_the_authors_code():
    task, held_out = gaussian_task()
    xs, xt, test = task.source.inputs, task.target, held_out.test.inputs
    a = np.linalg.inv(sqrtm(np.cov(xs.T) + np.eye(3))) @ sqrtm(np.cov(xt.T) + np.eye(3))
    model = SVC(C=0.3, kernel="precomputed").fit(xs @ a @ xs.T, task.source.labels)
    method = CoralLinear(ridge=1.0, variant="kernel", classifier=LinearSVM(n_classes=2, seed=0, C=0.3)).fit(task)
    decision = model.decision_function((xs @ a @ test.T).T)
    np.testing.assert_allclose(
        method.predict_proba(test), softmax(np.stack([-decision, decision], 1), axis=1), rtol=1e-7
    )
    mapped = CoralLinear(ridge=1.0, variant="map", classifier=LinearSVM(n_classes=2, seed=0, C=0.3)).fit(task)
    assert not np.allclose(method.predict_proba(test), mapped.predict_proba(test))


@pytest.mark.parametrize(
    ("variant", "classifier", "shots", "told"),
    [("gram", LinearSVM, 0, r"method\.variant must be one of"), ("kernel", Logistic, 0, "Use classifier=linear_svm"),
     ("kernel", LinearSVM, 2, "no place for labelled target examples")],
)  # fmt: skip
def test_what_a_variant_cannot_do_is_refused(variant, classifier, shots, told):
    task, _ = gaussian_task(shots_per_class=shots)
    with pytest.raises(TlbenchError, match=told):
        CoralLinear(ridge=1.0, variant=variant, classifier=classifier(n_classes=2, seed=0, C=1.0)).fit(task)
