"""`tlbench advise`: adapt, keep the reference, or label these few."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from tlbench.advising.advice import Advice, advise_on, best_of, soft_vote
from tlbench.advising.advice_files import read_labels, write_predictions, write_to_label
from tlbench.advising.looking import Looked, look_at, reference_of
from tlbench.advising.own_pair import pair_of_own
from tlbench.errors import TlbenchError
from tlbench.running.setup import Setup
from tlbench.sweeping.commands import planned_runs
from tlbench.transfer.warning.labelling import chosen_rows, settled
from tlbench.transfer.warning.model import shipped_model

DEFAULT_METHODS = "method=coral_linear,sa,self_training"
CAUTION = (
    "No promise: without target labels and without assumptions nobody knows the target's accuracy. How often this was right, and "
    "where not, is in docs/warning.md."
)
SHIFTED = 0.15
"""Likely total variation of class shares from which on the warning's word counts for little."""


@dataclass(frozen=True)
class Asked:
    """What a command asks: methods on one recipe, their reference, and what the target's examples are called."""

    setups: list[Setup]
    reference: Setup
    names: dict[str, str]


def advise(words: Sequence[str], config_dir: str | None, *, label: int, labels: str | None, out: str) -> int:
    """Print advice on each method, write the vote's predictions, and what to label; 0.

    Args:
        words: overrides, and the paths of a source and a target of the user's own in front of them.
        label: disagreements to choose for labelling; 0: none.
        labels: file of such a choice, with labels.
        out: folder for the predictions and the choice.
    """
    if label < 0:
        raise TlbenchError(f"--label must be 0 or more examples, got {label}.")
    if (model := shipped_model()) is None:
        raise TlbenchError(
            "This copy of tlbench has no warning's model: tlbench/transfer/warning/model.json is missing."
        )
    asked = asked_for(words, config_dir)
    reference = look_at(asked.reference)
    looks = [look_at(setup) for setup in asked.setups]
    found = [advise_on(look, reference, model, [other for other in looks if other is not look]) for look in looks]
    console = Console(soft_wrap=True)
    _show(console, found, reference, asked)
    classes = [str(name) for name in asked.reference.dataset.classes]
    names = [asked.names.get(str(name), str(name)) for name in reference.ids_N]
    alike = [reference, *(look for look in looks if look.says_NC.shape == reference.says_NC.shape)]
    path = write_predictions(Path(out), names, soft_vote(alike), classes, [reference, *looks])
    console.print(f"By default take the vote of the reference and all methods: {path}.", highlight=False)
    best = best_of(found)
    look = looks[found.index(best)]
    if label:
        rows = chosen_rows(look.says_NC, reference.says_NC, label)
        told = write_to_label(Path(out), names, rows, look, reference, classes)
        console.print(told, highlight=False)
    if labels is not None:
        console.print(_answer(Path(labels), names, looks, found, reference, classes), highlight=False)
    console.print(CAUTION, highlight=False)
    return 0


def asked_for(words: Sequence[str], config_dir: str | None) -> Asked:
    """Return what is to be fitted. Raises TlbenchError where a word is wrong, or the methods are on several recipes."""
    paths, own = [word for word in words if "=" not in word], [word for word in words if "=" in word]
    names: dict[str, str] = {}
    if paths:
        if len(paths) != 2:
            raise TlbenchError(f"advise takes SOURCE TARGET, or none and dataset=... pair=..., got {' '.join(paths)}.")
        pair, names = pair_of_own(Path(paths[0]), Path(paths[1]), own)
        own = (
            [*pair, *own]
            if any(word.startswith("protocol=") for word in own)
            else [*pair, "protocol=transductive", *own]
        )
    if not any(word.startswith("method=") for word in own):
        own.append(DEFAULT_METHODS)
    setups = [job.setup for job in planned_runs(own, config_dir)]
    if len(recipes := {str(setup.pair) for setup in setups}) > 1 or len({s.config.seed for s in setups}) > 1:
        raise TlbenchError(f"advise is on one pair and one seed, got {len(recipes)} pairs and {len(setups)} runs.")
    if paths and (shots := setups[0].config.shots):
        raise TlbenchError(
            f"Target labels are not read from SOURCE TARGET, so there are none for protocol.shots={shots}. Use 0."
        )
    return Asked(setups, reference_of(setups), names)


def _show(console: Console, found: Sequence[Advice], reference: Looked, asked: Asked) -> None:
    pair = f"{asked.reference.config.dataset['name']} {asked.reference.pair}"
    table = Table(title=f"{pair}: methods against {reference.method}, without a target label", title_justify="left")
    for name in ("method", "advice", "P(hurts)", "disagree", "what spoke (+ against the method)"):
        table.add_column(name, justify="right" if name in ("P(hurts)", "disagree") else "left")
    for advice in found:
        spoke = ", ".join(f"{name} {value:+.2f}" for name, value in advice.spoke)
        numbers = f"{advice.probability:.2f}", f"{100 * advice.disagreement:.0f} %"
        table.add_row(advice.method, advice.verdict, *numbers, spoke)
    console.print(table)
    shift = next((advice.likely_shift for advice in found if advice.likely_shift is not None), None)
    if shift is not None and shift > SHIFTED:
        console.print(
            f"The target's classes seem to be otherwise shared than the source's (total variation about {shift:.2f}): there all "
            "methods that align domains may err alike, and so may this advice.",
            highlight=False,
        )


def _answer(
    path: Path,
    names: Sequence[str],
    looks: Sequence[Looked],
    found: Sequence[Advice],
    reference: Looked,
    classes: list[str],
) -> str:
    """Return what labels of a choice say of the method that they were chosen for."""
    chosen = read_labels(path, names, classes)
    by_name = {look.method: (look, advice) for look, advice in zip(looks, found, strict=True)}
    if chosen.method not in by_name:
        raise TlbenchError(f"{path} was chosen for method={chosen.method}, and these are {', '.join(by_name)}.")
    look, advice = by_name[chosen.method]
    own, other = look.says_NC.argmax(axis=1), reference.says_NC.argmax(axis=1)
    if same := [names[row] for row in chosen.rows if own[row] == other[row]]:
        raise TlbenchError(
            f"{path}: '{same[0]}' is no disagreement of {chosen.method} and {reference.method} in this fit."
        )
    rows, share = np.asarray(chosen.rows), float((own != other).mean())
    said = settled(chosen.labels, own[rows], other[rows], share, advice.probability)
    return (
        f"{len(rows)} labels: {chosen.method} right on {said.n_own}, {reference.method} on {said.n_reference}, neither on "
        f"{said.n_neither}. Gain {said.gain:+.1f} points [{said.low:+.1f}, {said.high:+.1f}] (95 %), "
        f"P(hurts) {said.probability:.2f} (without labels {advice.probability:.2f})."
    )
