"""prior_em, bbse and rlls: the shares that they find, what they do with them, and what cross-fitting must not see."""

import copy
from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse as sp

from baselines.bbse import Bbse
from baselines.prior_em import PriorEM
from baselines.rlls import Rlls
from tlbench.classifiers.estimators import LinearSVM, Logistic, NearestNeighbour
from tlbench.errors import Refused, TlbenchError
from tlbench.functional.class_shares import confusion, mixture_shares, solved_weights
from tlbench.method.cross_fitting import dealt_folds
from tlbench.seeds import stream
from tlbench.tasks import Labelled, Task

P, Q = np.array([0.6, 0.3, 0.1]), np.array([0.1, 0.3, 0.6])
METHODS = {"prior_em": PriorEM, "bbse": Bbse, "rlls": Rlls}
OWN = {"rlls": {"strength": 0.001, "trust": 1.0}}
CENTRES = 2.5 * np.eye(3, 4)


def rows(n, shares, seed):
    labels = np.random.default_rng(seed).permutation(np.repeat(np.arange(3), np.round(n * shares).astype(int)))
    return CENTRES[labels] + np.random.default_rng(seed + 100).normal(size=(len(labels), 4)), labels


SOURCE, LABELS = rows(900, P, 0)
TARGET, TRUE = rows(600, Q, 1)
TASK = Task(Labelled(SOURCE, LABELS), TARGET, None, None, 3, (4,))
SMALL = Task(Labelled(SOURCE[:60], LABELS[:60]), TARGET[:40], None, None, 3, (4,))


def logistic(n_classes=3, seed=0):
    return Logistic(C=1.0, n_classes=n_classes, seed=seed)


def made(name, classifier=None, **changed):
    given = {"how": "correct", "calibrate": "bcts", "folds": 5, **OWN.get(name, {}), **changed}
    return METHODS[name](classifier=classifier or logistic(), **given)


def plain(task, weights=None):
    return logistic().fit(task.source.inputs, task.source.labels, weights)


@pytest.mark.parametrize("classifier", [logistic(), LinearSVM(C=1.0, n_classes=3, seed=0)])
@pytest.mark.parametrize("name", METHODS)
def test_under_label_shift_the_shares_are_found_and_the_target_is_told_better(name, classifier):
    method = made(name, copy.copy(classifier)).fit(TASK)
    estimated = method.weights_K * P
    assert estimated / estimated.sum() == pytest.approx(Q, abs=0.08)
    before = (copy.copy(classifier).fit(SOURCE, LABELS).predict_proba(TARGET).argmax(axis=1) == TRUE).mean()
    after = (method.predict_proba(TARGET).argmax(axis=1) == TRUE).mean()
    assert after > before + 0.02
    told = method.history[0]
    assert told["shift"] == pytest.approx(0.5, abs=0.08)  # (0.5 + 0 + 0.5) / 2
    assert told["largest_weight"] == pytest.approx(method.weights_K.max())


def held_out(task, folds=5, seed=0):
    """The folds' own predictions, written again."""
    x, y = task.source.inputs, task.source.labels
    fold = dealt_folds(y, folds, stream(seed, "label_shift"))
    says, target = np.zeros((len(y), 3)), []
    for f in range(folds):
        learner = logistic().fit(x[fold != f], y[fold != f])
        says[fold == f] = learner.predict_proba(x[fold == f])
        target.append(learner.predict_proba(task.target))
    return says, np.concatenate(target)


def test_prior_em_is_em_on_held_out_probabilities():
    says, target = held_out(SMALL)
    shares, rounds = mixture_shares(target, says.mean(axis=0))
    method = made("prior_em", calibrate="none").fit(SMALL)
    assert method.weights_K == pytest.approx(shares / says.mean(axis=0))
    assert method.history[0]["rounds"] == rounds
    assert method.history[0]["temperature"] == 1


