"""FEDA: the paper's augmented rows, the kernel that stands for them, and the limits."""

import dataclasses

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.svm import SVC

from baselines.feda import Feda, augmented, shared
from tests.baselines.naive import LABELS, SOURCE, TARGET, TEST
from tlbench.classifiers.estimators import LinearSVM, Logistic, RbfSVM
from tlbench.errors import Refused, TlbenchError
from tlbench.tasks import Labelled, Task

SHOTS = Labelled(TARGET[:9], np.arange(9) % 3)
TASK = Task(Labelled(SOURCE, LABELS), TARGET[9:], SHOTS, None, 3, (4,))
APART = dataclasses.replace(TASK, source_of=np.arange(30) // 10, source_names=("a", "b", "c"))
POOL, POOLED = np.concatenate([SOURCE, SHOTS.inputs]), np.concatenate([LABELS, SHOTS.labels])
CLASSIFIERS = [LinearSVM, Logistic]


def made(classifier, C=0.5):
    return classifier(n_classes=3, seed=0, C=C)


def feda(own=1.0, classifier=LinearSVM, C=0.5):
    return Feda(own=own, classifier=made(classifier, C))


def test_the_augmented_rows_by_hand():
    # own = 3: x / 2 is shared, sqrt(3) x / 2 is the domain's own
    got = augmented(np.array([[2.0, 4.0]]), np.array([[0.0, 1.0]]), 3.0)
    assert got == pytest.approx(np.array([[1, 2, 0, 0, np.sqrt(3), 2 * np.sqrt(3)]]))
    assert np.linalg.norm(got) == pytest.approx(np.linalg.norm([2, 4]))
    sparse = augmented(sp.csr_matrix([[2.0, 4.0]]), np.array([[0.0, 1.0]]), 3.0)
    assert sp.issparse(sparse)
    np.testing.assert_allclose(sparse.toarray(), got)


def test_the_kernel_by_hand():
    # within a domain K, across K / (1 + own)
    assert shared(np.array([[8.0, 8.0]]), np.array([[1.0, 0.0]]), 3.0).tolist() == [[8, 2]]


def test_at_one_it_is_the_papers():
    # (x, x, 0) and (x, 0, x) have twice these inner products, which half the C makes up for
    zero = np.zeros_like
    x = np.concatenate(
        [np.hstack([SOURCE, SOURCE, zero(SOURCE)]), np.hstack([SHOTS.inputs, zero(SHOTS.inputs), SHOTS.inputs])]
    )
    want = SVC(kernel="linear", C=0.25).fit(x, POOLED).decision_function(np.hstack([TEST, zero(TEST), TEST]))
    got = np.log(feda().fit(TASK).predict_proba(TEST))
    np.testing.assert_allclose(got - got[:, :1], want - want[:, :1], atol=1e-2)
    want = SVC(kernel="linear", C=0.25).fit(x, POOLED).decision_function(np.hstack([TEST, TEST, zero(TEST)]))
    got = np.log(feda().fit(TASK).predict_proba(TEST, "source"))
    np.testing.assert_allclose(got - got[:, :1], want - want[:, :1], atol=1e-2)


@pytest.mark.parametrize("task", [TASK, APART], ids=["one", "three"])
def test_the_kernel_is_that_of_the_augmented_rows(task):
    method = feda(0.6).fit(task)
    rows = augmented(POOL, method.belongs_NB, 0.6)
    want = made(LinearSVM).fit(rows, POOLED)
    assert rows.shape[1] == 4 * (5 if task is APART else 3)
    for domain in ("source", "target"):
        test = augmented(TEST, np.tile(method.belongs[domain], (len(TEST), 1)), 0.6)
        np.testing.assert_allclose(method.predict_proba(TEST, domain), want.predict_proba(test), atol=1e-9)


def test_each_source_has_a_block_and_an_unknown_one_a_share_of_each():
    method = feda().fit(APART)
    assert method.belongs["source"] == pytest.approx([1 / 3, 1 / 3, 1 / 3, 0])
    assert method.belongs["target"].tolist() == [0, 0, 0, 1]
    assert method.belongs_NB.argmax(axis=1).tolist() == [0] * 10 + [1] * 10 + [2] * 10 + [3] * 9
    assert np.abs(method.predict_proba(TEST) - feda().fit(TASK).predict_proba(TEST)).max() > 0.01


@pytest.mark.parametrize("classifier", CLASSIFIERS)
def test_with_nothing_of_their_own_the_domains_are_pooled(classifier):
    want = made(classifier).fit(POOL, POOLED).predict_proba(TEST)
    np.testing.assert_allclose(feda(0.0, classifier).fit(TASK).predict_proba(TEST), want, atol=1e-4)


def test_with_all_their_own_the_domains_share_the_intercept_alone():
    # a kernel that is 0 across: the shots' own SVM where the source is balanced about the intercept, here a mirror image
    mirror = Labelled(np.concatenate([SOURCE[:4], -SOURCE[:4]]), np.repeat([0, 1], 4))
    shots = Labelled(np.concatenate([TARGET[:2], -TARGET[:2]]), np.repeat([1, 0], 2))
    method = Feda(own=1e9, classifier=LinearSVM(n_classes=2, seed=0, C=0.5))
    got = method.fit(Task(mirror, TARGET, shots, None, 2, (4,))).predict_proba(TEST)
    want = LinearSVM(n_classes=2, seed=0, C=0.5).fit(shots.inputs, shots.labels).predict_proba(TEST)
    np.testing.assert_allclose(got, want, atol=1e-3)


@pytest.mark.parametrize("classifier", CLASSIFIERS)
def test_order_of_rows_names_of_classes_and_sparseness_change_nothing(classifier):
    order = np.random.default_rng(0).permutation(30)
    changed = dataclasses.replace(
        APART,
        source=Labelled(sp.csr_matrix(SOURCE[order]), 2 - LABELS[order]),
        source_of=APART.source_of[order],
        shots=Labelled(sp.csr_matrix(SHOTS.inputs[::-1]), 2 - SHOTS.labels[::-1]),
    )
    want, got = feda(classifier=classifier).fit(APART), feda(classifier=classifier).fit(changed)
    for domain in ("source", "target"):
        found = got.predict_proba(sp.csr_matrix(TEST), domain)[:, ::-1]
        np.testing.assert_allclose(found, want.predict_proba(TEST, domain), atol=2e-3)


def test_a_gaussian_kernel_is_shared_likewise():
    method = feda(1.0, RbfSVM).fit(TASK)
    kernel = np.exp(-((POOL[:, None] - POOL) ** 2).sum(-1) / 4)
    own = np.concatenate([np.zeros(30), np.ones(9)])
    want = SVC(kernel="precomputed", C=0.5).fit(kernel * (1 + (own[:, None] == own)) / 2, POOLED)
    test = np.exp(-((TEST[:, None] - POOL) ** 2).sum(-1) / 4) * (1 + own) / 2
    assert (method.predict_proba(TEST).argmax(axis=1) == want.decision_function(test).argmax(axis=1)).all()


def test_a_class_that_the_source_lacks_is_learnt_from_the_shots():
    lacks = dataclasses.replace(TASK, source=Labelled(SOURCE[LABELS < 2], LABELS[LABELS < 2]))
    proba = feda(C=10.0).fit(lacks).predict_proba(SHOTS.inputs)
    assert (proba.argmax(axis=1) == SHOTS.labels)[SHOTS.labels == 2].any()


def test_what_cannot_be_is_refused():
    feda(0.0)
    with pytest.raises(TlbenchError, match=r"method\.own must be 0 or more"):
        feda(-0.1)
    with pytest.raises(Refused, match=r"feda needs labelled target examples"):
        feda().fit(dataclasses.replace(TASK, shots=None))
