"""self_taught: codes by their optimality conditions, and whose rows and labels play a part."""

from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse as sp

from baselines.self_taught import SelfTaught
from tests.baselines.naive import LABELS, SOURCE, TARGET, TASK, TEST
from tlbench.classifiers.estimators import LinearSVM
from tlbench.errors import Refused, TlbenchError
from tlbench.functional.subspace import principal_axes
from tlbench.tasks import Labelled

SHOTS = replace(TASK, shots=Labelled(TARGET[:9], np.arange(9) % 3))
LENGTH = np.sqrt(np.square(SOURCE).sum() / 30)


def svm():
    return LinearSVM(n_classes=3, seed=0, C=1.0)


def fitted(task=SHOTS, **changed):
    return SelfTaught(**{"basis": "dictionary", "dim": 6, "alpha": 0.1, "rounds": 10, **changed}, classifier=svm()).fit(
        task
    )


def test_codes_are_the_minimum_by_its_conditions():
    method = fitted()
    codes = method.features(TEST, "target") / method.scale
    slope = (TEST / LENGTH - codes @ method.atoms) @ method.atoms.T
    used = np.abs(codes) > 1e-6
    assert 0 < used.mean() < 1
    np.testing.assert_allclose(slope[used], 0.1 * np.sign(codes[used]), atol=2e-3)
    assert np.abs(slope).max() <= 0.1 + 2e-3
    assert np.linalg.norm(method.atoms, axis=1) == pytest.approx(np.ones(6))


def test_the_code_of_one_row_in_one_atom_is_its_part_in_it_less_alpha():
    # all rows are (3, 4): l = 5, the atom is +-(3, 4) / 5 and the code +-(1 - 0.1); what is left is 0.1^2
    one = replace(
        SHOTS,
        source=Labelled(np.tile([3.0, 4.0], (5, 1)), np.arange(5) % 3),
        shots=Labelled(np.eye(3, 2), np.arange(3)),
    )
    method = fitted(one, dim=1)
    assert np.abs(method.features(np.array([[3.0, 4.0]]), "target") / method.scale) == pytest.approx(0.9, abs=1e-6)
    assert method.history == [{"used": 1, "left": pytest.approx(0.01, abs=1e-6)}]
    assert np.abs(method.features(np.array([[3.0, 4.0]]), "target")) == pytest.approx(5)  # as long as the rows


def test_pca_is_the_shots_on_the_sources_axes():
    axes = principal_axes(SOURCE, 2)
    scale = LENGTH / np.sqrt(np.square(SOURCE @ axes).sum(axis=1).mean())
    want = svm().fit(scale * SHOTS.shots.inputs @ axes, SHOTS.shots.labels)
    got = fitted(basis="pca", dim=2).predict_proba(TEST)
    np.testing.assert_allclose(got, want.predict_proba(scale * TEST @ axes), atol=1e-6)


def test_all_axes_are_the_shots_alone():
    want = svm().fit(SHOTS.shots.inputs, SHOTS.shots.labels).predict_proba(TEST)
    np.testing.assert_allclose(fitted(basis="pca", dim=4).predict_proba(TEST), want, atol=1e-6)


@pytest.mark.parametrize("basis", ["dictionary", "pca"])
def test_no_source_label_and_no_unlabelled_target_row_plays_a_part_but_bridges_do(basis):
    want = fitted(basis=basis, dim=3).predict_proba(TEST)
    other = replace(SHOTS, source=Labelled(SOURCE, LABELS[::-1]), target=TARGET * 100)
    np.testing.assert_array_equal(fitted(other, basis=basis, dim=3).predict_proba(TEST), want)
    bridged = replace(SHOTS, bridges=(TARGET[::2] * [1, 1, 1, 9],))
    assert np.abs(fitted(bridged, basis=basis, dim=3).predict_proba(TEST) - want).max() > 1e-3


@pytest.mark.parametrize("basis", ["dictionary", "pca"])
def test_sparse_rows_and_another_scale_change_nothing(basis):
    want = fitted(basis=basis).features(TEST, "target")
    sparse = replace(SHOTS, source=Labelled(sp.csr_matrix(SOURCE), LABELS))
    np.testing.assert_allclose(fitted(sparse, basis=basis).features(sp.csr_matrix(TEST), "target"), want, atol=1e-9)
    large = replace(SHOTS, source=Labelled(8 * SOURCE, LABELS), shots=Labelled(8 * TARGET[:9], np.arange(9) % 3))
    np.testing.assert_allclose(fitted(large, basis=basis).features(8 * TEST, "target"), 8 * want, atol=1e-6)


def test_the_seed_decides():
    one, two = (
        SelfTaught(
            basis="dictionary", dim=6, alpha=0.1, rounds=3, classifier=LinearSVM(n_classes=3, seed=s, C=1.0)
        ).fit(SHOTS)
        for s in (0, 1)
    )
    assert np.abs(one.atoms - two.atoms).max() > 1e-6
    np.testing.assert_array_equal(fitted().atoms, fitted().atoms)


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"basis": "ica"}, r"method\.basis must be dictionary or pca"),
        ({"dim": 0}, r"method\.dim must be 1 or more"),
        ({"alpha": 0.0}, r"method\.alpha must be above 0"),
        ({"rounds": 0}, r"method\.rounds must be 1 or more"),
        ({"alpha": 100.0}, r"At method\.alpha=100 every code is 0"),
    ],
)
def test_values_out_of_range_are_refused(changed, told):
    with pytest.raises(TlbenchError, match=told):
        fitted(**changed)


def test_without_shots_it_is_refused():
    with pytest.raises(Refused, match=r"self_taught needs labelled target examples"):
        fitted(TASK)
