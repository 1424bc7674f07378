"""Seconds of estimator methods at the size of Office-Caltech10, in one process with one thread: closed-form CORAL with a linear
SVM and its C search against SKADA's CORAL with scikit-learn's search, and TrAdaBoost with logistic regression.

    python benchmarks/estimators.py [--turns 7] [--out results/performance]

Both sides of a ratio run in turns. A turn has a source draw of its own. `fresh target` also has target rows in an order of their
own, so that nothing kept from an earlier turn serves it; `sweep` is 20 draws with one target, whose factorisation tlbench keeps.
SKADA runs twice: with the same steps (C chosen on the source as it is, then one fit), which must predict the same, and with its
whole pipeline inside the search, as its guide has it. TrAdaBoost runs as it comes and, as it stops fitting once the pool has no
errors, with shots that contradict source examples, so that each round fits.
"""

from __future__ import annotations

import argparse
import itertools
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.svm import SVC
from threadpoolctl import threadpool_limits

from baselines.coral_linear import CoralLinear, recolour
from baselines.tradaboost import TrAdaBoost
from tlbench.classifiers.estimators import LinearSVM, Logistic
from tlbench.running.setup import Setup
from tlbench.sweeping.driver import sweeper
from tlbench.tasks import Labelled, Task, load_task

try:
    from skada import CORALAdapter, make_da_pipeline
    from skada.metrics import ImportanceWeightedScorer
    from skada.model_selection import SourceTargetShuffleSplit
except ImportError:
    sys.exit("This benchmark compares with SKADA: pip install -c constraints.txt -e '.[bench]'")

GRID, FOLDS, DRAWS, ROUNDS = [10.0**k for k in range(-3, 5)], 2, 20, 10
RIDGE, SHRINKAGE = 1.0, 0.5
"""SKADA's (1 - s) C + s tr(C) / D I is (1 - s) (C + I) for s = 1/2 where the mean variance is 1, as `unit` makes it."""
ORDERS = itertools.count()
"""Of a target's rows: never one twice, or what is kept of an earlier turn would pass for speed."""
ATOL = 1e-6
CORAL_AIM, BOOSTING_AIM = 3.0, 0.5


@dataclass(frozen=True)
class Problem:
    """A task for each seed: without shots, where all seeds have one target; with three a class, which leave it."""

    name: str
    unsupervised: Callable[[int], Task]
    with_shots: Callable[[int], Task]


def made(seed: int, n_source: int = 200, n_target: int = 958) -> Task:
    """Normal examples of ten classes in 800 dimensions, the target's of other scales; three shots a class."""
    fixed = np.random.default_rng(0)
    centres, shift = 0.2 * fixed.normal(size=(10, 800)), fixed.normal(size=800)
    scales = fixed.uniform(0.5, 1.5, size=800)

    def draw(rng: np.random.Generator, n: int, scale: np.ndarray | float, offset: np.ndarray | float) -> Labelled:
        labels = np.arange(n) % 10
        return Labelled((centres[labels] + rng.normal(size=(n, 800))) * scale + offset, labels)

    target, shots = draw(fixed, n_target, scales, shift), draw(fixed, 30, scales, shift)
    source = draw(np.random.default_rng(1 + seed), n_source, 1.0, 0.0)
    return Task(source, target.inputs, shots, None, 10, (800,))


def office(pair: str, shots: int, protocol: str = "sampled") -> Callable[[int], Task]:
    """All of the target but its shots, and of the source 20 examples of each class or, if `transductive`, all."""
    chosen = ["dataset=office_caltech10", f"pair={pair}", "method=source_only", f"protocol={protocol}", f"protocol.shots={shots}",
              "backbone=identity", "classifier=logistic"]  # fmt: skip
    with sweeper(["hydra.sweeper.quiet=true"], None) as machine:
        config = machine.composer.run_config(chosen)
    setup = Setup.of(config)
    return lambda seed: load_task(setup.dataset, setup.pair, setup.protocol, seed)[0]