def test_bbse_solves_the_confusion_of_held_out_guesses():
    says, target = held_out(SMALL)
    c = confusion(says.argmax(axis=1), SMALL.source.labels, 3)
    mu = np.bincount(target.argmax(axis=1), minlength=3) / len(target)
    method = made("bbse").fit(SMALL)
    assert method.weights_K == pytest.approx(solved_weights(c, mu))
    assert method.history[0]["cut"] == (method.weights_K == 0).mean()
    sizes = np.linalg.svd(c, compute_uv=False)
    assert method.history[0]["inverse_condition"] == pytest.approx(sizes[2] / sizes[0])


def test_rlls_is_bbse_without_regularisation_and_source_only_with_much_of_it_or_no_trust():
    bbse, none = made("bbse").fit(TASK), made("rlls", strength=0.0).fit(TASK)
    assert none.weights_K == pytest.approx(bbse.weights_K, abs=1e-4)
    for off in ({"strength": 10.0}, {"trust": 0.0}):
        method = made("rlls", how="reweight", **off).fit(TASK)
        assert (method.weights_K == 1).all()
        np.testing.assert_array_equal(method.predict_proba(TARGET), plain(TASK).predict_proba(TARGET))  # to the bit
        assert method._of_examples(LABELS) is None  # a solver with weights of one ends elsewhere within its tolerance
    # n = 900 examples of 3 classes: 3 (2 ln 120 / 2700 + sqrt(2 ln 120 / 900)) = 0.010639 + 0.309438
    assert made("rlls", strength=1.0).fit(TASK).history[0]["rho"] == pytest.approx(0.320074, abs=1e-6)


@pytest.mark.parametrize("name", METHODS)
def test_correct_takes_calibrated_probabilities_times_the_weights_and_the_sources_as_they_are(name):
    method = made(name).fit(SMALL)
    says = method.calibration(plain(SMALL).predict_proba(TARGET))
    want = says * method.weights_K
    assert method.predict_proba(TARGET) == pytest.approx(want / want.sum(axis=1, keepdims=True))
    assert method.predict_proba(TARGET, "source") == pytest.approx(says)
    raw = made(name, calibrate="none").fit(SMALL)
    np.testing.assert_array_equal(raw.predict_proba(TARGET, "source"), plain(SMALL).predict_proba(TARGET))


@pytest.mark.parametrize("name", METHODS)
def test_reweight_fits_the_source_with_its_classes_weights_of_mean_one(name):
    method = made(name, how="reweight").fit(SMALL)
    weights = np.maximum(method.weights_K[LABELS[:60]] / method.weights_K[LABELS[:60]].mean(), 1e-3)
    want = plain(SMALL, weights / weights.mean())
    for domain in ("source", "target"):
        assert method.predict_proba(TARGET, domain) == pytest.approx(want.predict_proba(TARGET))


@pytest.mark.parametrize("name", METHODS)
def test_well_told_classes_on_the_source_itself_have_weight_one(name):
    far = 20 * SOURCE  # every example is held out with the right answer
    far += 300 * np.eye(3, 4)[LABELS]
    task = Task(Labelled(far, LABELS), far, None, None, 3, (4,))
    method = made(name, how="reweight").fit(task)
    assert method.weights_K == pytest.approx(np.ones(3), abs=2e-3)
    assert method.history[0]["shift"] == pytest.approx(0, abs=2e-3)


@pytest.mark.parametrize("how", ["correct", "reweight"])
@pytest.mark.parametrize("name", METHODS)
def test_sparse_rows_and_another_order_of_the_target_change_nothing(name, how):
    want = made(name, how=how).fit(SMALL).predict_proba(TARGET)
    other = replace(
        SMALL,
        source=Labelled(sp.csr_matrix(SMALL.source.inputs), SMALL.source.labels),
        target=sp.csr_matrix(SMALL.target[::-1]),
    )
    assert made(name, how=how).fit(other).predict_proba(sp.csr_matrix(TARGET)) == pytest.approx(want, abs=1e-4)


@pytest.mark.parametrize("how", ["correct", "reweight"])
@pytest.mark.parametrize("name", METHODS)
def test_a_class_that_the_source_lacks_has_no_probability_and_two_target_rows_will_do(name, how):
    # class 1 of four has no example, and class 3 stands for what was 2
    labels = np.array([0, 2, 3])[LABELS[:60]]
    task = Task(Labelled(SOURCE[:60], labels), TARGET[:2], None, None, 4, (4,))
    says = made(name, logistic(4), how=how).fit(task).predict_proba(TARGET)
    assert (says[:, 1] == 0).all()
    assert says.sum(axis=1) == pytest.approx(np.ones(len(TARGET)))


