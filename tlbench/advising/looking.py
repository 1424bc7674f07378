"""Methods and their reference on one recipe, fitted for advice: nothing is kept, and no label of the target is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tlbench.errors import TlbenchError
from tlbench.method.reference import Reference
from tlbench.running.fit import fit
from tlbench.running.prepare import prepare
from tlbench.running.refusals import refuse_impossible
from tlbench.running.run_threads import threads_of
from tlbench.running.setup import Setup
from tlbench.transfer.warning.outlook import Outlook


@dataclass(frozen=True)
class Looked:
    """What one fitted method says.

    Attributes:
        outlook: of the validators' examples.
        says_NC: class probabilities of the target's test examples, float64.
        ids_N: what these are called.
    """

    method: str
    outlook: Outlook
    says_NC: np.ndarray
    ids_N: np.ndarray


def look_at(setup: Setup) -> Looked:
    """Fit a run's method and look at it. Raises TlbenchError where it cannot be fitted, or looked at."""
    name = str(setup.config.method["name"])
    if setup.source_model is not None:
        raise TlbenchError(
            f"method={name} starts from the source model of another run; `advise` takes methods that do not."
        )
    refuse_impossible(setup)
    with threads_of(setup):
        prepared, hidden = prepare(setup)
        (fitted,) = fit([prepared])
    last = fitted.checkpoints[-1]
    if not last.outlook:
        raise TlbenchError(
            f"method={name} gives no look at unlabelled target examples. Set validators=300, and no oracle."
        )
    order = hidden.file_order
    return Looked(name, Outlook.of_arrays(last.outlook), np.asarray(last.test[order], np.float64), hidden.ids[order])


def reference_of(setups: Sequence[Setup]) -> Setup:
    """Return the reference that all have in common.

    Raises:
        TlbenchError: one is itself a reference, or they have different ones.
    """
    found, of = dict[str, Setup](), dict[str, list[str]]()
    for setup in setups:
        name = str(setup.config.method["name"])
        if issubclass(setup.method, Reference):
            raise TlbenchError(
                f"method={name} is a reference, and transfers nothing. Name methods: method=coral_linear,sa."
            )
        reference = next(iter(setup.references.values()))
        found[reference.key] = reference
        of.setdefault(reference.key, []).append(name)
    if len(found) > 1:
        groups = "; ".join(", ".join(sorted(set(names))) for names in of.values())
        raise TlbenchError(f"Methods have different references on this recipe: {groups}. Ask about each group apart.")
    return next(iter(found.values()))