def problems() -> Iterator[Problem]:
    yield Problem("made, 200 to 958", made, made)
    if "TLBENCH_DATA" in os.environ:
        yield Problem("SURF amazon-webcam, 200 to 295", office("A-W", 0), office("A-W", 3))
        yield Problem("SURF caltech10-amazon, 200 to 958", office("C-A", 0), office("C-A", 3))
    else:
        print("TLBENCH_DATA is not set: no real data")


def unit(x_ND: np.ndarray) -> np.ndarray:
    """Centred, and with a mean variance of 1: then SKADA's shrinkage towards it is a ridge, and its centring does nothing."""
    x_ND = x_ND - x_ND.mean(axis=0)
    return x_ND / np.sqrt(x_ND.var(axis=0, ddof=1).mean())


def scaled(task: Task) -> Task:
    return replace(
        task, source=Labelled(unit(task.source.inputs), task.source.labels), target=unit(task.target), shots=None
    )


def ours(task: Task) -> np.ndarray:
    classifier = LinearSVM(n_classes=10, seed=0, C=1.0, search=GRID, folds=FOLDS, ties="first")
    classifier.tuned(task.source.inputs, task.source.labels)
    return CoralLinear(ridge=RIDGE, classifier=classifier).fit(task).predict_proba(task.target).argmax(axis=1)


def longer(task: Task) -> float:
    """SKADA's mapped source is longer than ours by this: it divides covariances by n, we by n - 1."""
    n, m = len(task.source), len(task.target)
    return float(np.sqrt(n / (n - 1) * (m - 1) / m))


def both_domains(task: Task) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Inputs, labels (-1: the target's) and domains (1 source, -2 target) as SKADA takes them."""
    n, m = len(task.source), len(task.target)
    labels = np.concatenate([task.source.labels, np.full(m, -1)])
    return np.concatenate([task.source.inputs, task.target]), labels, np.repeat([1, -2], [n, m])


def theirs(task: Task) -> np.ndarray:
    """The same steps. C and the test examples make up for `longer`: the decision function is then ours."""
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=0)
    search = GridSearchCV(SVC(kernel="linear"), {"C": GRID}, cv=folds, refit=False)
    found = search.fit(task.source.inputs, task.source.labels).best_params_["C"]
    x, y, domains = both_domains(task)
    pipeline = make_da_pipeline(CORALAdapter(reg=SHRINKAGE), SVC(kernel="linear", C=found / longer(task) ** 2))
    pipeline.fit(x, y, sample_domain=domains)
    return pipeline.predict(longer(task) * task.target, sample_domain=np.full(len(task.target), -2))


def theirs_searched_whole(task: Task) -> np.ndarray:
    """As SKADA's guide has it: the adapter inside the search, which fits it anew for each fold and C."""
    x, y, domains = both_domains(task)
    pipeline = make_da_pipeline(
        CORALAdapter(reg=SHRINKAGE),
        SVC(kernel="linear").set_fit_request(sample_weight=True).set_score_request(sample_weight=True),
    )
    search = GridSearchCV(
        pipeline,
        {"svc__C": GRID},
        cv=SourceTargetShuffleSplit(n_splits=FOLDS, test_size=0.5, random_state=0),
        scoring=ImportanceWeightedScorer(),
    ).fit(x, y, sample_domain=domains)
    return search.best_estimator_.predict(task.target, sample_domain=np.full(len(task.target), -2))


def apart(task: Task) -> float:
    """Largest difference of the two mapped sources, over the largest entry."""
    x, _, domains = both_domains(task)
    mapped = CORALAdapter(reg=SHRINKAGE).fit_transform(x, sample_domain=domains)[domains == 1]
    mine = longer(task) * recolour(task.source.inputs, task.target, RIDGE)
    return float(np.abs(mapped - mine).max() / np.abs(mine).max())


def seconds(work: Callable[[Task], np.ndarray], *tasks: Task) -> tuple[float, float, list[np.ndarray]]:
    """Processor seconds of a run (one thread, so those of an idle machine: other work here does not count), and wall seconds."""
    started, started_wall = time.process_time(), time.perf_counter()
    found = [work(task) for task in tasks]
    n = len(tasks)
    return (time.process_time() - started) / n, (time.perf_counter() - started_wall) / n, found


