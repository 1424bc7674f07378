"""multisource_tradaboost and task_tradaboost: the paper's algorithms written again, and what several sources are for."""

import dataclasses
import inspect

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.svm import SVC

from baselines.multisource_tradaboost import MultisourceTrAdaBoost, losses
from baselines.task_tradaboost import TaskTrAdaBoost
from baselines.tradaboost import TrAdaBoost
from tests.support import config_of, ensure_run, gaussian_task, identity_of
from tlbench.classifiers.estimators import LinearSVM, NearestNeighbour
from tlbench.errors import Refused, TlbenchError
from tlbench.functional.boosting import one_hot, voted
from tlbench.store.runs import RunStore
from tlbench.tasks import Labelled, Task

ONE, HELD = gaussian_task(n=60, shots_per_class=6, shift=1.0, seed=3)
TEST = HELD.test.inputs
OF = np.arange(60) % 5 // 3
FALSE = (OF == 1) & (np.arange(60) % 3 == 0)  # a third of the second source's labels
TASK = dataclasses.replace(
    ONE,
    source=Labelled(ONE.source.inputs, np.where(FALSE, 1 - ONE.source.labels, ONE.source.labels)),
    source_of=OF,
    source_names=("near", "far"),
)
SHOTS = TASK.shots


def svm(C=1.0, n_classes=2):
    return LinearSVM(n_classes=n_classes, seed=0, C=C)


def multi(rounds=6, update="all", loss="paper", C=1.0, n_classes=2):
    return MultisourceTrAdaBoost(rounds=rounds, update=update, loss=loss, classifier=svm(C, n_classes))


def by_task(rounds=6, gamma=0.0, loss="paper", C=1.0, n_classes=2):
    return TaskTrAdaBoost(rounds=rounds, gamma=gamma, loss=loss, classifier=svm(C, n_classes))


def sides(labels):
    return 2 * labels - 1


def a_of(error, m):
    error = min(max(error, 1 / (2 * m)), 0.5)
    return 0.5 * np.log((1 - error) / error)


def fitted(x, y, w):
    return SVC(kernel="linear", C=1.0).fit(x, y, sample_weight=w * len(w) / w.sum())


def papers_multisource(task, x, rounds, update):
    """Algorithm 1 for labels -1 and 1, weights with exponents of |h - y| in {0, 2}."""
    sources, shots = task.sources, task.shots
    ws, wt = [np.ones(len(s)) for s in sources], np.ones(len(shots))
    a_s = 0.5 * np.log(1 + np.sqrt(2 * np.log(len(task.source)) / rounds))
    score, picked = np.zeros(len(x)), []
    for _ in range(rounds):
        found = []
        for s, w in zip(sources, ws, strict=True):
            h = fitted(np.vstack([s.inputs, shots.inputs]), np.concatenate([s.labels, shots.labels]), np.append(w, wt))
            found.append((wt[h.predict(shots.inputs) != shots.labels].sum() / wt.sum(), h))
        k = int(np.argmin([e for e, _ in found]))
        e, h = found[k]
        a_t = a_of(e, len(shots))
        picked.append(k)
        for j, s in enumerate(sources):
            if update == "all" or j == k:
                ws[j] *= np.exp(-a_s * np.abs(sides(h.predict(s.inputs)) - sides(s.labels)))
        wt *= np.exp(a_t * np.abs(sides(h.predict(shots.inputs)) - sides(shots.labels)))
        score += a_t * sides(h.predict(x))
    return score, picked


@pytest.mark.parametrize("update", ["all", "chosen"])
@pytest.mark.parametrize("rounds", [1, 7])
def test_multisource_is_the_papers_algorithm(rounds, update):
    score, picked = papers_multisource(TASK, TEST, rounds, update)
    method = multi(rounds, update).fit(TASK)
    shares = method.predict_proba(TEST)
    clear = np.abs(score) > 1e-9
    assert clear.mean() > 0.9
    assert (shares.argmax(axis=1)[clear] == (score > 0)[clear]).all()
    assert shares[:, 1] == pytest.approx((1 + score / sum(method.votes) * 2) / 2, abs=1e-6)
    for place, name in enumerate(TASK.source_names):
        want = np.cumsum(np.array(picked) == place) / np.arange(1, rounds + 1)
        assert [h[f"chosen_{name}"] for h in method.history] == pytest.approx(want)


