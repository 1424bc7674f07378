"""Methods that map examples, beside SKADA's adapters and ADAPT's."""

from __future__ import annotations

from typing import Any

import numpy as np
import skada
from adapt.feature_based import CORAL, SA, TCA

from baselines.coral_linear import CoralLinear
from baselines.ot_group import OtGroup
from baselines.ot_linear import OtLinear
from baselines.ot_sinkhorn import OtSinkhorn
from baselines.sa import SubspaceAlignment
from baselines.tca import Tca
from baselines.tjm import Tjm
from benchmarks.estimators import RIDGE, SHRINKAGE, both_domains, longer, scaled
from benchmarks.peers.case import BASE, Case, Seen, Work, up_to_length, with_inputs
from tlbench.functional.row_lengths import unit_rows
from tlbench.functional.transport import scaled_cost
from tlbench.tasks import Task

QUIET: dict[str, Any] = {"verbose": 0, "random_state": 0}
TWO_ROOTS = "Both take two symmetric eigenproblems as wide as the features; in a sweep tlbench keeps them."
RANDOM = "The peer's axes are scikit-learn's randomised ones, an approximation; with nearly all axes asked for both are exact."
EIGH = "Means apart: the peer gives a matrix that is not symmetric to a solver for symmetric ones; see docs/faults.md."
MORE = "A randomised decomposition for few axes against an exact one of all, which tlbench keeps for other numbers of axes."
EXACT = "Both take the same two exact decompositions of LAPACK's; in a sweep tlbench keeps them."
ONE_ROOT = "One eigenproblem as wide as the features in place of two is all that can be saved."
ONE_ROUND = (
    "The peer ends after one round, whatever max_iter says (docs/faults.md). Beyond the features' rank its matrix has no "
    "inverse; it adds 1e-10 and warns that its solution is not accurate."
)
NO_ENTROPY = "POT's line search forgets the entropy (docs/faults.md); tlbench's plan has a certified gap of 1e-8."


def of_source(method: type, **settings: Any) -> Work:
    """What the method hands its classifier: the source where it belongs in the target."""
    return lambda task: method(**settings, classifier=Seen(**BASE)).fit(task).classifier.x_ND


def of_both(method: type, **settings: Any) -> Work:
    """The same, and the target's examples below."""

    def work(task: Task) -> np.ndarray:
        fitted = method(**settings, classifier=Seen(**BASE)).fit(task)
        return np.concatenate([fitted.classifier.x_ND, fitted.features(task.target, "target")])

    return work


def adapter(kind: type, source_alone: bool = False, **settings: Any) -> Work:
    """What an adapter of SKADA's makes of both domains, or of the source."""

    def work(task: Task) -> np.ndarray:
        x, y, domains = both_domains(task)
        mapped = kind(**settings).fit_transform(x, y, sample_domain=domains)
        return mapped[domains == 1] if source_alone else mapped

    return work


def adapts(kind: type, **settings: Any) -> Work:
    """What a class of ADAPT's makes of both domains."""

    def work(task: Task) -> np.ndarray:
        model = kind(**settings, **QUIET)
        mapped = model.fit_transform(task.source.inputs, task.target)
        return np.concatenate([mapped, model.transform(task.target)])

    return work


def mean_difference_weight(task: Task) -> float:
    """SKADA's and ADAPT's weight of the mean difference for a ridge of 1: tlbench's matrix of it has Frobenius norm 1."""
    return 1.0 / (1.0 / len(task.source) + 1.0 / len(task.target))


def skada_linear_map(task: Task) -> np.ndarray:
    """SKADA divides covariances by n, tlbench by n - 1: a ridge and a target size that make up for it give the same map."""
    shrunk = 1.0 - 1.0 / len(task.source)
    m = len(task.target)
    longer_target = with_inputs(task, task.source.inputs, np.sqrt(shrunk * m / (m - 1)) * task.target)
    return adapter(skada.LinearOTMappingAdapter, source_alone=True, reg=RIDGE * shrunk)(longer_target)


def unit_scaled(task: Task) -> Task:
    """Rows of length 1, as TJM has them."""
    task = scaled(task)
    return with_inputs(task, unit_rows(task.source.inputs), unit_rows(task.target))


def as_it_comes(task: Task) -> Task:
    """With the means that the domains have."""
    return with_inputs(task, task.source.inputs, task.target)


