"""Source weighting and expert mixture: several sources kept apart."""

from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse as sp

from baselines.expert_mixture import ExpertMixture, combined
from baselines.source_weighting import SourceWeighting
from tlbench.classifiers.closed_forms import NearestMean
from tlbench.classifiers.estimators import Logistic
from tlbench.errors import TlbenchError
from tlbench.functional.source_weights import darn_weights, softmin_weights, squared_mean_distance
from tlbench.tasks import Labelled, Task


def cloud(n, centre, turned, seed):
    """Two classes left and right of a centre; `turned`: the other way round."""
    rng, labels = np.random.default_rng(seed), np.arange(n) % 2
    side = np.where((labels == 1) != turned, 1.0, -1.0)
    return rng.normal(size=(n, 2)) * 0.3 + np.stack([side, np.zeros(n)], axis=1) + centre, labels


FAR = np.array([0.0, 12.0])
ONE, TWO = cloud(40, 0 * FAR, False, 0), cloud(60, FAR, True, 1)


def task(target, names=("a", "b"), shots=None):
    inputs, labels = np.concatenate([ONE[0], TWO[0]]), np.concatenate([ONE[1], TWO[1]])
    return Task(
        Labelled(inputs, labels),
        target,
        shots,
        None,
        2,
        (2,),
        source_of=np.repeat([0, 1], [40, 60]),
        source_names=names,
    )


def logistic():
    return Logistic(n_classes=2, seed=0, C=1.0)


def weighting(**changed):
    return SourceWeighting(**{"rule": "darn", "tau": 1.0, **changed}, classifier=NearestMean(n_classes=2, seed=0))


@pytest.mark.parametrize(("near", "turned"), [(0, False), (1, True)])
def test_the_mixture_hears_the_expert_whose_source_the_target_is(near, turned):
    x, labels = cloud(50, near * FAR, turned, 2)
    got = ExpertMixture(domain_C=1.0, classifier=logistic()).fit(task(x))
    assert got.history[0][f"share_{near + 1}"] > 0.95
    assert (got.predict_proba(x).argmax(axis=1) == labels).all()
    pooled = logistic().fit(np.concatenate([ONE[0], TWO[0]]), np.concatenate([ONE[1], TWO[1]]))
    assert (pooled.predict_proba(ONE[0]).argmax(axis=1) == ONE[1]).mean() < 0.5  # it follows the larger one


def test_shares_of_a_mixture_of_two_far_sources_come_out():
    x = np.concatenate([cloud(30, 0 * FAR, False, 3)[0], cloud(70, FAR, True, 4)[0]])
    got = ExpertMixture(domain_C=10.0, classifier=logistic()).fit(task(x))
    assert list(got.history[0].values()) == pytest.approx([0.3, 0.7], abs=0.01)


def test_how_much_each_is_heard_by_hand():
    # P(k | x) = 0.6, 0.4 over priors 0.4, 0.6 is 1.5 and 2/3; times shares 0.2, 0.8: 0.3 and 8/15
    heard = combined(np.array([[0.6, 0.4]]), np.array([0.4, 0.6]), np.array([0.2, 0.8]))
    assert heard == pytest.approx(np.array([[0.3, 8 / 15]]) / (0.3 + 8 / 15))


def test_source_rows_are_heard_by_the_sources_own_shares():
    got = ExpertMixture(domain_C=10.0, classifier=logistic()).fit(task(cloud(50, 0 * FAR, False, 5)[0]))
    assert (got.predict_proba(TWO[0], "source").argmax(axis=1) == TWO[1]).all()


@pytest.mark.parametrize(
    "make",
    [
        lambda: ExpertMixture(domain_C=1.0, classifier=logistic()),
        lambda: SourceWeighting(rule="darn", tau=1.0, classifier=logistic()),
    ],
)
def test_of_one_source_it_is_the_classifier_on_it_and_sparse_rows_give_the_same(make):
    alone = Task(Labelled(*ONE), TWO[0], None, None, 2, (2,))
    assert (make().fit(alone).predict_proba(TWO[0]) == logistic().fit(*ONE).predict_proba(TWO[0])).all()
    several = task(TWO[0])
    source = Labelled(sp.csr_matrix(several.source.inputs), several.source.labels)
    sparse = replace(several, source=source, target=sp.csr_matrix(TWO[0]))
    assert make().fit(sparse).predict_proba(sp.csr_matrix(TWO[0])) == pytest.approx(
        make().fit(several).predict_proba(TWO[0]), abs=1e-6
    )