@pytest.mark.parametrize("name", METHODS)
def test_two_classes_and_fewer_rows_than_features(name):
    rng = np.random.default_rng(5)
    labels = np.arange(12) % 2
    x = rng.normal(size=(12, 30)) + 3 * labels[:, None]
    task = Task(Labelled(x, labels), x[:7], None, None, 2, (30,))
    says = made(name, logistic(2)).fit(task).predict_proba(x)
    assert (says.argmax(axis=1) == labels).all()


@pytest.mark.parametrize("how", ["correct", "reweight"])
@pytest.mark.parametrize("name", METHODS)
def test_shots_are_training_examples_as_the_sources_are(name, how):
    shots = Labelled(TARGET[:9], TRUE[:9])
    pooled = Labelled(
        np.concatenate([SMALL.source.inputs, shots.inputs]), np.concatenate([SMALL.source.labels, shots.labels])
    )
    want = made(name, how=how).fit(replace(SMALL, source=pooled)).predict_proba(TARGET)
    np.testing.assert_array_equal(made(name, how=how).fit(replace(SMALL, shots=shots)).predict_proba(TARGET), want)


@pytest.mark.parametrize("how", ["correct", "reweight"])
def test_a_class_of_weight_zero_is_never_said_and_breaks_no_fit(how):
    x = np.concatenate([10 * CENTRES[LABELS[:60]] + SOURCE[:60], SOURCE[:0]])
    target = x[LABELS[:60] != 1]
    task = Task(Labelled(x, LABELS[:60]), target, None, None, 3, (4,))
    method = made("bbse", LinearSVM(C=1.0, n_classes=3, seed=0), how=how).fit(task)
    assert method.weights_K[1] == 0
    assert method.history[0]["cut"] == pytest.approx(1 / 3)
    assert (method.predict_proba(target).argmax(axis=1) != 1).all()


@pytest.mark.parametrize(("n", "folds"), [(23, 5), (10, 3), (4, 5)])
def test_folds_share_out_all_rows_and_each_class(n, folds):
    labels = np.sort(np.arange(n) % 2)
    fold = dealt_folds(labels, folds, np.random.default_rng(0))
    for part in (fold, fold[labels == 0], fold[labels == 1]):
        sizes = np.bincount(part, minlength=folds)
        assert sizes.max() - sizes.min() <= 1
    others = [dealt_folds(labels, folds, np.random.default_rng(s)).tolist() for s in range(1, 6)]
    assert any(other != fold.tolist() for other in others)


def test_the_seed_draws_the_folds():
    assert PriorEM.draws
    one, other = (made("bbse", logistic(seed=seed)).fit(SMALL).weights_K for seed in (0, 1))
    assert (one != other).any()


@pytest.mark.parametrize("name", METHODS)
def test_what_cannot_be_is_refused(name):
    for wrong in ({"how": "both"}, {"calibrate": "platt"}, {"folds": 1}):
        with pytest.raises(TlbenchError, match=f"method.{next(iter(wrong))} must be"):
            made(name, **wrong)
    lone = np.where(np.arange(60) == 7, 3, LABELS[:60])
    task = Task(Labelled(SOURCE[:60], lone), TARGET, None, None, 4, (4,))
    with pytest.raises(Refused, match="two labelled examples, but class 3 has one"):
        made(name, logistic(4)).fit(task)
    with pytest.raises(Refused, match="takes no weights"):
        made(name, NearestNeighbour(n_classes=3, seed=0), how="reweight").fit(TASK)


@pytest.mark.parametrize("wrong", [{"strength": -0.1}, {"trust": 1.1}, {"trust": -0.1}])
def test_rlls_refuses_what_its_own_numbers_cannot_be(wrong):
    made("rlls", strength=0.0, trust=0.0)
    with pytest.raises(TlbenchError, match=f"method.{next(iter(wrong))} must be"):
        made("rlls", **wrong)
