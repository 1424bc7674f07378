"""kmm, kliep, rulsif, logistic_ratio and nn_ratio: what each hands to its estimate, and that it pays under covariate shift.

The estimates are in tests/functional/test_ratio.py, what is made of them in tests/method/test_weighted.py.
"""

import dataclasses

import numpy as np
import pytest
import scipy.sparse as sp

from baselines.kliep import Kliep
from baselines.kmm import Kmm
from baselines.logistic_ratio import LogisticRatio
from baselines.nn_ratio import NnRatio
from baselines.rulsif import Rulsif
from tests.support import gaussian_task
from tlbench.classifiers.estimators import LinearSVM, Logistic
from tlbench.errors import Refused, TlbenchError
from tlbench.functional.ratio import kmm_ratio, logistic_ratio, nearest_ratio
from tlbench.functional.ratio_mixtures import kliep_ratio, rulsif_ratio
from tlbench.functional.reweighting import tamed_weights
from tlbench.seeds import stream
from tlbench.tasks import Labelled, Task

TASK, HELD = gaussian_task()
COMMON = {"cap": 4.0, "min_ess": 0.2, "dim": None, "shot_weight": 1.0}
METHODS = {
    "kmm": (Kmm, {"width": 0.8, "ridge": 0.1, "slack": 0.3}),
    "kliep": (Kliep, {"widths": [0.5, 1.0], "centres": 20}),
    "rulsif": (Rulsif, {"alpha": 0.2, "widths": [0.5, 1.0], "ridges": [0.1, 1.0], "centres": 20}),
    "logistic_ratio": (LogisticRatio, {"C": 0.3, "folds": 4}),
    "nn_ratio": (NnRatio, {"added": 0.5}),
}


def make(name, classifier=None, **changed):
    kind, own = METHODS[name]
    classifier = Logistic(n_classes=2, seed=5, C=1.0) if classifier is None else classifier
    return kind(**{**COMMON, **own, **changed}, classifier=classifier)


def ratio_of(name, xs, xt):
    """The estimate with the numbers above, and what its history has to say."""
    rng = stream(5, "density ratio")
    if name == "kmm":
        weights, gap = kmm_ratio(xs, xt, width=0.8, upper=4.0, ridge=0.1, slack=0.3)
        return weights, {"gap": gap}
    if name == "kliep":
        return kliep_ratio(xs, xt, rng, widths=[0.5, 1.0], centres=20)
    if name == "rulsif":
        return rulsif_ratio(xs, xt, rng, alpha=0.2, widths=[0.5, 1.0], ridges=[0.1, 1.0], centres=20)
    if name == "logistic_ratio":
        weights, told_apart = logistic_ratio(xs, xt, rng, C=0.3, folds=4)
        return weights, {"told_apart": told_apart}
    weights = nearest_ratio(xs, xt, added=0.5)
    return weights, {"reached": np.mean(weights > 0.5)}


@pytest.mark.parametrize("name", METHODS)
def test_a_method_is_its_estimate_and_the_recipes_classifier(name):
    ratio, own = ratio_of(name, TASK.source.inputs, TASK.target)
    weights, flattened = tamed_weights(ratio, cap=4.0, min_ess=0.2)
    method = make(name).fit(TASK)
    np.testing.assert_allclose(method.weights, weights, rtol=1e-12)
    assert method.history[0]["flattened"] == flattened
    assert {key: method.history[0][key] for key in own} == pytest.approx(own)
    assert np.ptp(weights) > 0.5
    want = Logistic(n_classes=2, seed=0, C=1.0).fit(TASK.source.inputs, TASK.source.labels, weights)
    np.testing.assert_allclose(method.predict_proba(HELD.test.inputs), want.predict_proba(HELD.test.inputs))


def bent_task(seed):
    """One rule, y = [x1 > x0^2], seen from x0 near 1 in the target and all over in the source: a line fits only one of them."""
    rng = np.random.default_rng(seed)

    def draw(n, centre, spread):
        x = np.stack([rng.normal(centre, spread, n), rng.normal(0.5, 1.5, n)], axis=1)
        return Labelled(x, (x[:, 1] > np.square(x[:, 0])).astype(np.int64))

    source, target, test = draw(300, -0.3, 1.0), draw(200, 1.0, 0.3), draw(400, 1.0, 0.3)
    return Task(source, target.inputs, None, None, 2, (2,)), test


