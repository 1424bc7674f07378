"""sla: who is chosen when, what each round minimises, and whose rows and labels play a part."""

from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse as sp

from baselines.sla import SelectiveLearning, lowest
from tests.baselines.naive import LABELS, SOURCE, TARGET, TASK, TEST
from tlbench.classifiers.autoencoder import Autoencoder
from tlbench.errors import Refused, TlbenchError
from tlbench.tasks import Labelled

SHOTS = Labelled(TARGET[:9], np.arange(9) % 3)
DIRECT = replace(TASK, shots=SHOTS)
BRIDGE = (SOURCE[:21] + TARGET[:21]) / 2
CHAIN = replace(DIRECT, bridges=(BRIDGE[:8], BRIDGE[8:]))


def net(cls=Autoencoder, seed=0):
    return cls(n_classes=3, seed=seed, dim=5, reconstruction=0.7, decay=0.01, steps=200, tolerance=1e-3)


def sla(classifier=None, **changed):
    settings = {"first": 0.2, "source": 0.8, "bridges": 0.6, "rounds": 3, **changed}
    return SelectiveLearning(**settings, classifier=classifier or net())


class Watched(Autoencoder):
    """Keeps what it is trained on, its layers before and after, and what it was told."""

    def improve(self, x_ND, labels_N, **weights):
        before = self.layers
        value = super().improve(x_ND, labels_N, **weights)
        self.seen = [*getattr(self, "seen", []), (before, self.layers, x_ND, labels_N, weights, value)]
        return value


def losses_of(layers, length, x, labels):
    """Reconstruction, cross-entropy (entropy where there is no label) and their sum with reconstruction 0.7, from the weights."""
    w, b, v, c, u, d = layers.arrays
    h = np.tanh(x / length @ w + b)
    left = ((h @ v + c - x / length) ** 2).sum(axis=1)
    e = np.exp(h @ u + d)
    p = e / e.sum(axis=1, keepdims=True)
    doubt = np.array([-np.log(q[y]) if y >= 0 else -(q * np.log(q)).sum() for q, y in zip(p, labels, strict=True)])
    return left, doubt, doubt + 0.7 * left


def test_the_lowest_are_so_many_and_all_ties():
    losses = np.array([3.0, 1.0, 2.0, 5.0, 4.0])
    assert lowest(losses, 0.6).tolist() == [True, True, True, False, False]
    assert lowest(losses, 0.41).tolist() == [True, True, True, False, False]  # rounded up
    assert lowest(losses, 0.4).tolist() == [False, True, True, False, False]
    assert lowest(np.array([1.0, 0.0, 1.0]), 0.5).all()
    assert lowest(losses, 1.0).all()
    assert not lowest(losses, 0.0).any()
    assert lowest(losses[:0], 0.5).tolist() == []


def test_each_fit_is_on_the_rows_that_the_losses_before_choose():
    method = sla(net(Watched)).fit(CHAIN)
    n, b, m = 30, 21, len(TARGET) + 9
    x = np.concatenate([SOURCE, BRIDGE, TARGET, SHOTS.inputs])
    length = np.sqrt((x[n + b :] ** 2).sum(axis=1).mean())
    source, bridge = np.ones(n, bool), np.zeros(b, bool)
    shares = [(0.2, 0.2), (0.5, 0.4), (0.8, 0.6), None]
    for (before, after, rows, labels, weights, value), told, share in zip(
        method.classifier.seen, method.history, shares, strict=True
    ):
        assert (rows == x).all()
        assert labels.tolist() == [*LABELS, *[-1] * (b + len(TARGET)), *SHOTS.labels]
        chosen = np.concatenate([source / n, bridge / b])
        assert weights["by_class"] == pytest.approx(
            np.concatenate([source / n, np.zeros(b + m - 9), np.full(9, 1 / 9)])
        )
        assert weights["by_entropy"] == pytest.approx(np.concatenate([np.zeros(n), bridge / b, np.zeros(m)]))
        assert weights["by_reconstruction"] == pytest.approx(np.concatenate([chosen, np.full(m, 1 / m)]))

        def total(layers, labels=labels, given=weights):
            left, doubt, _ = losses_of(layers, length, x, labels)
            squares = sum((a**2).sum() for a in (layers.encoder, layers.decoder, layers.head))
            return (
                (given["by_class"] + given["by_entropy"]) @ doubt
                + 0.7 * given["by_reconstruction"] @ left
                + 0.005 * squares
            )

        assert value == pytest.approx(total(after))
        assert value <= total(before) + 1e-12  # for a fixed choice no round raises the objective
        losses = losses_of(after, length, x, labels)[2]
        assert told == {
            "objective": value,
            "source_loss": pytest.approx(losses[:n].mean()),
            "source_chosen": source.mean(),
            "bridge_loss": pytest.approx(losses[n : n + b].mean()),
            "bridge_chosen": bridge.mean(),
        }
        if share:
            source, bridge = (
                np.isin(np.arange(len(part)), np.argsort(part)[: int(np.ceil(q * len(part) - 1e-9))])
                for part, q in zip((losses[:n], losses[n : n + b]), share, strict=True)
            )


def test_shares_rise_in_even_steps_and_stay_where_the_last_is_below_the_first():
    assert [sla(rounds=4).share(number, 0.8) for number in range(5)] == pytest.approx([0.2, 0.4, 0.6, 0.8, 0.8])
    assert [sla(rounds=3).share(number, 0.1) for number in range(3)] == pytest.approx([0.1, 0.1, 0.1])
    assert sla(rounds=1).share(0, 0.8) == pytest.approx(0.2)


