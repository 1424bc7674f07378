"""Trains what was prepared and looks at it: checkpoints, histories, features. No target label is in reach here."""

from __future__ import annotations

import sys
from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tlbench.loggers import Log, log_terms
from tlbench.method.base import is_gradient, is_online
from tlbench.method.estimator import EstimatorMethod
from tlbench.running.clock import Clock
from tlbench.running.looks import outputs_of, trained_looks
from tlbench.running.programs import member_of, program_groups
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
    """Fit runs, as `outcomes` does. Raises what went wrong in the first that failed."""
    found = []
    for outcome in outcomes(runs, watches):
        if isinstance(outcome, Exception):
            raise outcome
        found.append(outcome)
    return found


def outcomes(runs: Sequence[Prepared], watches: Sequence[Watch] | None = None) -> list[Fitted | Exception]:
    """Fit runs: those that can be stacked as one program, the others one after the other.

    Args:
        watches: one a run; None for none.

    Returns:
        One a run; what went wrong in one ends no other.
    """
    watched = list(zip(runs, watches or [Watch()] * len(runs), strict=True))
    found: dict[int, Fitted | Exception] = {}
    for group in program_groups([(run, watch.resume) for run, watch in watched]):
        some = [watched[index] for index in group]
        found |= zip(group, _together(some) if len(some) > 1 else [_alone(*some[0])], strict=True)
    return [found[index] for index in range(len(runs))]


Doing = Generator[tuple[Prepared, Watch], Fitted, str]
"""A run on its way: it gives what is to be fitted, is sent what that came to, and returns its status."""


def carried_out(doing: Sequence[Doing]) -> list[str]:
    """Take runs through their fit, together where they can be stacked; return their statuses."""
    statuses: dict[int, str] = {}
    ready: dict[int, tuple[Prepared, Watch]] = {}
    try:
        for index, run in enumerate(doing):
            try:
                ready[index] = next(run)
            except StopIteration as end:
                statuses[index] = end.value
        found = outcomes([run for run, _ in ready.values()], [watch for _, watch in ready.values()])
        for index, outcome in zip(ready, found, strict=True):
            try:
                doing[index].throw(outcome) if isinstance(outcome, Exception) else doing[index].send(outcome)
            except StopIteration as end:
                statuses[index] = end.value
    finally:
        for run in doing:
            run.close()
    return [statuses[index] for index in range(len(doing))]


def _alone(run: Prepared, watch: Watch) -> Fitted | Exception:
    clock = Clock(run.seconds)
    try:
        return _finished(run, _trained(run, watch), clock)
    except Exception as error:
        return error


def _together(some: Sequence[tuple[Prepared, Watch]]) -> list[Fitted | Exception]:
    from tlbench.training.stacked.stacked_fit import fit_stacked

    clock, members = Clock(), [member for run, _ in some if (member := member_of(run)) is not None]
    try:
        trained = fit_stacked(members)
    except Exception as error:
        print(f"tlbench: {len(some)} runs could not be stacked and go alone: {error!r}", file=sys.stderr)
        return [_alone(run, watch) for run, watch in some]
    clock.lap("fit")
    share = clock.laps["fit"] / len(some)
    found = list[Fitted | Exception]()
    for (run, watch), (checkpoints, history, wrong) in zip(some, trained, strict=True):
        log_terms(watch.logger, history, len(history))
        own = Clock({**run.seconds, "fit": share})
        found.append(wrong or _finished(run, (checkpoints, history), own, stacked=len(some)))
    return found


def _finished(run: Prepared, trained: Trained, clock: Clock, stacked: int = 1) -> Fitted:
    checkpoints, history = trained
    if (rule := run.setup.rejection) is not None:
        checkpoints = [replace(found, test=rule(found.test)) for found in checkpoints]
    clock.lap("fit")
    looks = trained_looks(run)
    clock.lap("distances")
    return Fitted(run, checkpoints, history, looks, clock.laps, stacked)


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
    scores, outlook = ({}, {}) if probe is None else probe.look(outputs_of(run))
    log_terms(watch.logger, learner.history, len(learner.history))
    test = learner.predict_proba(run.test, "target")
    return [Checkpoint(len(learner.history), test, val, scores, outlook)], learner.history
