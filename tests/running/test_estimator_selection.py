"""Source validation of an estimator method is predicted as the source, in its selections as in its validators."""

import numpy as np
import pytest

from baselines.coral_linear import CoralLinear, recolour
from baselines.gfk import GeodesicFlowKernel
from baselines.jda import Jda
from baselines.pca import Pca
from baselines.sa import SubspaceAlignment
from baselines.tca import Tca
from tests.support import config_of, fitted, gaussian_task
from tlbench.classifiers.estimators import LinearSVM
from tlbench.errors import TlbenchError
from tlbench.functional.subspace import principal_axes
from tlbench.method import EstimatorMethod, MappedMethod
from tlbench.metrics import ACCURACY
from tlbench.selection.rules import val_score
from tlbench.selection.view import Seen
from tlbench.training.validator_probe import make_probe


class Opposed(MappedMethod):
    """Turns the source round: a classifier that gets source examples as the target's are gets them all wrong."""

    def __init__(self, classifier) -> None:
        super().__init__(dim=1, classifier=classifier)

    def learn(self, source_ND, labels_N, target_MD, n_classes):
        pass

    def mapped(self, x_ND, domain):
        return -x_ND if domain == "source" else x_ND


def svm():
    return LinearSVM(n_classes=2, seed=0, C=1.0)


def test_a_map_of_its_own_for_each_domain():
    x, y = np.array([[-2.0], [-1.0], [1.0], [2.0]]), np.array([0, 0, 1, 1])
    task, _ = gaussian_task()
    method = Opposed(svm()).fit(type(task)(type(task.source)(x, y), x, None, None, 2, (1,)))
    assert method.predict_proba(x, "source").argmax(axis=1).tolist() == [0, 0, 1, 1]
    assert method.predict_proba(x).argmax(axis=1).tolist() == [1, 1, 0, 0]


def test_sa_and_coral_map_source_examples_as_the_paper_maps_the_source():
    task, held_out = gaussian_task(shift=3.0)
    xs, xt, val = task.source.inputs, task.target, task.source_val.inputs
    s, t = principal_axes(xs, 2), principal_axes(xt, 2)
    own = svm().fit(xs @ s @ s.T @ t, task.source.labels)
    got = SubspaceAlignment(dim=2, classifier=svm()).fit(task)
    np.testing.assert_allclose(got.predict_proba(val, "source"), own.predict_proba(val @ s @ s.T @ t))
    np.testing.assert_allclose(got.predict_proba(held_out.test.inputs), own.predict_proba(held_out.test.inputs @ t))
    mapped = recolour(xs, xt, 1.0)
    map_DD = np.linalg.lstsq(xs, mapped, rcond=None)[0]
    own = svm().fit(mapped, task.source.labels)
    got = CoralLinear(ridge=1.0, classifier=svm()).fit(task)
    np.testing.assert_allclose(got.predict_proba(val, "source"), own.predict_proba(val @ map_DD), rtol=1e-6)
    np.testing.assert_allclose(got.predict_proba(val), own.predict_proba(val))


@pytest.mark.parametrize(
    "make",
    [
        lambda c: Pca(dim=2, classifier=c),
        lambda c: GeodesicFlowKernel(dim=1, source_axes="pca", classifier=c),
        lambda c: Tca(dim=2, ridge=1.0, kernel="linear", classifier=c),
        lambda c: Jda(dim=2, ridge=1.0, kernel="linear", rounds=2, classifier=c),
        lambda c: CoralLinear(ridge=1.0, variant="kernel", classifier=c),
    ],
    ids=["pca", "gfk", "tca", "jda", "coral_linear, kernel"],
)
def test_one_map_for_both_domains_predicts_them_alike(make):
    task, held_out = gaussian_task(shift=3.0)
    method, x = make(svm()).fit(task), held_out.test.inputs
    np.testing.assert_array_equal(method.predict_proba(x, "source"), method.predict_proba(x, "target"))


@pytest.mark.parametrize("name", ["sa", "coral_linear"])
def test_a_run_validates_on_the_source_as_the_source(name, toy):
    small = ["method.dim=2"] if name == "sa" else []
    config = config_of("dataset=toy", "pair=R-T", f"method={name}", *small, config_dir=toy)
    done = fitted(config)
    learner, task, (checkpoint,) = done.prepared.learner, done.prepared.task, done.checkpoints
    val = task.source_val
    want = learner.classifier.predict_proba(learner.features(val.inputs, "source"))
    np.testing.assert_array_equal(checkpoint.source_val, want)
    assert not np.allclose(want, learner.classifier.predict_proba(learner.features(val.inputs, "target")))
    share = float((want.argmax(axis=1) == val.labels).mean())
    assert val_score(checkpoint, task, ACCURACY) == pytest.approx(share)

    def look(inputs, domain):
        rows = learner.features(inputs, domain)
        return Seen(rows, learner.classifier.predict_proba(rows))

    assert checkpoint.scores == make_probe(task, config.validators, config.seed).look(look)[0]
    test = learner.classifier.predict_proba(learner.features(done.prepared.test, "target"))
    np.testing.assert_array_equal(checkpoint.test, test)


def test_a_method_that_predicts_without_a_domain_is_told_what_to_write():
    class Old(EstimatorMethod):
        def fit(self, task):
            return self

        def predict_proba(self, x_ND):
            return self.classifier.predict_proba(x_ND)

    class New(Old):
        def predict_proba(self, x_ND, domain="target"):
            return self.classifier.predict_proba(x_ND)

    New(classifier=svm())
    with pytest.raises(
        TlbenchError, match=r"Old\.predict_proba takes no domain.*Write predict_proba\(self, x_ND, domain"
    ):
        Old(classifier=svm())
