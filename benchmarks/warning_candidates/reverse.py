"""Full reverse validation: the method goes back from the target that it has labelled itself, and is judged on the source."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tlbench.errors import TlbenchError
from tlbench.method.estimator import EstimatorMethod
from tlbench.method.reference import Reference, SupervisedEstimator
from tlbench.running.prepare import prepare
from tlbench.running.setup import Setup
from tlbench.tasks import Labelled, Task


def way_back(setup: Setup) -> float | None:
    """Return the accuracy on the source's examples after both ways; None where the method has no such way.

    Paper    Zhong et al., Cross Validation Framework to Choose Amongst Models and Datasets for Transfer Learning, ECML 2010
             (transfer cross-validation's reverse step); Ganin et al. 2016, arXiv:1505.07818, section 5.1.2

    There is none for networks (too dear for each run), for several sources or bridges, and where the target was given one class.
    """
    prepared, _ = prepare(setup)
    task, learner = prepared.task, prepared.learner
    if not isinstance(learner, EstimatorMethod) or task.source is None or task.bridges or len(task.source_names) > 1:
        return None
    said_N = learner.fit(task).predict_proba(task.target, "target").argmax(axis=1)
    if len(np.unique(said_N)) < 2:
        return None
    back = replace(task, source=Labelled(task.target, said_N), target=task.source.inputs, source_val=None)
    try:
        returned = _again(setup, back).fit(back).predict_proba(back.target, "target").argmax(axis=1)
    except (TlbenchError, ValueError, np.linalg.LinAlgError):
        return None
    return float((returned == task.source.labels).mean())


def _again(setup: Setup, back: Task) -> EstimatorMethod:
    classifier = setup.made("classifier", n_classes=back.n_classes, seed=setup.config.seed)
    classifier.tuned(back.source.inputs, back.source.labels)
    if issubclass(setup.method, Reference):
        return SupervisedEstimator(classifier=classifier, examples=[back.source])
    learner = setup.learner(classifier=classifier)
    assert isinstance(learner, EstimatorMethod)
    return learner