def unit_cost(task: Task) -> Task:
    """Scaled so that no cost is above 1: SKADA's group lasso has no scale of its own."""
    task = scaled(task)
    raw = np.square(task.source.inputs[0] - task.target[0]).sum()
    size = np.sqrt(raw / scaled_cost(task.source.inputs, task.target, np.max)[0, 0])
    return with_inputs(task, task.source.inputs / size, task.target / size)


def tca_cases() -> list[Case]:
    ours = of_both(Tca, dim=20, ridge=1.0, kernel="linear")

    def skadas(task: Task) -> np.ndarray:
        mu = mean_difference_weight(task)
        return adapter(skada.TransferComponentAnalysisAdapter, kernel="linear", n_components=20, mu=mu)(task)

    def adapts_tca(task: Task) -> np.ndarray:
        return adapts(TCA, kernel="linear", n_components=20, mu=mean_difference_weight(task))(task)

    what = "components, up to sign and length"
    return [
        *(
            Case("tca", peer, ours, theirs, what, scaled, up_to_length, 1e-6)
            for peer, theirs in (("skada TransferComponentAnalysis", skadas), ("adapt TCA", adapts_tca))
        ),
        Case(
            "tca, means apart",
            "skada TransferComponentAnalysis",
            ours,
            skadas,
            what,
            as_it_comes,
            up_to_length,
            None,
            EIGH,
        ),
        Case("tca, means apart", "adapt TCA", ours, adapts_tca, what, as_it_comes, up_to_length, None, EIGH),
    ]


def cases() -> list[Case]:
    sa, alignment = SubspaceAlignment, skada.SubspaceAlignmentAdapter
    axes, source, all_axes = "both domains on the axes, up to sign and length", "mapped source", 700
    coral = of_source(CoralLinear, ridge=RIDGE)
    return [
        Case(
            "coral_linear",
            "skada CORAL",
            coral,
            lambda task: adapter(skada.CORALAdapter, True, reg=SHRINKAGE)(task) / longer(task),
            source,
            scaled,
            slow=TWO_ROOTS,
        ),
        Case(
            "coral_linear",
            "adapt CORAL",
            coral,
            lambda task: CORAL(lambda_=RIDGE, **QUIET).fit_transform(task.source.inputs, task.target),
            source,
            scaled,
            slow=TWO_ROOTS,
        ),
        *(
            Case("sa, 80 axes", peer, of_both(sa, dim=80), theirs, axes, scaled, up_to_length, None, RANDOM, MORE)
            for peer, theirs in (
                ("skada SubspaceAlignment", adapter(alignment, n_components=80, random_state=0)),
                ("adapt SA", adapts(SA, n_components=80)),
            )
        ),
        Case(
            "sa, 700 axes",
            "skada SubspaceAlignment",
            of_both(sa, dim=all_axes),
            adapter(alignment, n_components=all_axes, random_state=0),
            axes,
            scaled,
            up_to_length,
            1e-6,
            slow=EXACT,
        ),
        *tca_cases(),
        Case(
            "tjm, one round",
            "skada TransferJointMatching",
            of_both(Tjm, dim=20, ridge=1.0, rounds=1),
            adapter(skada.TransferJointMatchingAdapter, kernel="linear", n_components=20, tradeoff=1.0),
            "components, up to sign and length",
            unit_scaled,
            up_to_length,
            None,
            ONE_ROUND,
        ),
        Case(
            "ot_linear",
            "skada LinearOTMapping",
            of_source(OtLinear, ridge=RIDGE),
            skada_linear_map,
            source,
            scaled,
            slow=ONE_ROOT,
        ),
        Case(
            "ot_sinkhorn",
            "skada EntropicOTMapping",
            of_source(OtSinkhorn, reg=0.1),
            adapter(skada.EntropicOTMappingAdapter, True, reg_e=0.1, norm="max", max_iter=10_000, tol=1e-9),
            source,
            scaled,
            slow="Both run POT's Sinkhorn sweeps on the same matrix.",
        ),
        Case(
            "ot_group",
            "skada ClassRegularizerOTMapping",
            of_source(OtGroup, reg=0.1, eta=0.1, rounds=100),
            adapter(
                skada.ClassRegularizerOTMappingAdapter,
                True,
                reg_e=0.1,
                reg_cl=0.1,
                norm="l1l2",
                max_iter=100,
                max_inner_iter=10_000,
                tol=1e-9,
            ),
            source,
            unit_cost,
            most=None,
            reason=NO_ENTROPY,
        ),
    ]