def test_if_no_bridge_row_is_ever_chosen_the_chain_is_the_direct_pair():
    want = sla().fit(DIRECT)
    got = sla(bridges=0.0).fit(CHAIN)
    np.testing.assert_array_equal(got.predict_proba(TEST), want.predict_proba(TEST))
    assert [set(row) for row in want.history] == [{"objective", "source_loss", "source_chosen"}] * 4
    assert np.abs(sla().fit(CHAIN).predict_proba(TEST) - want.predict_proba(TEST)).max() > 1e-3


def test_if_all_of_the_source_is_always_chosen_it_is_one_fit_on_both_domains():
    whole = sla(net(), first=1.0, source=1.0, rounds=1).fit(DIRECT)
    once = net()
    x, y = (
        np.concatenate([SOURCE, TARGET, SHOTS.inputs]),
        np.concatenate([LABELS, np.full(len(TARGET), -1), SHOTS.labels]),
    )
    n, m = len(SOURCE), len(TARGET) + 9
    once.begin(x[n:], np.arange(3))
    for _ in range(2):
        once.improve(
            x,
            y,
            by_class=np.concatenate([np.full(n, 1 / n), np.zeros(m - 9), np.full(9, 1 / 9)]),
            by_entropy=np.zeros(n + m),
            by_reconstruction=np.concatenate([np.full(n, 1 / n), np.full(m, 1 / m)]),
        )
    assert whole.predict_proba(TEST) == pytest.approx(once.predict_proba(TEST), abs=1e-9)


def test_source_rows_that_contradict_the_shots_are_left_out():
    wrong = np.arange(30) % 5 == 0
    labels = np.where(wrong, (LABELS + 1) % 3, LABELS)
    shots = Labelled(SOURCE[~wrong], LABELS[~wrong])
    task = replace(DIRECT, source=Labelled(SOURCE, labels), target=SOURCE, shots=shots)
    method = sla(net(Watched), source=0.8).fit(task)
    last = method.classifier.seen[-1][4]["by_class"][:30] > 0
    assert last[wrong].mean() < 0.2 < 0.9 < last[~wrong].mean()


def test_source_labels_target_rows_and_bridge_rows_play_a_part():
    want = sla().fit(CHAIN).predict_proba(TEST)
    others = (
        replace(CHAIN, source=Labelled(SOURCE, np.roll(LABELS, 1))),
        replace(CHAIN, target=TARGET * [1, 1, 1, 3]),
        replace(CHAIN, bridges=(BRIDGE * [3, 1, 1, 1],)),
        replace(CHAIN, shots=Labelled(SHOTS.inputs, np.roll(SHOTS.labels, 1))),
    )
    for task in others:
        assert np.abs(sla().fit(task).predict_proba(TEST) - want).max() > 1e-3


def test_order_sparse_rows_and_the_names_of_classes_change_nothing():
    want = sla().fit(CHAIN).predict_proba(TEST)
    order = np.random.default_rng(1).permutation(30)
    moved = replace(
        CHAIN, source=Labelled(SOURCE[order], LABELS[order]), target=TARGET[::-1], bridges=(BRIDGE[8:], BRIDGE[:8])
    )
    assert sla().fit(moved).predict_proba(TEST) == pytest.approx(want, abs=1e-6)
    sparse = replace(CHAIN, source=Labelled(sp.csr_matrix(SOURCE), LABELS), target=sp.csr_matrix(TARGET))
    np.testing.assert_array_equal(sla().fit(sparse).predict_proba(sp.csr_matrix(TEST)), want)
    named = np.array([2, 0, 1])
    other = replace(CHAIN, source=Labelled(SOURCE, named[LABELS]), shots=Labelled(SHOTS.inputs, named[SHOTS.labels]))
    assert sla().fit(other).predict_proba(TEST)[:, named] == pytest.approx(want, abs=1e-6)


def test_a_class_may_be_absent_from_the_source_or_from_the_shots():
    two = replace(DIRECT, source=Labelled(SOURCE[LABELS < 2], LABELS[LABELS < 2]))
    p = sla().fit(two).predict_proba(TEST)
    assert p[:, 2].max() > 0.5  # the shots have it
    few = replace(DIRECT, shots=Labelled(SHOTS.inputs[:2], SHOTS.labels[:2]))
    assert (sla().fit(few).predict_proba(TEST) > 0).all()


def test_the_seed_decides():
    one, two, three = (sla(net(seed=seed)).fit(CHAIN).predict_proba(TEST) for seed in (0, 0, 1))
    np.testing.assert_array_equal(one, two)
    assert np.abs(one - three).max() > 1e-6


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"first": -0.1}, r"method\.first must be from 0 to 1"),
        ({"source": 1.1}, r"method\.source must be from 0 to 1"),
        ({"bridges": 1.1}, r"method\.bridges must be from 0 to 1"),
        ({"rounds": 0}, r"method\.rounds must be 1 or more"),
    ],
)
def test_values_out_of_range_are_refused(changed, told):
    with pytest.raises(TlbenchError, match=told):
        sla(**changed)


def test_without_shots_it_is_refused():
    with pytest.raises(Refused, match=r"sla needs labelled target examples"):
        sla().fit(TASK)