@pytest.mark.parametrize("name", METHODS)
def test_under_covariate_shift_weights_pay(name):
    gains = []
    for seed in range(3):
        task, test = bent_task(seed)
        plain = Logistic(n_classes=2, seed=0, C=1.0).fit(task.source.inputs, task.source.labels)
        method = make(name, cap=20.0, min_ess=0.05).fit(task)
        right = [(m.predict_proba(test.inputs).argmax(axis=1) == test.labels).mean() for m in (method, plain)]
        gains.append(right[0] - right[1])
    assert min(gains) > 0.03


@pytest.mark.parametrize("name", ["kmm", "nn_ratio"])
def test_where_the_domains_are_one_it_is_source_only_to_the_bit(name):
    task = dataclasses.replace(TASK, target=TASK.source.inputs[::-1].copy())
    got = make(name).fit(task).predict_proba(HELD.test.inputs)
    want = Logistic(n_classes=2, seed=0, C=1.0).fit(TASK.source.inputs, TASK.source.labels)
    np.testing.assert_array_equal(got, want.predict_proba(HELD.test.inputs))


@pytest.mark.parametrize("name", METHODS)
def test_order_of_rows_names_of_classes_and_sparseness_change_nothing(name):
    order = np.random.default_rng(0).permutation(60)
    want = make(name).fit(TASK)
    changed = dataclasses.replace(
        TASK,
        source=Labelled(sp.csr_matrix(TASK.source.inputs[order]), 1 - TASK.source.labels[order]),
        target=sp.csr_matrix(TASK.target[::-1]),
    )
    got = make(name).fit(changed)
    np.testing.assert_allclose(got.weights, want.weights[order], rtol=1e-3, atol=1e-4)
    proba = got.predict_proba(sp.csr_matrix(HELD.test.inputs))[:, ::-1]
    np.testing.assert_allclose(proba, want.predict_proba(HELD.test.inputs), atol=1e-3)


@pytest.mark.parametrize("name", METHODS)
def test_a_class_that_the_source_lacks_gets_no_probability(name):
    lacks = Labelled(TASK.source.inputs, 2 * TASK.source.labels)
    method = make(name, LinearSVM(n_classes=3, seed=0, C=1.0))
    proba = method.fit(dataclasses.replace(TASK, source=lacks, n_classes=3)).predict_proba(HELD.test.inputs)
    assert proba.shape == (50, 3)
    assert not proba[:, 1].any()


@pytest.mark.parametrize("name", METHODS)
def test_only_a_method_that_draws_depends_on_the_seed(name):
    one, two = (make(name, Logistic(n_classes=2, seed=seed, C=1.0)).fit(TASK).weights for seed in (0, 1))
    assert np.array_equal(one, two) == (not METHODS[name][0].draws)


def test_kmms_largest_weight_is_the_cap():
    task, _ = gaussian_task(shift=3.0)
    for cap in (2.0, 8.0):
        method = make("kmm", cap=cap, min_ess=0.0).fit(task)
        assert method.history[0]["largest"] == pytest.approx(cap / 60)


def test_kernels_that_reach_no_source_example_are_told():
    far = dataclasses.replace(TASK, target=TASK.target + 1e3)
    with pytest.raises(Refused, match=r"no centre of the kernels is near a source example.*method\.widths"):
        make("kliep", widths=[0.01]).fit(far)
    with pytest.raises(Refused, match="Rulsif finds no source example"):
        make("rulsif", widths=[0.01], alpha=0.0).fit(far)


@pytest.mark.parametrize(
    ("name", "parameter", "value"),
    [
        ("kmm", "width", 0.0),
        ("kmm", "ridge", -0.1),
        ("kmm", "slack", -0.1),
        ("kliep", "widths", []),
        ("kliep", "widths", [1.0, 0.0]),
        ("kliep", "centres", 0),
        ("rulsif", "alpha", 1.0),
        ("rulsif", "alpha", -0.1),
        ("rulsif", "widths", [0.0]),
        ("rulsif", "ridges", [0.0]),
        ("rulsif", "ridges", []),
        ("rulsif", "centres", 0),
        ("logistic_ratio", "C", 0.0),
        ("logistic_ratio", "folds", 0),
        ("nn_ratio", "added", -0.1),
    ],
)
def test_values_out_of_range_are_refused(name, parameter, value):
    make(name)
    with pytest.raises(TlbenchError, match=rf"method\.{parameter} must be .* Set by method\.{parameter}="):
        make(name, **{parameter: value})
