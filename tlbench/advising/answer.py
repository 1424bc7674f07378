"""The answer that labelled disagreements give."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tlbench.advising.advice import Advice, verdict_of
from tlbench.advising.advice_files import Labels
from tlbench.advising.looking import Looked
from tlbench.errors import TlbenchError
from tlbench.transfer.warning.labelling import settled
from tlbench.transfer.warning.model import WarningModel


def answer(
    labels: Labels, names: Sequence[str], looks: Sequence[Looked], found: Sequence[Advice], reference: Looked, model: WarningModel
) -> str:  # fmt: skip
    """Return what labels of a choice say of the method that they were chosen for.

    Args:
        names: what the user calls each of the target's examples.
        looks, found: each method, and the advice on it.

    Raises:
        TlbenchError: it was chosen for another method, an example is none of the target's, or is no disagreement.
    """
    by_name = {look.method: (look, advice) for look, advice in zip(looks, found, strict=True)}
    if labels.method not in by_name:
        raise TlbenchError(f"The labels were chosen for method={labels.method}, and these are {', '.join(by_name)}.")
    look, advice = by_name[labels.method]
    own, other = look.says_NC.argmax(axis=1), reference.says_NC.argmax(axis=1)
    place = {name: row for row, name in enumerate(names)}
    if lost := [name for name in labels.examples if name not in place]:
        raise TlbenchError(f"'{lost[0]}' is no example of this target, which has {len(names)}, the first {names[0]}.")
    rows = np.array([place[name] for name in labels.examples])
    if same := [name for name, row in zip(labels.examples, rows, strict=True) if own[row] == other[row]]:
        raise TlbenchError(f"'{same[0]}' is no disagreement of {labels.method} and {reference.method} in this fit.")
    said = settled(labels.labels, own[rows], other[rows], int((own != other).sum()), len(own), advice.probability)
    return (
        f"{len(rows)} labels: {labels.method} right on {said.n_own}, {reference.method} on {said.n_reference}, neither on "
        f"{said.n_neither}. Gain on these {len(own)} examples {said.gain:+.1f} points [{said.low:+.1f}, {said.high:+.1f}] "
        f"(95 %). On more of their kind P(hurts) {said.probability:.2f} (without labels {advice.probability:.2f}): "
        f"{verdict_of(said.probability, model)}."
    )
