import dataclasses

import numpy as np
import pytest
from sklearn.svm import SVC

from baselines.tradaboost import TrAdaBoost
from tests.support import gaussian_task
from tlbench.classifiers.estimators import LinearSVM
from tlbench.errors import Refused, TlbenchError
from tlbench.functional.boosting import (
    classes_of,
    growing_alike,
    reweighted,
    source_beta,
    target_beta,
    voted,
    voting_from,
)
from tlbench.tasks import Labelled, Task


def test_source_beta_is_the_papers():
    # n = 100, N = 50: 1 / (1 + sqrt(2 ln 100 / 50))
    assert (
        source_beta(100, 50)
        == pytest.approx(1 / (1 + np.sqrt(2 * np.log(100) / 50)))
        == pytest.approx(0.69970, abs=1e-5)
    )
    assert source_beta(100, 500) > source_beta(100, 50)


def test_target_beta_is_e_over_one_minus_e_not_over_two_minus_e():
    # weights 1 1 2, the last wrong: e = 1/2; the first wrong: e = 1/4, beta = 1/3 (E / (2 - E) would be 1/7)
    assert target_beta(np.array([1.0, 1, 2]), np.array([True, False, False])) == pytest.approx(1 / 3)


@pytest.mark.parametrize(
    ("wrong", "want"),
    [
        ([True, True, True, False], 1.0),
        ([True] * 4, 1.0),
        ([False] * 4, (1 / 8) / (7 / 8)),
        ([True] * 2 + [False] * 2, 1.0),
    ],
)
def test_errors_of_a_half_or_more_and_of_zero_are_kept_within_bounds(wrong, want):
    assert target_beta(np.ones(4), np.array(wrong)) == pytest.approx(want)


def test_an_error_of_a_half_but_for_rounding_has_no_say():
    weights, wrong = np.array([0.1, 0.2, 0.3]), np.array([True, True, False])
    assert target_beta(weights, ~wrong) == target_beta(weights, wrong) == 1.0  # one of them is 1/2 - 1e-16
    assert weights[~wrong].sum() / weights.sum() < 0.5
    assert target_beta(np.array([1.0, 1 + 1e-7]), np.array([True, False])) == pytest.approx(1 / (1 + 1e-7), abs=1e-12)


def test_a_vote_made_of_rounding_does_not_decide():
    weights, wrong = (
        np.array([0.1, 0.2, 0.3]),
        np.array([[True, True, False], [False, False, True], [True, True, False]]),
    )
    votes = -np.log([target_beta(weights, w) for w in wrong])
    says = np.eye(2)[[[0], [1], [0]]]
    assert voted(says, votes) == pytest.approx(np.array([[2 / 3, 1 / 3]]))


def test_wrong_source_examples_lose_weight_and_wrong_target_examples_gain_it():
    weights, wrong = np.array([1.0, 1, 2, 2, 4]), np.array([True, False, True, False, True])
    beta = source_beta(3, 10)
    got = reweighted(weights, wrong, n=3, rounds=10, beta_t=0.25)
    assert got == pytest.approx([beta, 1, 2 * beta, 2, 16])


@pytest.mark.parametrize(("rounds", "first"), [(1, 1), (2, 1), (3, 2), (4, 2), (5, 3), (100, 50)])
def test_the_vote_starts_at_round_ceil_n_over_2(rounds, first):
    assert voting_from(rounds) + 1 == first


def test_the_vote_weighs_rounds_by_the_log_of_one_over_beta():
    says = np.array([[[1.0, 0]], [[0, 1.0]], [[0, 1.0]]])  # round 1 says class 0, rounds 2 and 3 class 1
    assert voted(says, np.log([8.0, 2, 2])) == pytest.approx(np.array([[0.6, 0.4]]))  # 3 : 1 + 1 in bits
    assert voted(says, np.zeros(3)) == pytest.approx(np.array([[1 / 3, 2 / 3]]))


def papers_algorithm(xs, ys, xt, yt, x, rounds):
    """Algorithm 1 for two classes, written from the paper: h in {0, 1}, |h - c|, product form of the final vote."""
    n, m = len(xs), len(xt)
    pool, labels = np.vstack([xs, xt]), np.concatenate([ys, yt])
    w = np.ones(n + m)
    beta = 1 / (1 + np.sqrt(2 * np.log(n) / rounds))
    score, bound = np.ones(len(x)), 1.0
    for t in range(1, rounds + 1):
        p = w / w.sum()
        h = SVC(kernel="linear", C=1.0).fit(pool, labels, sample_weight=p * (n + m))
        loss = np.abs(h.predict(pool) - labels)
        e = (w[n:] * loss[n:]).sum() / w[n:].sum()
        e = min(max(e, 1 / (2 * m)), 0.5)
        beta_t = e / (1 - e)
        w[:n] *= beta ** loss[:n]
        w[n:] *= beta_t ** -loss[n:]
        if t >= np.ceil(rounds / 2):
            score *= beta_t ** -h.predict(x).astype(float)
            bound *= beta_t**-0.5
    return (score >= bound).astype(int)


