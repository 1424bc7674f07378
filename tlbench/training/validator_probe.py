"""The examples that label-free validators look at: drawn once a run, the same at every checkpoint."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tlbench.data.inputs import Inputs, LazyInputs, dense_float32
from tlbench.seeds import stream
from tlbench.selection.outlooks import outlook_of
from tlbench.selection.validators import scores
from tlbench.selection.view import MIX_SHARE, Mixed, Seen, View, mixing_rows
from tlbench.tasks import Labelled

if TYPE_CHECKING:
    from tlbench.tasks import Task

Outputs = Callable[[Inputs, str], Seen]
"""Features and class probabilities of inputs that are of the `source` or the `target`, as a model gives them now."""
IMAGES_AT_ONCE = 64


@dataclass(frozen=True)
class Probe:
    """Labelled source examples (none where they are private) and unlabelled target examples of the training parts, and source
    validation."""

    source: Labelled | None
    source_val: Labelled | None
    target: Inputs
    seed: int

    def look(self, outputs: Outputs) -> tuple[dict[str, float], dict[str, np.ndarray]]:
        """Score a model by each validator that has what it needs, higher is better; return also its outlook's arrays."""
        view = self.view(outputs)
        found = scores(view)
        return found, outlook_of(view, found, stream(self.seed, "outlook")).arrays()

    def view(self, outputs: Outputs) -> View:
        """Return what a model makes of the examples."""
        val, target = self.source_val, outputs(self.target, "target")
        return View(
            source=None if self.source is None else outputs(self.source.inputs, "source"),
            source_labels=None if self.source is None else self.source.labels,
            source_val=None if val is None else outputs(val.inputs, "source"),
            source_val_labels=None if val is None else val.labels,
            target=target,
            mixed=self._mixed(outputs, target),
        )

    def _mixed(self, outputs: Outputs, target: Seen) -> Mixed:
        first, second = mixing_rows(target.probabilities_NC.argmax(axis=1), stream(self.seed, "mixing"))
        step = IMAGES_AT_ONCE if isinstance(self.target, LazyInputs) else max(len(first), 1)
        parts = [
            outputs(self._mixture(first[i : i + step], second[i : i + step]), "target").probabilities_NC
            for i in range(0, len(first), step)
        ]
        probabilities = np.concatenate(parts) if parts else target.probabilities_NC[:0]
        return Mixed(probabilities, first, second)

    def _mixture(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        return MIX_SHARE * dense_float32(self.target[first]) + (1 - MIX_SHARE) * dense_float32(self.target[second])


def make_probe(task: Task, examples: int, seed: int) -> Probe | None:
    """Take up to `examples` of each set; None for none.

    Uniform over examples, without a look at labels: a validator is to see the domains as they are.
    """
    if examples == 0 or not task.target.shape[0]:
        return None
    val = None if task.source_val is None else some(task.source_val, examples, seed, "source_val")
    rows = drawn(task.target.shape[0], examples, seed, "target")
    source = some(task.source, examples, seed, "source") if len(task.source) else None
    return Probe(source, val, task.target[rows], seed)


def some(examples: Labelled, most: int, seed: int, name: str) -> Labelled:
    """Take up to `most` labelled examples, in their order."""
    rows = drawn(len(examples), most, seed, name)
    return Labelled(examples.inputs[rows], examples.labels[rows])


def drawn(n: int, most: int, seed: int, name: str) -> np.ndarray:
    """Draw up to `most` of n row numbers, sorted."""
    if n <= most:
        return np.arange(n)
    return np.sort(stream(seed, "probe", name).choice(n, most, replace=False))
