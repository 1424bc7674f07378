"""`tlbench advise`: adapt, keep the reference, or label these few."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tlbench.advising.advice import SAME, Advice, advise_on, best_of, soft_vote
from tlbench.advising.advice_files import read_labels, refuse_filled, write_predictions, write_to_label
from tlbench.advising.answer import answer
from tlbench.advising.asked import Asked, asked_for, overrides_of
from tlbench.advising.looking import Looked, look_at
from tlbench.errors import TlbenchError
from tlbench.sweeping.commands import planned_runs
from tlbench.transfer.warning.labelling import chosen_rows
from tlbench.transfer.warning.model import shipped_model

CAUTION = (
    "No promise: without target labels and without assumptions nobody knows the target's accuracy. P(hurts) is of the sign of a "
    "gain, not of its size; where the target's class shares are others, methods that align domains err alike, and so may this. "
    "How often it was right, and where not, is in docs/warning.md."
)


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
    if label and labels is not None:
        raise TlbenchError("--label chooses examples and --labels reads their labels. Give one of the two.")
    if label:
        refuse_filled(Path(out))
    if (model := shipped_model()) is None:
        raise TlbenchError(
            "This copy of tlbench has no warning's model: tlbench/transfer/warning/model.json is missing."
        )
    own, called = overrides_of(words)
    asked = asked_for([job.setup for job in planned_runs(own, config_dir)], called)
    classes = [str(name) for name in asked.reference.dataset.classes]
    given = None if labels is None else read_labels(Path(labels), classes)
    reference = look_at(asked.reference)
    looks = [look_at(setup) for setup in asked.setups]
    found = [advise_on(look, reference, model, [other for other in looks if other is not look]) for look in looks]
    console = Console(soft_wrap=True)
    _show(console, found, reference, asked)
    names = [asked.names.get(str(name), str(name)) for name in reference.ids_N]
    alike = [reference, *(look for look in looks if look.says_NC.shape == reference.says_NC.shape)]
    path = write_predictions(Path(out), names, soft_vote(alike), classes, [reference, *looks])
    console.print(f"By default take the vote of the reference and all methods: {path}.", highlight=False)
    if label:
        look = looks[found.index(best_of(found, label))]
        rows = chosen_rows(look.says_NC, reference.says_NC, label)
        told = write_to_label(Path(out), names, rows, look, reference, classes)
        console.print(told, highlight=False)
    if given is not None:
        console.print(answer(given, names, looks, found, reference, model), highlight=False)
    console.print(CAUTION, highlight=False)
    return 0


def _show(console: Console, found: Sequence[Advice], reference: Looked, asked: Asked) -> None:
    pair = f"{asked.reference.config.dataset['name']} {asked.reference.pair}"
    table = Table(title=f"{pair}: methods against {reference.method}, without a target label", title_justify="left")
    for name in ("method", "advice", "P(hurts)", "disagree", "what spoke (+ against the method)"):
        table.add_column(name, justify="right" if name in ("P(hurts)", "disagree") else "left")
    for advice in found:
        spoke = ", ".join(f"{name} {value:+.2f}" for name, value in advice.spoke)
        told = ("–", "") if advice.verdict == SAME else (f"{advice.probability:.2f}", spoke)
        table.add_row(advice.method, advice.verdict, told[0], f"{advice.n_apart} of {advice.n_examples}", told[1])
    console.print(table)
