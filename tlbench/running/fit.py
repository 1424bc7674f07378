"""Trains what was prepared and looks at it: checkpoints, histories, features. No target label is in reach here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tlbench.loggers import Log, log_terms
from tlbench.method.base import is_gradient, is_online
from tlbench.method.estimator import EstimatorMethod
from tlbench.running.clock import Clock
from tlbench.running.looks import outputs_of, trained_looks
from tlbench.running.stage_values import Fitted, Prepared
from tlbench.training.checkpoints import Checkpoint
from tlbench.training.validator_probe import make_probe

Trained = tuple[list[Checkpoint], list[dict[str, float]]]


@dataclass(frozen=True)
class Watch:
    """What goes along with a fit: a logger, and a file in which a gradient method keeps its state and from which it goes on."""

    logger: Log | None = None
    resume: Path | None = None


def fit(runs: Sequence[Prepared], watches: Sequence[Watch] | None = None) -> list[Fitted]:
    """Fit runs, one after the other.

    Args:
        watches: one a run; None for none.
    """
    return [_fit(run, watch) for run, watch in zip(runs, watches or [Watch()] * len(runs), strict=True)]


def _fit(run: Prepared, watch: Watch) -> Fitted:
    clock = Clock(run.seconds)
    checkpoints, history = _trained(run, watch)
    if (rule := run.setup.rejection) is not None:
        checkpoints = [replace(found, test=rule(found.test)) for found in checkpoints]
    clock.lap("fit")
    trained = trained_looks(run)
    clock.lap("distances")
    return Fitted(run, checkpoints, history, trained, clock.laps)


def _trained(run: Prepared, watch: Watch) -> Trained:
    if is_online(run.learner):
        from tlbench.running.stream import streamed  # torch, as below, which closed forms do without

        checkpoints, history = streamed(run)
        log_terms(watch.logger, history, len(history))
        return checkpoints, history
    return _of_gradient(run, watch) if is_gradient(run.learner) else _of_estimator(run, watch)


def _of_gradient(run: Prepared, watch: Watch) -> Trained:
    from tlbench.training.gradient_fit import fit_gradient

    config, learner = run.setup.config, run.learner
    assert is_gradient(learner)
    return fit_gradient(
        learner, run.task, run.test, config.optim, config.trainer, seed=config.seed, validators=config.validators,
        logger=watch.logger, resume=watch.resume,
    )  # fmt: skip


def _of_estimator(run: Prepared, watch: Watch) -> Trained:
    config, task, learner = run.setup.config, run.task, run.learner
    assert isinstance(learner, EstimatorMethod)
    learner.fit(task)
    val = None if task.source_val is None else learner.predict_proba(task.source_val.inputs, "source")
    probe = make_probe(task, config.validators, config.seed)
    scores = {} if probe is None else probe.scores(outputs_of(run))
    log_terms(watch.logger, learner.history, len(learner.history))
    test = learner.predict_proba(run.test, "target")
    return [Checkpoint(len(learner.history), test, val, scores)], learner.history
