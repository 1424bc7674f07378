"""wbt: the barycentre by hand and against POT's, and its transport to the target."""

from dataclasses import replace

import numpy as np
import ot
import pytest
import scipy.sparse as sp

from baselines.ot_sinkhorn import OtSinkhorn
from baselines.wbt import Wbt
from tests.baselines.naive import LABELS, SOURCE, TARGET, TASK, TEST
from tlbench.classifiers.estimators import Logistic
from tlbench.errors import TlbenchError
from tlbench.functional import transport
from tlbench.functional.labelled_barycentre import labelled_barycentre
from tlbench.functional.transport import barycentres, entropic_plan, scaled_cost
from tlbench.seeds import stream
from tlbench.tasks import Labelled

OF = (np.arange(30) >= 18).astype(int)
TWO = replace(TASK, source_of=OF, source_names=("left", "top"))
SETS = [SOURCE[:18], SOURCE[18:]]
MEMBERS = [np.eye(3)[LABELS[:18]], np.eye(3)[LABELS[18:]]]


def logistic(n_classes=3):
    return Logistic(n_classes=n_classes, seed=0, C=1.0)


def fitted(task=TWO, **changed):
    return Wbt(**{"label": 10.0, "rounds": 5, "reg": 0.05, **changed}, classifier=logistic(task.n_classes)).fit(task)


def test_classes_keep_apart_where_their_cost_is_high_and_not_where_it_is_0():
    # class 0 is at 0 and at 4, class 1 at 3 and at 7. By class: means 2 and 5. By place alone the same order, but a third
    # source with the classes exchanged makes classes cross: 0 at 9, 1 at 1: by class (0+4+9)/3 = 13/3 and (3+7+1)/3 = 11/3;
    # by place (0+4+1)/3 = 5/3 with shares (2/3, 1/3), and (3+7+9)/3 = 19/3
    sets = [np.array([[0.0], [3.0]]), np.array([[4.0], [7.0]]), np.array([[9.0], [1.0]])]
    members, start = [np.eye(2)] * 3, np.array([0, 1])
    rows, shares, _ = labelled_barycentre(sets, members, start, label=100.0, rounds=9)
    np.testing.assert_allclose(rows, [[13 / 3], [11 / 3]])
    np.testing.assert_allclose(shares, np.eye(2))
    rows, shares, history = labelled_barycentre(sets, members, start, label=0.0, rounds=9)
    np.testing.assert_allclose(rows, [[5 / 3], [19 / 3]])
    np.testing.assert_allclose(shares, [[2 / 3, 1 / 3], [1 / 3, 2 / 3]])
    # variance of 0 3 4 7 9 1 is 26 - 16 = 10; first costs 0, (16 + 16) / 2, (1 + 36) / 2 over 20, and their mean
    assert history[0]["spread"] == pytest.approx((0 + 16 + 18.5) / 20 / 3)
    assert history[0]["mixed"] == pytest.approx(1 / 3)
    # moved by 5/3 and 10/3: root of (25 + 100) / 9 / 2 over 20
    assert history[0]["moved"] == pytest.approx(np.sqrt(125 / 18 / 20))
    assert [round_["moved"] > 0 for round_ in history] == [True, False]


def test_pots_barycentre_of_rows_with_their_labels_beside_them_is_the_same():
    size, start = 2 * SOURCE.var(axis=0).sum(), np.arange(0, 30, 2)
    beside = [np.hstack([x / np.sqrt(size), np.sqrt(3.0 / 2) * y]) for x, y in zip(SETS, MEMBERS, strict=True)]
    want = ot.lp.free_support_barycenter(
        beside, [np.full(len(x), 1 / len(x)) for x in SETS], np.concatenate(beside)[start], numItermax=4, stopThr=0
    )
    rows, shares, history = labelled_barycentre(SETS, MEMBERS, start, label=3.0, rounds=4)
    np.testing.assert_allclose(np.hstack([rows / np.sqrt(size), np.sqrt(1.5) * shares]), want, atol=1e-9)
    spread = [round_["spread"] for round_ in history]
    assert spread == sorted(spread, reverse=True)


def test_classes_of_the_barycentre_have_the_mean_of_the_sources_shares():
    labels = np.where((OF == 1) & (LABELS == 2), 0, LABELS)  # one source has no class 2
    members = [np.eye(3)[labels[:18]], np.eye(3)[labels[18:]]]
    for start in (np.arange(5), np.arange(30)):
        _, shares, history = labelled_barycentre(SETS, members, start, label=10.0, rounds=3)
        np.testing.assert_allclose(shares.mean(axis=0), [(1 / 3 + 2 / 3) / 2, 1 / 3, 1 / 6])
        np.testing.assert_allclose(shares.sum(axis=1), 1)
        assert history[-1]["mixed"] > 0