def turned(task):
    """The same sources in the other order."""
    order = np.argsort(1 - task.source_of, kind="stable")
    source = Labelled(task.source.inputs[order], task.source.labels[order])
    return dataclasses.replace(
        task, source=source, source_of=1 - task.source_of[order], source_names=task.source_names[::-1]
    )


def test_of_sources_that_err_equally_the_surest_is_taken_in_whichever_order_they_come():
    # shots far from all else and right for either: both learners are without an error on them, in every round
    shots = Labelled(np.array([[9.0, 9, 9], [-9, -9, -9]]), np.array([1, 0]))
    task = dataclasses.replace(TASK, shots=shots)
    alone = [svm().fit(np.vstack([s.inputs, shots.inputs]), np.append(s.labels, shots.labels)) for s in task.sources]
    sure = [-np.log(learner.predict_proba(shots.inputs)[[0, 1], [1, 0]]).mean() for learner in alone]
    best = task.source_names[int(np.argmin(sure))]
    one, two = multi(3).fit(task), multi(3).fit(turned(task))
    for method in (one, two):
        assert [(h["target_error"], h[f"chosen_{best}"]) for h in method.history] == [(0, 1)] * 3
    assert two.predict_proba(TEST) == pytest.approx(one.predict_proba(TEST), abs=1e-6)


def test_losses_are_the_error_and_then_the_log_loss():
    p = np.array([[0.8, 0.2], [0.4, 0.6], [0.7, 0.3]])
    error, log = losses(p, np.array([0, 0, 0]), np.array([1.0, 2.0, 1.0]))
    assert error == 0.5  # the second row, of weight 2 of 4
    assert log == pytest.approx(-(np.log(0.8) + 2 * np.log(0.4) + np.log(0.7)) / 4)
    assert np.isfinite(losses(np.array([[1.0, 0.0]]), np.array([1]), np.ones(1))[1])


def test_whose_weights_change_matters():
    one, two = (multi(7, update).fit(TASK) for update in ("all", "chosen"))
    assert one.votes != two.votes


def test_with_one_source_it_is_tradaboost_with_all_rounds_voting():
    method = multi(8).fit(ONE)
    other = TrAdaBoost(rounds=8, classifier=svm()).fit(ONE)
    assert method.votes == other.votes
    assert [h["target_error"] for h in method.history] == [h["target_error"] for h in other.history]
    assert all(h["chosen_source"] == 1 for h in method.history)
    says = np.stack([one_hot(learner.predict_proba(TEST)) for learner in other.learners])
    np.testing.assert_array_equal(method.predict_proba(TEST), voted(says, np.array(other.votes)))


def noise_and_copy():
    """A source of random labels, and one that is drawn as the target is."""
    rng, (copy, _) = np.random.default_rng(0), gaussian_task(n=40, shift=0.0, seed=7)
    target = Labelled(copy.source.inputs + 1.0, copy.source.labels)
    noise = Labelled(rng.normal(size=(40, 3)) + 1.5, rng.integers(0, 2, 40))
    source = Labelled(np.concatenate([noise.inputs, target.inputs]), np.concatenate([noise.labels, target.labels]))
    return dataclasses.replace(ONE, source=source, source_of=np.repeat([0, 1], 40), source_names=("noise", "copy"))


@pytest.mark.parametrize("make", [multi, by_task])
def test_random_labels_are_not_picked_over_a_copy_of_the_target(make):
    # a weak learner, so that the shots do not decide alone
    method = make(4, C=0.02).fit(noise_and_copy())
    assert [h["chosen_copy"] for h in method.history] == [1.0] * len(method.history)
    assert [h["chosen_noise"] for h in method.history] == [0.0] * len(method.history)
    assert (method.predict_proba(TEST).argmax(axis=1) == HELD.test.labels).mean() > 0.8


def papers_task(task, x, rounds, gamma):
    """Algorithms 2 and 3 for labels -1 and 1; a candidate with an error of 1/2 or more ends it."""
    shots, candidates = task.shots, []
    for s in task.sources:
        w = np.ones(len(s))
        for _ in range(rounds):
            h = fitted(s.inputs, s.labels, w)
            wrong = h.predict(s.inputs) != s.labels
            e = w[wrong].sum() / w.sum()
            a = a_of(e, len(s))
            if a > gamma:
                candidates.append(h)
            if e > 0.5 - 1e-9 or e == 0:
                break
            w = w * np.exp(a * np.abs(sides(h.predict(s.inputs)) - sides(s.labels)))
    w, score, errors = np.ones(len(shots)), np.zeros(len(x)), []
    for _ in range(rounds):
        found = [w[h.predict(shots.inputs) != shots.labels].sum() / w.sum() for h in candidates]
        if not found or min(found) > 0.5 - 1e-9:
            break
        h = candidates.pop(int(np.argmin(found)))
        a = a_of(min(found), len(shots))
        score += a * sides(h.predict(x))
        errors.append(min(found))
        if min(found) <= 1 / (2 * len(shots)):
            break
        w = w * np.exp(a * np.abs(sides(h.predict(shots.inputs)) - sides(shots.labels)))
    return score, errors