@pytest.mark.parametrize("shift", [0.5, 1.0])
@pytest.mark.parametrize("rounds", [1, 5, 8])
def test_two_classes_are_the_papers_algorithm(rounds, shift):
    task, held_out = gaussian_task(n=60, shots_per_class=6, shift=shift, seed=3)
    x = held_out.test.inputs
    want = papers_algorithm(task.source.inputs, task.source.labels, task.shots.inputs, task.shots.labels, x, rounds)
    method = TrAdaBoost(rounds=rounds, classifier=LinearSVM(n_classes=2, seed=0, C=1.0)).fit(task)
    shares = method.predict_proba(x)
    clear = np.abs(shares[:, 1] - 0.5) > 1e-9  # a tie goes to class 1 in the paper, to the lower class here
    assert clear.mean() > 0.9
    assert (shares.argmax(axis=1)[clear] == want[clear]).all()
    assert 0 < want.mean() < 1


class ErrsInTurn:
    """A base learner that is wrong on one shot after the other, and keeps the weights that it gets."""

    def __init__(self, right: np.ndarray, n: int) -> None:
        self.right, self.n, self.fits = right, n, []

    def __copy__(self):
        return self

    def fit(self, x, y, weights):
        self.fits.append(weights)
        return self

    def predict_proba(self, x):
        says = self.right.copy()
        says[self.n + (len(self.fits) - 1) % (len(says) - self.n)] ^= 1
        return np.eye(2)[says]


def test_thousands_of_rounds_leave_the_weights_finite():
    # one of four shots errs in each round, and beta_t < 1 / 2: unscaled, the weights of the shots more than double in four rounds
    task, _ = gaussian_task(n=6, shots_per_class=2)
    right = np.concatenate([task.source.labels, task.shots.labels])
    learner = ErrsInTurn(right, 6)
    method = TrAdaBoost(rounds=4000, classifier=learner).fit(task)
    assert np.isfinite(method.votes).all()
    assert all(np.isfinite(list(round_.values())).all() for round_ in method.history)
    assert [weights.mean() for weights in learner.fits] == pytest.approx(np.ones(4000))


def test_samme_lets_errors_speak_up_to_the_chance_of_several_classes():
    weights, first, two = (
        np.array([1.0, 1, 2, 6]),
        np.array([False, False, True, False]),
        np.array([True, False, False, True]),
    )
    # five classes, chance 4/5: e = 1/5 gives (1/5) / (4/5 * 4) = 1/16; e = 7/10 gives (7/10) / (3/10 * 4) = 7/12
    assert target_beta(weights, first, 5) == pytest.approx(1 / 16)
    assert target_beta(weights, two, 5) == pytest.approx(7 / 12)
    assert target_beta(weights, two) == 1.0
    assert target_beta(np.ones(5), np.arange(5) > 0, 5) == 1.0
    assert target_beta(np.ones(5), np.arange(5) < 0, 5) == pytest.approx(1 / 10 / (9 / 10 * 4))
    assert [classes_of(loss, np.array([0, 3, 3, 4])) for loss in ("paper", "samme")] == [2, 3]
    assert classes_of("samme", np.zeros(3)) == 2


def test_the_source_grows_as_the_shots_do():
    # four shots, one wrong: e = 1/4. Two classes: 1 + 1 + 1 + 3 of 4 is 3/2 = 2 (1 - e); five: 1 + 1 + 1 + 12 is 15/4 = 5 (1 - e)
    weights, wrong = np.ones(6), np.array([True, False, True, False, False, False])
    for classes, factor in ((2, 1.5), (5, 3.75)):
        after = reweighted(weights, wrong, 2, 10, target_beta(weights[2:], wrong[2:], classes))
        got = growing_alike(weights, after, 2)
        assert got == pytest.approx(np.append(factor * after[:2], after[2:]))


@pytest.mark.parametrize("dynamic", [False, True])
def test_a_source_that_is_always_right_keeps_its_share_if_it_is_dynamic(dynamic):
    task, _ = gaussian_task(n=6, shots_per_class=2)
    learner = ErrsInTurn(np.concatenate([task.source.labels, task.shots.labels]), 6)
    method = TrAdaBoost(rounds=9, dynamic=dynamic, classifier=learner).fit(task)
    shares = np.array([h["source_share"] for h in method.history])
    assert all(h["source_error"] == 0 < h["target_error"] < 0.5 for h in method.history[:4])
    assert shares == pytest.approx(np.full(9, 0.6), abs=1e-12) if dynamic else shares[4] < shares[1] < 0.55


