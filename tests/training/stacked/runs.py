"""Toy runs of one kind that differ in pair, seed and numbers, stacked and alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from tests.conformance.cases import METHODS, class_of, learns_by_gradient, toy_config
from tests.support import prepared, trained
from tlbench.config.schema import RunConfig
from tlbench.method.reference import Reference
from tlbench.running.programs import member_of
from tlbench.training.stacked.member import Member, kind_of, own_stacks
from tlbench.training.stacked.stacked_fit import Outcome, fit_stacked

STACKABLE = [
    "source_only",
    *(name for name in METHODS if learns_by_gradient(name) and own_stacks(class_of(name)) is not None),
]
STEPS = 12


def group_of(method: str, conf: Path, *extra: str, variant: str = "", n: int = 2, **optim: Any) -> list[RunConfig]:
    """Configs of runs that differ in all in which runs of a program may differ."""
    of = class_of(method)
    numbers = () if issubclass(of, Reference) else own_stacks(of) or ()
    pairs = ["left+top-right", "right+top-left"] if of.needs_sources else ["left-right", "right-top", "top-left"]
    base = toy_config(method, conf, f"optim.steps={STEPS}", *extra)
    found = []
    for i in range(n):
        settings = {**base.method, **({"variant": variant} if variant else {})}
        settings |= {name: settings[name] * (1 + i / 2) for name in numbers if may_vary(name, variant)}
        own = {"lr": 0.01 * (1 + i), "weight_decay": 0.01 * (1 + i), "momentum": 0.9 / (1 + i), "schedule": "annealed"}
        own |= {"annealing": 10.0 * (1 + i), **optim}
        values = {"pair": pairs[i], "seed": i, "method": settings, "optim": base.optim.model_copy(update=own)}
        found.append(base.model_copy(update=values))
    return found


def with_optim(config: RunConfig, **values: Any) -> RunConfig:
    return config.model_copy(update={"optim": config.optim.model_copy(update=values)})


def may_vary(name: str, variant: str) -> bool:
    """The numbers of afn have a say in one variant each, and are refused in the other."""
    return (name, variant) not in {("delta", "hard"), ("radius", "stepwise")}


def members_of(configs: list[RunConfig]) -> list[Member]:
    members = [member_of(prepared(config)[0]) for config in configs]
    assert all(member is not None for member in members)
    return [member for member in members if member is not None]


def alone(config: RunConfig) -> Outcome:
    run, _ = prepared(config)
    return Outcome(*trained(run.learner, run.task, run.test, config))


def stacked(configs: list[RunConfig]) -> list[Outcome]:
    members = members_of(configs)
    kinds = {kind_of(member) for member in members}
    assert len(kinds) == 1
    assert None not in kinds
    return fit_stacked(members)


def assert_close(found: Outcome, wanted: Outcome, tolerance: float = 2e-5) -> None:
    assert found.error is None
    assert wanted.error is None
    assert [c.step for c in found.checkpoints] == [c.step for c in wanted.checkpoints]
    for one, other in zip(found.checkpoints, wanted.checkpoints, strict=True):
        np.testing.assert_allclose(one.test, other.test, atol=tolerance)
        np.testing.assert_allclose(one.source_val, other.source_val, atol=tolerance)
        sure = np.sort(other.test, axis=1)[:, -1] - np.sort(other.test, axis=1)[:, -2] > 2 * tolerance
        np.testing.assert_array_equal(one.test.argmax(1)[sure], other.test.argmax(1)[sure])
        assert one.scores.keys() == other.scores.keys()
    assert [list(terms) for terms in found.history] == [list(terms) for terms in wanted.history]
    for one, other in zip(found.history, wanted.history, strict=True):
        np.testing.assert_allclose(list(one.values()), list(other.values()), rtol=10 * tolerance, atol=tolerance)


def assert_same(found: Outcome, wanted: Outcome) -> None:
    """Equal to the bit."""
    assert found.history == wanted.history
    for one, other in zip(found.checkpoints, wanted.checkpoints, strict=True):
        np.testing.assert_array_equal(one.test, other.test)