@pytest.mark.parametrize(("rounds", "gamma"), [(1, 0.0), (3, 0.0), (12, 0.0), (12, 0.15)])
def test_by_task_is_the_papers_algorithm(rounds, gamma):
    score, errors = papers_task(TASK, TEST, rounds, gamma)
    method = by_task(rounds, gamma).fit(TASK)
    assert [h["target_error"] for h in method.history] == pytest.approx(errors)
    shares = method.predict_proba(TEST)
    assert shares[:, 1] == pytest.approx((1 + score / sum(method.votes) * 2) / 2, abs=1e-6)
    assert len({id(learner) for learner in method.learners}) == len(method.learners)


class Says:
    def __init__(self, wrong):
        self.wrong = wrong

    def predict_proba(self, x):
        return np.eye(2)[np.isin(np.arange(len(x)), self.wrong).astype(int)]


class Given(TaskTrAdaBoost):
    """Candidates that are given."""

    def candidates(self, task):
        return [Says(wrong) for wrong in self.given], [0, 1, 1][: len(self.given)]


@pytest.mark.parametrize(
    ("given", "votes", "errors"),
    [
        # 1/4 each: the first; weights 3 1 1 1 of 6, so 1/6 against 5/6; weights 3 5 1 1, and the last has 5/10: no say
        ([[0], [1], [0, 2, 3]], [3, 5], [1 / 4, 1 / 6]),
        ([[0], []], [7], [0.0]),  # 0 is at most 1 / (2m) = 1/8: nothing is left to learn
        ([[0, 1], [1, 2]], [1], [1 / 2]),  # no candidate has a say: the best of them decides
    ],
)
def test_the_second_part_by_hand(given, votes, errors):
    shots = Labelled(np.zeros((4, 1)), np.zeros(4, dtype=int))
    task = Task(shots, shots.inputs, shots, None, 2, (1,), source_of=np.array([0, 0, 1, 1]), source_names=("a", "b"))
    method = Given(rounds=9, gamma=0.0, classifier=svm())
    method.given = given
    method.fit(task)
    assert np.exp(method.votes) == pytest.approx(votes)
    assert [h["target_error"] for h in method.history] == pytest.approx(errors)
    assert method.history[-1]["chosen_a"] == pytest.approx({2: 0.5}.get(len(votes), 0.0 if votes == [7] else 1.0))


def test_rounds_bound_both_parts():
    method = by_task(2)
    assert len(method.candidates(TASK)[0]) <= 4
    assert len(by_task(2).fit(TASK).learners) <= 2
    many = by_task(30)
    assert len(many.candidates(TASK)[0]) > 4


def test_no_candidate_is_refused_with_the_largest_vote():
    with pytest.raises(
        Refused, match=r"no learner of a source whose vote is above method\.gamma=50.*the largest is \d"
    ):
        by_task(gamma=50.0).fit(TASK)


@pytest.mark.parametrize("make", [multi, by_task])
def test_order_of_rows_names_of_classes_and_sparseness_change_nothing(make):
    order = np.random.default_rng(0).permutation(60)
    changed = dataclasses.replace(
        TASK,
        source=Labelled(sp.csr_matrix(TASK.source.inputs[order]), 1 - TASK.source.labels[order]),
        source_of=TASK.source_of[order],
        shots=Labelled(sp.csr_matrix(SHOTS.inputs[::-1]), 1 - SHOTS.labels[::-1]),
    )
    want, got = make().fit(TASK), make().fit(changed)
    np.testing.assert_allclose(got.votes, want.votes, rtol=1e-6)
    found = got.predict_proba(sp.csr_matrix(TEST))[:, ::-1]
    np.testing.assert_allclose(found, want.predict_proba(TEST), atol=1e-6)