@pytest.mark.parametrize("label", [0.0, 1.0, 3.0])
def test_the_first_cost_by_hand(label):
    # rows 0 and 2 have mean squared distance 2, so 0 to 2 costs 4 / 2, and other classes `label` more; to itself 0
    sets, members = [np.array([[0.0]]), np.array([[2.0]])], [np.array([[1.0, 0]]), np.array([[0.0, 1]])]
    _, _, history = labelled_barycentre(sets, members, np.array([0]), label=label, rounds=1)
    assert history[0]["spread"] == pytest.approx((0 + 2 + label) / 2)


def test_rows_that_are_all_one_have_a_barycentre():
    rows, _, history = labelled_barycentre([np.ones((2, 3))], [np.eye(2)], np.arange(2), label=1.0, rounds=3)
    np.testing.assert_array_equal(rows, 1)
    assert history == [{"spread": 0, "moved": 0, "mixed": 0}]


def test_the_classifier_gets_the_moved_barycentre_its_shares_and_the_shots():
    shots = Labelled(TEST[:3], np.arange(3))
    labels = np.where((OF == 1) & (LABELS == 2), 0, LABELS)  # rows of one source's class 2 serve class 0 too
    members = [np.eye(3)[labels[:18]], np.eye(3)[labels[18:]]]
    method = fitted(replace(TWO, source=Labelled(SOURCE, labels), shots=shots))
    start = np.sort(stream(0, "wbt").choice(30, 15, replace=False))
    rows, shares, history = labelled_barycentre(SETS, members, start, label=10.0, rounds=5)
    assert history[-1]["mixed"] > 0.01
    moved = barycentres(entropic_plan(scaled_cost(rows, TARGET, np.max), 0.05), TARGET)
    x = np.concatenate([np.tile(moved, (3, 1)), shots.inputs])
    y, w = np.append(np.repeat(np.arange(3), 15), np.arange(3)), np.append(shares.T.ravel(), [1, 1, 1])
    want = logistic().fit(x, y, w)
    np.testing.assert_allclose(method.predict_proba(TEST), want.predict_proba(TEST), atol=1e-4)
    np.testing.assert_allclose(method.features(rows, "source"), moved, atol=1e-9)
    np.testing.assert_array_equal(method.features(TEST, "target"), TEST)


def test_one_source_is_its_own_barycentre_and_the_method_ot_sinkhorn():
    method = fitted(TASK)
    assert method.history == [{"spread": pytest.approx(0, abs=1e-9), "moved": pytest.approx(0, abs=1e-9), "mixed": 0}]
    want = OtSinkhorn(reg=0.05, classifier=logistic()).fit(TASK).predict_proba(TEST)
    np.testing.assert_allclose(method.predict_proba(TEST), want, atol=1e-4)
    assert np.abs(fitted().predict_proba(TEST) - want).max() > 1e-3  # kept apart is not pooled


def test_sparse_rows_another_target_order_a_rotation_and_other_names_change_nothing():
    want = fitted().predict_proba(TEST)
    sparse = replace(TWO, source=Labelled(sp.csr_matrix(SOURCE), LABELS), target=sp.csr_matrix(TARGET[::-1]))
    np.testing.assert_allclose(fitted(sparse).predict_proba(sp.csr_matrix(TEST)), want, atol=1e-3)
    turn = np.linalg.qr(np.random.default_rng(2).normal(size=(4, 4)))[0]
    turned = replace(TWO, source=Labelled(SOURCE @ turn + 1, LABELS), target=TARGET @ turn + 1)
    moved = fitted(turned).features(SOURCE @ turn + 1, "source")
    np.testing.assert_allclose(moved, fitted().features(SOURCE, "source") @ turn + 1, atol=1e-7)
    renamed = fitted(replace(TWO, source=Labelled(SOURCE, 3 - LABELS), n_classes=4))  # class 0 is nobody's
    np.testing.assert_allclose(renamed.predict_proba(TEST)[:, [3, 2, 1]], want, atol=1e-3)
    assert not renamed.predict_proba(TEST)[:, 0].any()


def test_pot_is_asked_for_when_a_run_is_planned(monkeypatch):
    monkeypatch.setattr(transport, "find_spec", lambda module: None)
    with pytest.raises(TlbenchError, match=r"method=wbt needs the library 'ot'"):
        Wbt(label=1.0, rounds=1, reg=0.1, classifier=logistic())


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"label": -0.1}, r"method\.label must be 0 or more"),
        ({"rounds": 0}, r"method\.rounds must be 1 or more"),
        ({"reg": 0.0}, r"method\.reg must be above 0"),
    ],
)
def test_values_out_of_range_are_refused(changed, told):
    with pytest.raises(TlbenchError, match=told):
        fitted(**changed)
