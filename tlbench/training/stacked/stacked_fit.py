"""Trains runs of one kind as one program; each ends as `fit_gradient` would have left it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor

from tlbench.errors import Diverged
from tlbench.training.checkpoints import Checkpoint, evaluation_steps
from tlbench.training.device import device_of
from tlbench.training.look import Look
from tlbench.training.module import CHECK_EVERY
from tlbench.training.snapshots import checkpoint_of
from tlbench.training.stacked.program import Program, Target, Terms
from tlbench.training.stacked.row_pool import RowPool, rows_ahead
from tlbench.training.validator_probe import Probe, make_probe

if TYPE_CHECKING:
    from tlbench.training.stacked.member import Member


class Outcome(NamedTuple):
    """What a run of a program has come to so far; `error` where it failed, and then it is trained no more."""

    checkpoints: list[Checkpoint]
    history: list[dict[str, float]]
    error: Exception | None = None


def fit_stacked(members: Sequence[Member]) -> list[Outcome]:
    """Train runs of one `kind_of` together.

    Whatever goes wrong in one run is in its outcome; what goes wrong in all of them is raised, and the methods have the weights
    that they started with.
    """
    device = device_of(members[0].hardware.accelerator)
    program = Program(members, device)
    try:
        return _Fit(members, program, device).outcomes()
    except Exception:
        for run in range(len(members)):
            program.restore(run)
        raise


class _Fit:
    def __init__(self, members: Sequence[Member], program: Program, device: torch.device) -> None:
        self.members, self.program, self.device = members, program, device
        optim = members[0].optim
        self.stops = sorted(evaluation_steps(optim.steps, optim.evaluations) | {optim.steps})
        self.found = [Outcome([], []) for _ in members]
        self.probes: list[Probe | None] = [make_probe(m.task, m.validators, m.seed) for m in members]

    def outcomes(self) -> list[Outcome]:
        batches, pending = _batches(self.members, self.device), list[Terms]()
        for step, batch in enumerate(batches, 1):
            pending.append(self.program.step(*batch))
            stop = step in self.stops
            if stop or len(pending) == CHECK_EVERY:
                self._settle(pending)
                pending = []
            if stop:
                for run in range(len(self.members)):
                    self._look(run, step)
        return self.found

    def _settle(self, pending: list[Terms]) -> None:
        """Add terms to the histories; a run fails at its first that is not finite."""
        names = sorted(pending[0])
        values_SNK = torch.stack([torch.stack([terms[name].float() for name in names]) for terms in pending]).tolist()
        for run, outcome in enumerate(self.found):
            if outcome.error is not None:
                continue
            for values_NK in values_SNK:
                values = {name: of_runs[run] for name, of_runs in zip(names, values_NK, strict=True)}
                wrong = [name for name in names if not math.isfinite(values[name])]
                if wrong:
                    self._failed(run, Diverged(len(outcome.history), wrong[0]))
                    break
                outcome.history.append(values)

    def _look(self, run: int, step: int) -> None:
        outcome, member = self.found[run], self.members[run]
        if outcome.error is not None:
            return
        method = self.program.load(run).eval()
        val = None if member.task.source_val is None else member.task.source_val.inputs
        try:
            checkpoint = checkpoint_of(Look(method, self.device, step), member.test, val, self.probes[run])
            outcome.checkpoints.append(checkpoint)
        except Exception as error:  # this run's alone
            self._failed(run, error)
        finally:
            method.train()

    def _failed(self, run: int, error: Exception) -> None:
        self.found[run] = self.found[run]._replace(error=error)
        self.program.stop(run)


def _batches(members: Sequence[Member], device: torch.device) -> Iterator[tuple[list[tuple[Tensor, Tensor]], Target]]:
    """Yield the batches of all runs, step by step: each run's rows are those that it would have alone."""
    batches = [member.batches for member in members]
    orders = [own.orders() for own in batches]
    sets = range(len(batches[0].labelled))
    pools = [[RowPool([_tensor(own.labelled[i][part]) for own in batches], device) for part in (0, 1)] for i in sets]
    with_target = batches[0].target is not None
    target = RowPool([_tensor(own.target) for own in batches], device) if with_target else None
    streams = [[labelled[i] for labelled, _ in orders] for i in sets]
    of_target = [own for _, own in orders if own is not None]
    for start in range(0, members[0].optim.steps, CHECK_EVERY):
        n = min(CHECK_EVERY, members[0].optim.steps - start)
        rows = [rows_ahead(own, n, device) for own in streams]
        target_rows = rows_ahead(of_target, n, device) if target else None
        for step in range(n):
            labelled = [(x.take(r[step]), y.take(r[step])) for (x, y), r in zip(pools, rows, strict=True)]
            if target is None or target_rows is None:
                yield labelled, ()
            else:
                yield labelled, (target.take(target_rows[step]), target_rows[step])


def _tensor(held: object) -> Tensor:
    assert isinstance(held, Tensor)
    return held