@pytest.mark.parametrize("make", [multi, by_task])
def test_a_class_that_one_source_or_all_lack(make):
    task = dataclasses.replace(TASK, source=Labelled(TASK.source.inputs, 2 * TASK.source.labels), n_classes=3,
                               shots=Labelled(SHOTS.inputs, 2 * SHOTS.labels))  # fmt: skip
    proba = make(n_classes=3).fit(task).predict_proba(TEST)
    assert not proba[:, 1].any()
    np.testing.assert_allclose(proba[:, [0, 2]], make().fit(TASK).predict_proba(TEST))
    third = np.where(OF == 0, np.arange(60) // 5 % 3, np.arange(60) // 5 % 2)
    apart = Labelled(TASK.source.inputs + 4 * np.eye(3)[third], third)
    proba = make(n_classes=3).fit(dataclasses.replace(task, source=apart)).predict_proba(TEST)
    np.testing.assert_allclose(proba.sum(axis=1), 1)


@pytest.mark.parametrize("make", [multi, by_task])
def test_samme_counts_the_classes(make):
    labels = np.arange(60) // 5 % 3
    three = dataclasses.replace(
        TASK, n_classes=3, source=Labelled(TASK.source.inputs + 1.2 * np.eye(3)[labels], labels),
        shots=Labelled(SHOTS.inputs[:9] + 1.2 * np.eye(3)[np.arange(9) % 3], np.arange(9) % 3),
    )  # fmt: skip
    paper, samme = (make(3, loss=loss, C=0.05, n_classes=3).fit(three) for loss in ("paper", "samme"))
    error = max(samme.history[0]["target_error"], 1 / 18)
    assert samme.votes[0] == pytest.approx(np.log((1 - error) / error) + np.log(2))
    assert paper.votes[0] == pytest.approx(max(0.0, np.log((1 - error) / error)))


@pytest.mark.parametrize("make", [multi, by_task])
def test_no_unlabelled_target_example_is_looked_at(make):
    other = dataclasses.replace(TASK, target=TASK.target * 100 + 5)
    np.testing.assert_array_equal(make().fit(TASK).predict_proba(TEST), make().fit(other).predict_proba(TEST))


def test_a_kept_method_holds_no_kernels():
    for make in (multi, by_task):
        method = make().fit(TASK)
        method.predict_proba(TEST)
        method.forget()
        assert not any(learner._kernels for learner in method.learners)
        assert method.predict_proba(TEST).shape == (50, 2)


@pytest.mark.parametrize("make", [multi, by_task])
def test_what_cannot_be_is_refused(make):
    name = inspect.getmodule(type(make())).__name__.rpartition(".")[2]
    with pytest.raises(Refused, match=rf"{name} needs labelled target examples.*protocol\.shots"):
        make().fit(dataclasses.replace(TASK, shots=None))
    for wrong in ({"rounds": 0}, {"loss": "soft"}, {"update": "none"} if make is multi else {"gamma": -0.1}):
        with pytest.raises(TlbenchError, match=rf"method\.{next(iter(wrong))} must be"):
            make(**wrong)
    method = make()
    method.classifier = NearestNeighbour(n_classes=2, seed=0)
    with pytest.raises(Refused, match="takes no weights"):
        method.fit(TASK)


@pytest.mark.parametrize("make", [multi, by_task])
def test_kernels_are_worked_out_once_for_each_source_and_not_in_each_round(make, monkeypatch):
    count, kernel = [], LinearSVM._kernel
    monkeypatch.setattr(LinearSVM, "_kernel", lambda self, a, b: count.append(a.shape) or kernel(self, a, b))
    for rounds in (2, 8):
        count.append(rounds)
        make(rounds).fit(TASK)
    few, many = count[1 : count.index(8)], count[count.index(8) + 1 :]
    assert len(few) == len(many) <= 8


@pytest.mark.parametrize("name", ["multisource_tradaboost", "task_tradaboost"])
def test_a_run_names_the_domains_that_it_took(name, toy):
    shots = ("protocol.shots=2", "method.rounds=3", "classifier.C=0.05", "references.with_shots=[target_only]")
    config = config_of("dataset=toy", "pair=L+T-R", f"method={name}", *shots, "distances=0", config_dir=toy)
    assert ensure_run(config) == "done"
    history = RunStore(config.store).history(identity_of(config)["run_key"])
    assert set(history["name"]) == {"target_error", "chosen_left", "chosen_top"}
    last = history[history["step"] == history["step"].max()].set_index("name")["value"]
    assert last["chosen_left"] + last["chosen_top"] == pytest.approx(1)