def test_with_two_classes_samme_is_the_papers_to_the_bit():
    task, held_out = gaussian_task(n=60, shots_per_class=6, shift=1.0, seed=3)
    one, two = (
        TrAdaBoost(rounds=6, loss=loss, classifier=LinearSVM(n_classes=2, seed=0, C=1.0)).fit(task)
        for loss in ("paper", "samme")
    )
    assert one.votes == two.votes
    assert len(set(one.votes)) > 1
    np.testing.assert_array_equal(one.predict_proba(held_out.test.inputs), two.predict_proba(held_out.test.inputs))


def test_with_three_classes_samme_votes_where_the_papers_loss_has_no_say():
    # five of nine shots contradict the source: an error between 1/2 and 2/3
    places, labels = np.arange(9) % 3, np.where(np.arange(9) < 5, np.arange(1, 10), np.arange(9)) % 3
    source, shots = Labelled(np.tile(np.eye(3), (20, 1)), np.arange(60) % 3), Labelled(np.eye(3)[places], labels)
    task = Task(source, shots.inputs, shots, None, 3, (3,))
    paper, samme = (
        TrAdaBoost(rounds=5, loss=loss, classifier=LinearSVM(n_classes=3, seed=0, C=1.0)).fit(task)
        for loss in ("paper", "samme")
    )
    error = samme.history[0]["target_error"]
    assert error == pytest.approx(5 / 9)
    assert paper.votes[0] == 0
    assert samme.votes[0] == pytest.approx(np.log((1 - error) / error) + np.log(2))


def test_the_history_tells_error_and_weight_of_each_round():
    task, _ = gaussian_task(n=60, shots_per_class=6, shift=1.0, seed=3)
    method = TrAdaBoost(rounds=4, classifier=LinearSVM(n_classes=2, seed=0, C=1.0)).fit(task)
    assert len(method.history) == 4
    assert method.history[0]["source_share"] == pytest.approx(60 / 72)
    errors = [min(max(h["target_error"], 1 / 24), 0.5) for h in method.history]
    assert method.votes == pytest.approx([np.log((1 - e) / e) for e in errors])


def test_a_base_learner_without_an_error_makes_it_pooling():
    task, held_out = gaussian_task(n=20, shots_per_class=2, shift=0.0)
    apart = Labelled(task.source.inputs + 20 * task.source.labels[:, None], task.source.labels)
    shots = Labelled(task.shots.inputs + 20 * task.shots.labels[:, None], task.shots.labels)
    method = TrAdaBoost(rounds=6, classifier=LinearSVM(n_classes=2, seed=0, C=1.0))
    method.fit(dataclasses.replace(task, source=apart, shots=shots))
    assert [h["source_share"] for h in method.history] == pytest.approx([20 / 24] * 6)
    assert len({id(learner) for learner in method.learners}) == 1  # fitted once, not six times over
    pooled = LinearSVM(n_classes=2, seed=0, C=1.0)
    pooled.fit(np.concatenate([apart.inputs, shots.inputs]), np.concatenate([apart.labels, shots.labels]))
    test = held_out.test.inputs * 11
    assert (method.predict_proba(test).argmax(axis=1) == pooled.predict_proba(test).argmax(axis=1)).all()


def test_rounds_that_are_all_at_an_error_of_a_half_vote_equally():
    task, held_out = gaussian_task(n=60, shots_per_class=6, shift=2.0, seed=3)
    method = TrAdaBoost(rounds=5, classifier=LinearSVM(n_classes=2, seed=0, C=1.0)).fit(task)
    assert not np.any(method.votes)
    np.testing.assert_allclose(method.predict_proba(held_out.test.inputs).sum(axis=1), 1)


def test_no_unlabelled_target_example_is_looked_at():
    task, held_out = gaussian_task(shots_per_class=3)
    other = type(task)(task.source, task.target * 100 + 5, task.shots, task.source_val, 2, (3,))
    one, two = (TrAdaBoost(rounds=4, classifier=LinearSVM(n_classes=2, seed=0, C=1.0)).fit(t) for t in (task, other))
    np.testing.assert_array_equal(one.predict_proba(held_out.test.inputs), two.predict_proba(held_out.test.inputs))


def test_shots_are_needed_and_at_least_one_round():
    with pytest.raises(Refused, match=r"protocol\.shots is 0"):
        TrAdaBoost(rounds=2, classifier=LinearSVM(n_classes=2, seed=0, C=1.0)).fit(gaussian_task()[0])
    with pytest.raises(TlbenchError, match=r"method\.rounds must be 1 or more"):
        TrAdaBoost(rounds=0, classifier=LinearSVM(n_classes=2, seed=0, C=1.0))
