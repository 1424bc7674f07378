"""The warning of a run: what its outlook and its reference's say of a gain below zero. Target labels are out of reach."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tlbench.selection.rules import ORACLE
from tlbench.transfer.warning.model import shipped_model
from tlbench.transfer.warning.outlook import Outlook
from tlbench.transfer.warning.signals import signals

if TYPE_CHECKING:
    from tlbench.running.comparison import Reference


def warnings_of(
    steps: Mapping[str, int], outlooks: Mapping[int, Outlook], reference: Reference | None
) -> list[dict[str, Any]]:
    """Return the signals and the warning of each pair of checkpoints that some selection sets side by side.

    Args:
        steps: selection rule to the step of the run's checkpoint that it picks; there is no warning of what `oracle` picks, as
            target labels have a part in it.
        outlooks: of the run, by step.
        reference: the primary one; None for none.

    Returns:
        step, reference_step, reference_run, signals (by name) and warning (probability of a gain below 0, version) each, that of
        the first rule first; nothing where the run or its reference kept no outlook.
    """
    if reference is None:
        return []
    honest = {rule: step for rule, step in steps.items() if rule != ORACLE and rule in reference.steps}
    pairs = dict.fromkeys((step, reference.steps[rule]) for rule, step in honest.items())
    found, model = [], shipped_model()
    for step, other in pairs:
        if step in outlooks and other in reference.outlooks:
            said = signals(outlooks[step], reference.outlooks[other])
            where = {"step": step, "reference_step": other, "reference_run": reference.key}
            told = None if model is None else {"probability": model.probability(said), "version": model.version}
            found.append({**where, "signals": said, "warning": told})
    return found