def compared(problem: Problem, case: str, turns: int, theirs: Callable[[Task], np.ndarray], draws: int = 1) -> dict:
    """Seconds of a run on both sides, medians over turns after an uncounted one; the ratio is the turns' median."""
    times, agree, total, differs = [], 0, 0, 0.0
    for turn in range(turns + 1):
        tasks = [scaled(problem.unsupervised(turn * draws + draw)) for draw in range(draws)]
        order = np.random.default_rng(next(ORDERS)).permutation(len(tasks[0].target))
        assert all(np.array_equal(task.target, tasks[0].target) for task in tasks), "A sweep has one target."
        tasks = [replace(task, target=task.target[order]) for task in tasks]
        sides = [ours, theirs] if turn % 2 else [theirs, ours]
        found = {side: seconds(side, *tasks) for side in sides}
        times.append((*found[ours][:2], *found[theirs][:2]))
        agree += sum(int((a == b).sum()) for a, b in zip(found[ours][2], found[theirs][2], strict=True))
        total += sum(len(a) for a in found[ours][2])
        differs = max(differs, apart(tasks[0]))
    assert differs < ATOL, f"The two maps differ by {differs:.1e}."
    mine, wall, other, other_wall = np.array(times[1:]).T
    ratios = other / mine
    return {
        "what": "coral_linear",
        "data": problem.name,
        "case": case,
        "turns": turns,
        "tlbench_s": np.median(mine),
        "skada_s": np.median(other),
        "tlbench_wall_s": np.median(wall),
        "skada_wall_s": np.median(other_wall),
        "ratio": np.median(ratios),
        "ratio_low": ratios.min(),
        "ratio_high": ratios.max(),
        "aim": f"ratio >= {CORAL_AIM:g}",
        "same_predictions": agree / total,
        "maps_differ": differs,
    }


def contradicted(task: Task) -> Task:
    """The first ten shots are source examples under another label: no learner fits them all."""
    assert task.shots is not None
    inputs, labels = task.shots.inputs.copy(), task.shots.labels.copy()
    inputs[:10], labels[:10] = task.source.inputs[:10], (task.source.labels[:10] + 1) % 10
    return replace(task, shots=Labelled(inputs, labels))


def boosted(problem: Problem, case: str, turns: int, change: Callable[[Task], Task]) -> dict:
    """Seconds of fit and prediction of the whole target."""
    times, fits = [], []
    for turn in range(turns + 1):
        task = change(problem.with_shots(turn))
        method = TrAdaBoost(rounds=ROUNDS, classifier=Logistic(n_classes=10, seed=0, C=1.0))
        times.append(seconds(lambda task, method=method: method.fit(task).predict_proba(task.target), task)[:2])
        fits.append(len({id(learner) for learner in method.learners}))
    mine, wall = np.array(times[1:]).T
    return {"what": "tradaboost", "data": problem.name, "case": f"{case}: {statistics.median(fits):g} fits",
            "turns": turns, "tlbench_s": np.median(mine), "tlbench_wall_s": np.median(wall), "slowest_s": mine.max(),
            "aim": f"tlbench_s < {BOOSTING_AIM:g}"}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=7)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    rows, few = [], max(2, given.turns // 2)

    def add(row: dict) -> None:
        rows.append(row)
        print(
            *(f"{name} {value:.3g}" if isinstance(value, float) else value for name, value in row.items()),
            sep=" | ",
            flush=True,
        )

    with threadpool_limits(1):
        for problem in problems():
            add(compared(problem, "fresh target", given.turns, theirs))
            add(compared(problem, f"sweep of {DRAWS} draws", few, theirs, DRAWS))
            add(compared(problem, "fresh target, SKADA searches whole", few, theirs_searched_whole))
            add(boosted(problem, "as it comes", given.turns, lambda task: task))
            add(boosted(problem, "contradicting shots", given.turns, contradicted))
    print(", ".join(f"{name} {version(name)}" for name in ("numpy", "scikit-learn", "skada")))
    if given.out is not None:
        given.out.mkdir(parents=True, exist_ok=True)
        pd.DataFrame(rows).to_csv(given.out / "estimators.csv", index=False, float_format="%.4g")


if __name__ == "__main__":
    main()
