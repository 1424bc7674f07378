"""Methods that weigh source examples, beside SKADA's adapters and ADAPT's: their ratios, before tlbench caps them."""

from __future__ import annotations

from typing import Any

import numpy as np
import skada
from adapt.instance_based import IWC, KLIEP, KMM, RULSIF, ULSIF, NearestNeighborsWeighting
from sklearn.linear_model import LogisticRegression

from baselines.kliep import Kliep
from baselines.kmm import Kmm
from baselines.logistic_ratio import LogisticRatio
from baselines.nn_ratio import NnRatio
from baselines.rulsif import Rulsif
from benchmarks.estimators import both_domains, scaled
from benchmarks.peers.case import BASE, Case, Seen, Work, disagree, with_inputs
from tlbench.functional.gaussian import median_distance
from tlbench.tasks import Task

PLAIN: dict[str, Any] = {"cap": 1000.0, "min_ess": 0.0, "dim": None, "shot_weight": 1.0}
"""No principal axes, and a bound that no weight reaches."""
QUIET: dict[str, Any] = {"verbose": 0, "random_state": 0}
RIDGE = 0.1
ALL = 10_000
"""Centres of kernels, at most: every target example, so that nothing is drawn."""
ONE_SOLVE = "Both make the same matrices of kernels and solve one system."
FEW_STEPS = "The peer's Frank-Wolfe steps end after 1000, far from the minimum, and know no upper bound."
EQUAL_ROWS = "Only the sum of the weights of equal source rows is determined; compared are their means."
EXACTLY = EQUAL_ROWS + " The peer got a tolerance of 1e-12; tlbench stops at 1e-7 of the objective."
TO_THE_END = "tlbench goes on to the optimum."
NO_STEPS = (
    "The peer's steps are 2e-16 long, so its weights are those it starts with (docs/faults.md); it draws centres with "
    "repetition."
)
FEW = "The peer's Frank-Wolfe steps end after 2000; tlbench goes on to a certified gap."
WRONG_ROWS = "The peer counts the last rows of both domains together, not the target's (docs/faults.md)."
SHUFFLES = "The peer shuffles the examples, which changes sums in their rounding."
ONE_PROGRAMME = "One quadratic programme with one weight for each source example."
SAME_FIT = "Both are one fit of scikit-learn's logistic regression, at the same tolerance."


def ratio(method: type, **settings: Any) -> Work:
    """tlbench's ratio of each source example."""

    def work(task: Task) -> np.ndarray:
        made = method(**PLAIN | settings, classifier=Seen(**BASE))
        return made.ratio(task.source.inputs, task.target, np.random.default_rng(0))[0]

    return work


def gamma(task: Task) -> float:
    """The peers' parameter of a Gaussian kernel as wide as the median distance; in the clock, as for tlbench."""
    return 0.5 / median_distance(np.concatenate([task.source.inputs, task.target])) ** 2


def adapter(kind: type, kernel: bool = False, **settings: Any) -> Work:
    """Weights of an adapter of SKADA's."""

    def work(task: Task) -> np.ndarray:
        x, y, domains = both_domains(task)
        width = {"gamma": gamma(task)} if kernel else {}
        return kind(**settings, **width).fit_transform(x, y, sample_domain=domains)[1]["sample_weight"][domains == 1]

    return work


def adapts(kind: type, kernel: bool = True, **settings: Any) -> Work:
    """Weights of a class of ADAPT's."""

    def work(task: Task) -> np.ndarray:
        width = {"gamma": gamma(task)} if kernel else {}
        return kind(**settings, **width, **QUIET).fit_weights(task.source.inputs, task.target)

    return work


def even(task: Task, weights_N: np.ndarray) -> np.ndarray:
    """Means over equal source rows: the problem tells no more of them than their sum."""
    _, row_N, count_R = np.unique(task.source.inputs, axis=0, return_inverse=True, return_counts=True)
    return (np.bincount(row_N.reshape(-1), weights_N) / count_R)[row_N.reshape(-1)]


def pooled_unit(task: Task) -> Task:
    """Centred, and with a mean square of 1 over both domains: `logistic_ratio` has it so anyway."""
    both = np.concatenate([task.source.inputs, task.target])
    both = both - both.mean(axis=0)
    both /= np.sqrt(np.square(both).mean())
    return with_inputs(task, both[: len(task.source)], both[len(task.source) :])


