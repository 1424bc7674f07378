"""A method beside a peer's: the same problem for both, in turns, and how far their results are apart."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib.metadata import version
from typing import Any

import numpy as np

from benchmarks.estimators import ORDERS, seconds
from tlbench.classifiers.estimators import FeatureClassifier
from tlbench.tasks import Labelled, Task

Work = Callable[[Task], np.ndarray]
BASE: dict[str, Any] = {"n_classes": 10, "seed": 0}


class Seen(FeatureClassifier):
    """Keeps what a method would fit a classifier on: maps and weights are compared, not what is learned from them."""

    def fit(self, x_ND: Any, labels_N: np.ndarray, weights_N: np.ndarray | None = None) -> Seen:
        self.x_ND, self.labels_N, self.weights_N = x_ND, labels_N, weights_N
        return self

    def predict_proba(self, x_ND: Any) -> np.ndarray:
        return np.full((len(x_ND), self.n_classes), 1.0 / self.n_classes)


def with_inputs(task: Task, source_ND: np.ndarray, target_MD: np.ndarray) -> Task:
    """Return the task with other features, without shots."""
    return replace(task, source=Labelled(source_ND, task.source.labels), target=target_MD, shots=None)


def largest(mine: np.ndarray, other: np.ndarray) -> float:
    """Largest difference, over the largest entry."""
    return float(np.abs(mine - other).max() / np.abs(other).max())


def up_to_length(mine: np.ndarray, other: np.ndarray) -> float:
    """The same of columns of length 1, whatever their signs: eigenvectors have neither of their own."""
    mine, other = (columns / np.linalg.norm(columns, axis=0) for columns in (mine, other))
    return largest(mine * np.where((mine * other).sum(axis=0) < 0, -1.0, 1.0), other)


def disagree(mine: np.ndarray, other: np.ndarray) -> float:
    """Share of predictions that differ."""
    return float(np.mean(mine != other))


@dataclass(frozen=True)
class Case:
    """A row of the table.

    Attributes:
        method: tlbench's, with what sets the row apart from another of the same two.
        peer: distribution and name of the peer's.
        ours, theirs: what is timed; both get the same task and return what is compared.
        compared: what that is.
        prepare: task as drawn -> task as both get it, outside the clock.
        apart: (mine, theirs) -> how far they are apart.
        shots: the draw has three labelled target examples of each class, which leave the target; else it has them all.
        settled: (task, result) -> what of a result the problem determines, outside the clock.
        most: of `apart`; beyond it the benchmark stops. None: the results differ, for the `reason`.
        reason: why results differ, or are compared as they are.
        slow: why the ratio cannot be large.
    """

    method: str
    peer: str
    ours: Work
    theirs: Work
    compared: str
    prepare: Callable[[Task], Task]
    apart: Callable[[np.ndarray, np.ndarray], float] = largest
    most: float | None = 1e-9
    reason: str = ""
    slow: str = ""
    shots: bool = False
    settled: Callable[[Task, np.ndarray], np.ndarray] = lambda task, result: result


def shuffled(task: Task) -> Task:
    """Both domains in an order that no turn had before: what tlbench keeps of an earlier turn does not serve."""
    rng = np.random.default_rng(next(ORDERS))
    n, m = rng.permutation(len(task.source)), rng.permutation(len(task.target))
    return replace(task, source=Labelled(task.source.inputs[n], task.source.labels[n]), target=task.target[m])


def row(case: Case, data: str, draw: Callable[[int], Task], turns: int) -> dict[str, Any]:
    """Processor seconds of both sides, medians of turns after an uncounted one; ours once more with what it then keeps."""
    times, differs, distribution = [], 0.0, case.peer.partition(" ")[0]
    for turn in range(turns + 1):
        task = case.prepare(shuffled(draw(0)))
        sides = [case.ours, case.theirs] if turn % 2 else [case.theirs, case.ours]
        found = {side: seconds(side, task) for side in sides}
        again = seconds(case.ours, task)[0]
        times.append((found[case.ours][0], found[case.theirs][0], again))
        mine, other = (case.settled(task, found[side][2][0]) for side in (case.ours, case.theirs))
        differs = max(differs, case.apart(mine, other))
    if case.most is not None and not differs <= case.most:
        raise AssertionError(f"{case.method} beside {case.peer} on {data}: {case.compared} differ by {differs:.1e}.")
    mine, other, again = np.array(times[1:]).T
    ratios = other / mine
    return {
        "method": case.method,
        "peer": case.peer,
        "version": version(distribution),
        "data": data,
        "n_source": len(task.source),
        "n_target": len(task.target),
        "tlbench_s": np.median(mine),
        "peer_s": np.median(other),
        "kept_s": np.median(again),
        "ratio": np.median(ratios),
        "ratio_low": ratios.min(),
        "ratio_high": ratios.max(),
        "compared": case.compared,
        "difference": differs,
        "equal_within": case.most,
        "reason": case.reason,
        "below_3": case.slow if np.median(ratios) < 3 else "",
    }
