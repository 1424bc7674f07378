"""Selective learning: a supervised autoencoder that takes in, round by round, the bridge and source examples that suit it.

Paper    Tan, Zhang, Pan & Yang, Distant Domain Transfer Learning, AAAI 2017
Loss     mean over the source of v (CE + r) + mean over the bridges of v (H + r) + mean over the target of r + mean over the
         shots of CE + decay / 2 * (squared weights); r the reconstruction's loss, H the entropy of what is said, v in {0, 1}
Rounds   at first v = 1 on the source and 0 on the bridges; then in turn v = [CE + r is among the lowest of the source], likewise
         [H + r] of the bridges, and the network trained on from where it is
Uses     source labels; inputs of the bridges, all alike, and of the target; the labelled target shots
Departs  1. how many examples are chosen is given, a share that rises over the rounds (paper: losses below a constant)
         2. one hidden layer with a linear decoder and a softmax for any number of classes, all trained together by L-BFGS (paper:
            deeper and convolutional networks, two classes)
         3. r is over the target's unlabelled examples too (paper: its labelled ones)
         4. rows are divided by the target's root mean square length, and squared weights count
See      conf/method/sla.yaml, docs/methods/sla.md, tests/baselines/test_sla.py
"""

from typing import Any, Self

import numpy as np

from tlbench.classifiers.autoencoder import Autoencoder
from tlbench.data.inputs import dense
from tlbench.errors import Refused
from tlbench.method import EstimatorMethod
from tlbench.method.checks import at_least, between
from tlbench.tasks import Task

SOURCE, BRIDGES, TARGET, SHOTS = range(4)
"""Parts of the rows; those of the target are the last two."""
NAMES = ("source", "bridge")


class SelectiveLearning(EstimatorMethod):
    family = "instance"
    needs_shots = True
    uses_bridges = True
    built_on = Autoencoder
    classifier: Autoencoder

    def __init__(self, *, first: float, source: float, bridges: float, rounds: int, **base: Any) -> None:
        super().__init__(**base)
        between(0, 1, first=first, source=source, bridges=bridges)
        at_least(1, rounds=rounds)
        self.first, self.last, self.rounds = first, {SOURCE: source, BRIDGES: bridges}, rounds

    def fit(self, task: Task) -> Self:
        if task.shots is None:
            raise Refused("sla needs labelled target examples, but protocol.shots is 0. Set protocol.shots=3, say.")
        blocks = [[task.source.inputs], list(task.bridges), [task.target], [task.shots.inputs]]
        sizes = [sum(x.shape[0] for x in block) for block in blocks]
        rows_ND, part_N = np.concatenate([dense(x) for block in blocks for x in block]), np.repeat(np.arange(4), sizes)
        labels_N = np.concatenate([task.source.labels, np.full(sizes[BRIDGES] + sizes[TARGET], -1), task.shots.labels])
        self.classifier.begin(rows_ND[part_N >= TARGET], np.unique(labels_N[labels_N >= 0]))
        target_N = (part_N >= TARGET) / (sizes[TARGET] + sizes[SHOTS])
        chosen_N, self.history = part_N == SOURCE, []
        for number in range(self.rounds + 1):
            source_N, bridge_N = (chosen_N * (part_N == part) / max(sizes[part], 1) for part in (SOURCE, BRIDGES))
            value = self.classifier.improve(
                rows_ND,
                labels_N,
                by_class=source_N + (part_N == SHOTS) / sizes[SHOTS],
                by_entropy=bridge_N,
                by_reconstruction=source_N + bridge_N + target_N,
            )
            self.history.append({"objective": value})
            losses_N = self.losses(rows_ND, labels_N)
            for part, last in self.last.items():
                mine_N = part_N == part
                if mine_N.any():
                    self.history[-1][f"{NAMES[part]}_loss"] = float(losses_N[mine_N].mean())
                    self.history[-1][f"{NAMES[part]}_chosen"] = float(chosen_N[mine_N].mean())
                    chosen_N[mine_N] = lowest(losses_N[mine_N], self.share(number, last))
        return self

    def losses(self, x_ND: np.ndarray, labels_N: np.ndarray) -> np.ndarray:
        """Return (N,) losses by which rows are chosen; labels are -1 where there is none."""
        said = self.classifier.said(x_ND)
        known_NK = np.equal.outer(labels_N, self.classifier.seen_K)
        doubt_N = np.where(labels_N < 0, said.entropy, said.cross_entropy(known_NK))
        return doubt_N + self.classifier.reconstruction * said.reconstruction

    def share(self, number: int, last: float) -> float:
        """Return the share that is chosen after this fit, from `first` (or `last`, if less) to `last` in even steps."""
        first = min(self.first, last)
        return first + (last - first) * min(number / max(self.rounds - 1, 1), 1.0)


def lowest(losses_N: np.ndarray, share: float) -> np.ndarray:
    """Return (N,) whether a loss is among the lowest: as many as make up the share, rounded up, and those equal to the last."""
    many = int(np.ceil(share * len(losses_N) - 1e-9))
    return losses_N <= np.sort(losses_N)[many - 1] if many else np.zeros(len(losses_N), dtype=bool)