def expected(shares):
    weights = np.repeat(shares * 100 / np.array([40, 60]), [40, 60])
    whole = task(ONE[0]).source
    return NearestMean(n_classes=2, seed=0).fit(whole.inputs, whole.labels, weights).means_KD


def test_rules_by_hand():
    target = ONE[0] + np.array([0.2, 1.0])
    gaps = np.array([squared_mean_distance(x, target) for x in (ONE[0], TWO[0])])
    near = weighting(rule="mmd", tau=0.5).fit(task(target))
    assert near.classifier.means_KD == pytest.approx(expected(softmin_weights(gaps, 0.5)))
    assert near.history[0]["share_1"] == pytest.approx(softmin_weights(gaps, 0.5)[0])
    apart = np.array([weighting(rule="a_distance").fit(task(target)).history[0][f"share_{k}"] for k in (1, 2)])
    assert apart[0] > apart[1]
    whole = task(target).source
    wrong = (
        NearestMean(n_classes=2, seed=0).fit(whole.inputs, whole.labels).predict_proba(whole.inputs).argmax(axis=1)
        != whole.labels
    )
    half = -np.log(apart)  # the distances up to a constant, which no rule sees
    losses = half + np.array([wrong[:40].mean(), wrong[40:].mean()])
    assert weighting(tau=0.7).fit(task(target)).history[0]["share_1"] == pytest.approx(darn_weights(losses, 0.7)[0])


def test_equal_shares_count_sources_alike_and_equal_sizes_are_the_plain_pool():
    assert weighting(rule="uniform").fit(task(ONE[0])).classifier.means_KD == pytest.approx(
        expected(np.array([0.5, 0.5]))
    )
    source = Labelled(np.concatenate([ONE[0], TWO[0][:40]]), np.concatenate([ONE[1], TWO[1][:40]]))
    even = replace(task(ONE[0]), source=source, source_of=np.repeat([0, 1], 40))
    pooled = logistic().fit(even.source.inputs, even.source.labels)
    got = SourceWeighting(rule="uniform", tau=1.0, classifier=logistic()).fit(even)
    assert (got.predict_proba(ONE[0]) == pooled.predict_proba(ONE[0])).all()


def test_shots_count_one_each_and_join_every_expert():
    shots = Labelled(np.array([[5.0, 5.0], [-5.0, 5.0]]), np.array([0, 1]))
    got = weighting(rule="mmd", tau=1e-3).fit(task(ONE[0], shots=shots))  # all weight on the first source
    weights = np.concatenate([np.full(40, 2.5), np.ones(2)])
    want = NearestMean(n_classes=2, seed=0).fit(
        np.concatenate([ONE[0], shots.inputs]), np.concatenate([ONE[1], shots.labels]), weights
    )
    assert got.classifier.means_KD == pytest.approx(want.means_KD)
    mixed = ExpertMixture(domain_C=1.0, classifier=NearestMean(n_classes=2, seed=0)).fit(task(ONE[0], shots=shots))
    own = NearestMean(n_classes=2, seed=0).fit(
        np.concatenate([TWO[0], shots.inputs]), np.concatenate([TWO[1], shots.labels])
    )
    assert mixed.experts[1].means_KD == pytest.approx(own.means_KD)


def test_values_out_of_range_are_refused():
    for wrong in ({"rule": "best"}, {"tau": 0.0}):
        with pytest.raises(TlbenchError, match=f"method.{next(iter(wrong))} must be"):
            weighting(**wrong)
    with pytest.raises(TlbenchError, match=r"method\.domain_C must be above 0"):
        ExpertMixture(domain_C=0.0, classifier=logistic())
