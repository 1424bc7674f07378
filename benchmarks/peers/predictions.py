"""Methods with a classifier of their own inside, beside SKADA's and ADAPT's: what they say of the target."""

from __future__ import annotations

from typing import Any

import numpy as np
import skada
from adapt.feature_based import FA
from adapt.instance_based import TrAdaBoost as AdaptTrAdaBoost
from ot.da import EMDTransport
from skada._gradual_da import GradualEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.svm import SVC

from baselines.feda import Feda
from baselines.goat import Goat
from baselines.jcpot import Jcpot
from baselines.jdot import Jdot
from baselines.tradaboost import TrAdaBoost
from benchmarks.estimators import ROUNDS, both_domains, contradicted, scaled
from benchmarks.peers.case import BASE, Case, Seen, Work, disagree
from benchmarks.peers.maps import unit_cost
from tlbench.classifiers.estimators import LinearSVM, Logistic
from tlbench.tasks import Task

INNER = 2
SAME_PARTS = "Both solve the same transport problems with POT and fit as many regressions."
OTHER = (
    "Other definitions: the peer keeps the largest entry of each row and column of the plan, without its mass, and ends on "
    "the target's rows as often as the plan names them."
)
ANY_SHARES = (
    "POT's shares are any whose plans meet both margins (docs/faults.md); the loss that both state is lower at tlbench's. The "
    "peer takes one source as two."
)
UNTIL = "Until a round has no errors both do the same; tlbench then stops fitting."
OWN_FACTOR = (
    "The peer multiplies wrong target examples by (2 - e) / e, the paper by (1 - e) / e, and one round fewer votes "
    "(docs/faults.md)."
)
PREDICTIONS = "share of predictions that differ"


def said(method: type, classifier: type, **settings: Any) -> Work:
    """tlbench's predictions of the target."""

    def work(task: Task) -> np.ndarray:
        more = {"ties": "first"} if classifier is LinearSVM else {}
        made = method(**settings, classifier=classifier(**BASE, C=1.0, **more))
        return made.fit(task).predict_proba(task.target).argmax(axis=1)

    return work


def regression() -> LogisticRegression:
    return LogisticRegression(C=1.0, max_iter=1000)


def skada_jdot(task: Task) -> np.ndarray:
    x, y, domains = both_domains(task)
    model = skada.JDOTClassifier(regression(), alpha=0.5, n_iter_max=20, tol=1e-12)
    model.fit(x, y, domains)
    return model.predict(task.target)


def skada_gradual(task: Task) -> np.ndarray:
    x, y, domains = both_domains(task)
    plan = EMDTransport(norm="max")
    model = GradualEstimator(
        n_steps=INNER + 1, ot_method=plan, base_estimator=regression(), advanced_ot_plan_sampling=True
    )
    return model.fit(x, y, sample_domain=domains).predict(task.target)


def shares(task: Task) -> np.ndarray:
    return Jcpot(reg=0.01, classifier=Seen(**BASE)).fit(task).shares


def skada_shares(task: Task) -> np.ndarray:
    x, y, domains = both_domains(task)
    adapter = skada.JCPOTLabelPropAdapter(reg=0.01, max_iter=1000, tol=1e-9)
    adapter.fit_transform(x, y, sample_domain=domains)
    return adapter.ot_adapter_.proportions_


def adapt_fa(task: Task) -> np.ndarray:
    """Its kernel is twice tlbench's, so its C is half."""
    assert task.shots is not None
    model = FA(SVC(kernel="linear", C=0.5), Xt=task.shots.inputs, yt=task.shots.labels, verbose=0)
    return model.fit(task.source.inputs, task.source.labels).predict(task.target)


def adapt_boosting(task: Task) -> np.ndarray:
    assert task.shots is not None
    model = AdaptTrAdaBoost(SVC(kernel="linear", C=1.0), n_estimators=ROUNDS, verbose=0)
    model.fit(task.source.inputs, task.source.labels, Xt=task.shots.inputs, yt=task.shots.labels)
    return model.predict(task.target)


def cases() -> list[Case]:
    boosting = said(TrAdaBoost, LinearSVM, rounds=ROUNDS)
    return [
        Case(
            "jdot",
            "skada JDOTClassifier",
            said(Jdot, Logistic, weight=0.5, rounds=20),
            skada_jdot,
            PREDICTIONS,
            scaled,
            disagree,
            0.005,
            slow=SAME_PARTS,
        ),
        Case(
            "jcpot",
            "skada JCPOTLabelProp",
            shares,
            skada_shares,
            "class shares of the target",
            unit_cost,
            most=None,
            reason=ANY_SHARES,
        ),
        Case(
            "goat",
            "skada GradualEstimator",
            said(Goat, Logistic, inner=INNER, drop=0.0, soft=False),
            skada_gradual,
            PREDICTIONS,
            scaled,
            disagree,
            None,
            OTHER,
            SAME_PARTS,
        ),
        Case(
            "feda",
            "adapt FA",
            said(Feda, LinearSVM, own=1.0),
            adapt_fa,
            PREDICTIONS,
            lambda task: task,
            disagree,
            0.0,
            shots=True,
        ),
        Case(
            "tradaboost, as it comes",
            "adapt TrAdaBoost",
            boosting,
            adapt_boosting,
            PREDICTIONS,
            lambda task: task,
            disagree,
            0.0,
            UNTIL,
            shots=True,
        ),
        Case(
            "tradaboost, contradicting shots",
            "adapt TrAdaBoost",
            boosting,
            adapt_boosting,
            PREDICTIONS,
            contradicted,
            disagree,
            None,
            OWN_FACTOR,
            shots=True,
        ),
    ]