def regression() -> LogisticRegression:
    return LogisticRegression(C=0.1, tol=1e-6, max_iter=2000)


def upside_down(task: Task) -> np.ndarray:
    """SKADA's weights turned round, of the size of tlbench's: p(source) / p(target) of mean 1, see docs/faults.md."""
    theirs = adapter(skada.DiscriminatorReweightAdapter, domain_classifier=regression())(task)
    return (1.0 / theirs) / (1.0 / theirs).mean()


def of_mean_one(work: Work) -> Work:
    def scaled_work(task: Task) -> np.ndarray:
        weights = work(task)
        return weights / weights.mean()

    return scaled_work


def cases() -> list[Case]:
    weights, kmm, kliep = (
        "weights",
        ratio(Kmm, width=1.0, ridge=0.0, slack=None),
        ratio(Kliep, widths=[1.0], centres=ALL),
    )
    logistic, nearest = ratio(LogisticRatio, C=0.1, folds=1), ratio(NnRatio, added=1.0)
    return [
        Case(
            "kmm",
            "skada KMMReweight",
            kmm,
            adapter(skada.KMMReweightAdapter, True),
            weights,
            scaled,
            most=None,
            reason=FEW_STEPS,
            slow=TO_THE_END,
        ),
        Case(
            "kmm",
            "adapt KMM",
            kmm,
            adapts(KMM, max_size=ALL, tol=1e-12),
            weights,
            scaled,
            most=1e-3,
            reason=EXACTLY,
            slow=ONE_PROGRAMME,
            settled=even,
        ),
        Case(
            "kliep",
            "skada KLIEPReweight",
            kliep,
            adapter(skada.KLIEPReweightAdapter, True, n_centers=ALL, random_state=0),
            weights,
            scaled,
            most=None,
            reason=NO_STEPS,
            slow="The peer takes no steps.",
        ),
        Case(
            "kliep",
            "adapt KLIEP",
            kliep,
            adapts(KLIEP, max_centers=ALL),
            weights,
            scaled,
            most=None,
            reason=FEW,
            slow=TO_THE_END,
        ),
        Case(
            "rulsif",
            "adapt RULSIF",
            ratio(Rulsif, alpha=0.1, widths=[1.0], ridges=[RIDGE], centres=ALL),
            adapts(RULSIF, alpha=0.1, lambdas=RIDGE, max_centers=ALL),
            weights,
            scaled,
            slow=ONE_SOLVE,
        ),
        Case(
            "rulsif, alpha 0",
            "adapt ULSIF",
            ratio(Rulsif, alpha=0.0, widths=[1.0], ridges=[RIDGE], centres=ALL),
            adapts(ULSIF, lambdas=RIDGE, max_centers=ALL),
            weights,
            scaled,
            slow=ONE_SOLVE,
        ),
        Case(
            "logistic_ratio",
            "skada DiscriminatorReweight",
            of_mean_one(logistic),
            upside_down,
            "weights, the peer's turned round",
            pooled_unit,
            reason="The peer's are p(source) / p(target) (docs/faults.md).",
            slow=SAME_FIT,
        ),
        Case(
            "logistic_ratio",
            "adapt IWC",
            of_mean_one(logistic),
            of_mean_one(adapts(IWC, kernel=False, classifier=regression())),
            "weights of mean 1",
            pooled_unit,
            most=1e-6,
            reason=SHUFFLES,
            slow=SAME_FIT,
        ),
        Case(
            "nn_ratio",
            "skada NearestNeighborReweight",
            nearest,
            adapter(skada.NearestNeighborReweightAdapter, laplace_smoothing=True),
            "share of weights that differ",
            scaled,
            disagree,
            None,
            WRONG_ROWS,
        ),
        Case(
            "nn_ratio",
            "adapt NearestNeighborsWeighting",
            nearest,
            lambda task: 1.0 + adapts(NearestNeighborsWeighting, kernel=False, n_neighbors=1)(task),
            "share of weights that differ",
            scaled,
            disagree,
            0.0,
            EQUAL_ROWS,
            "Both make one matrix of distances.",
            settled=even,
        ),
    ]
