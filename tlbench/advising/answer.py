"""The answer that labelled disagreements give."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tlbench.advising.advice import Advice
from tlbench.advising.advice_files import read_labels
from tlbench.advising.looking import Looked
from tlbench.errors import TlbenchError
from tlbench.transfer.warning.labelling import settled


def answer(
    path: Path, names: Sequence[str], looks: Sequence[Looked], found: Sequence[Advice], reference: Looked, classes: list[str],
) -> str:  # fmt: skip
    """Return what labels of a choice say of the method that they were chosen for.

    Args:
        path: of the choice, as `write_to_label` left it, with labels.
        names: what the user calls each of the target's examples.
        looks, found: each method, and the advice on it.

    Raises:
        TlbenchError: it was chosen for another method, or an example is no disagreement.
    """
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
