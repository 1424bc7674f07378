"""Transitive transfer learning: source and bridge are factorised together, bridge and target too, with one set of bridge classes.

Paper    Tan, Song, Zhong & Yang, Transitive Transfer Learning, KDD 2015, doi:10.1145/2783258.2783295, section on the transfer
         through one intermediate domain, from memory
Loss     |X_s - G_s H_s'|^2 + |X_b - G_b H_b'|^2 + |X_b - G_b K_b'|^2 + |X_t - G_t K_t'|^2, each over |X|^2, all factors >= 0;
         H = [F, own F] [A; own A] with the clusters F, A of source and bridge together, K likewise with others of bridge and
         target; G_s the labels. A row is of the class of the largest g >= 0 with the least |x - K_t g|^2
Uses     source labels; inputs of one bridge and of the target; shots, as rows of the target whose G is their labels
Departs  1. all that is said of the paper is from memory: how many clusters, which are shared, that columns are rescaled
         2. each term is over its |X|^2, so that a large domain has no more say than a small one
         3. G_b and G_t start half even, half at the classes of nearest_mean, which walks the chain: fitted on the source, then
            on the bridge as it labels it
         4. G of any row, also one of the training, is found anew for the factors, by itself; at rest it is the updates' own
         5. columns of F sum to 1, rows of G to nothing set, since that could raise the loss
See      conf/method/ttl.yaml, docs/methods/ttl.md, tests/baselines/test_ttl.py
"""

import copy
from typing import Any, Self

import numpy as np

from tlbench.classifiers.closed_forms import NearestMean
from tlbench.data.inputs import Rows, as_rows, pooled
from tlbench.errors import Refused
from tlbench.functional.coupled_factors import CoupledFactors, Term, memberships, squared_length
from tlbench.method import EstimatorMethod
from tlbench.method.checks import at_least
from tlbench.seeds import stream
from tlbench.tasks import Task


class Ttl(EstimatorMethod):
    family = "feature"
    built_on = NearestMean
    uses_bridges = True
    needs_bridge = True
    takes_negative = False

    def __init__(self, *, shared_source: int, shared_target: int, own: int, rounds: int, **base: Any) -> None:
        super().__init__(**base)
        at_least(1, shared_source=shared_source, shared_target=shared_target, rounds=rounds)
        at_least(0, own=own)
        self.sizes, self.rounds = [shared_source, shared_target, own, own, own, own], rounds

    def fit(self, task: Task) -> Self:
        if len(task.bridges) != 1:
            raise Refused(
                f"ttl needs a chain over exactly one bridge, and this one has {len(task.bridges)}. Set by pair=..."
            )
        sets = {"source": task.source.inputs, "bridge": task.bridges[0], "target": task.target}
        if task.shots is not None:
            sets["shots"] = task.shots.inputs
        rows = [_refuse_negative(as_rows(x), name) for name, x in sets.items()]
        length = np.sqrt(squared_length(rows[0]) / len(task.source)) or 1.0
        starts = self._starts(task)
        rng = stream(self.classifier.seed, "ttl")
        factors = CoupledFactors(_terms([x_ND / length for x_ND in rows]), starts, {0, 3}, self.sizes, rng)
        self.history, guesses_M = [], starts[2].argmax(axis=1)
        for _ in range(self.rounds):
            factors.round()
            before, guesses_M = guesses_M, factors.g[2].argmax(axis=1)
            changed = float((guesses_M != before).mean())
            self.history.append({"left": factors.objective() / len(factors.terms), "guesses_changed": changed})
        self.source_DK, self.target_DK = (factors.profiles(factors.terms[place]) for place in (0, 3))
        return self

    def _starts(self, task: Task) -> list[np.ndarray]:
        """Return memberships of source, bridge, target and shots; classifiers walk from each to the next."""
        rows_LD, labels_L = pooled(self.labelled(task))
        self.seen_K, place_L = np.unique(labels_L, return_inverse=True)
        one_hot = np.eye(len(self.seen_K))
        starts, teacher = [one_hot[place_L[: len(task.source)]]], self.classifier
        teacher.fit(rows_LD, labels_L)
        for rows in (*task.bridges, task.target):
            guesses_M = teacher.predict_proba(rows).argmax(axis=1)
            starts.append(0.5 * one_hot[np.searchsorted(self.seen_K, guesses_M)] + 0.5 / len(self.seen_K))
            teacher = copy.copy(teacher).fit(rows, guesses_M)
        return [*starts, one_hot[place_L[len(task.source) :]]] if task.shots is not None else starts

    def predict_proba(self, x_ND: Rows, domain: str = "target") -> np.ndarray:
        g_NK = memberships(x_ND, self.source_DK if domain == "source" else self.target_DK)
        total_N1 = g_NK.sum(axis=1, keepdims=True)
        even_NK = np.full_like(g_NK, 1 / len(self.seen_K))
        return self.classifier.in_columns(np.divide(g_NK, total_N1, out=even_NK, where=total_N1 > 0), self.seen_K)


def _terms(sets: list[Rows]) -> list[Term]:
    """Return source and bridge, bridge and target, and the shots as more rows of the target."""
    weights = [1 / (squared_length(x_ND) or 1.0) for x_ND in sets[:3]]
    terms = [
        Term(sets[0], weights[0], 0, (0, 2)),
        Term(sets[1], weights[1], 1, (0, 3)),
        Term(sets[1], weights[1], 1, (1, 4)),
        Term(sets[2], weights[2], 2, (1, 5)),
    ]
    return terms + [Term(x_ND, weights[2], 3, (1, 5)) for x_ND in sets[3:]]


def _refuse_negative(x_ND: Rows, name: str) -> Rows:
    if (least := x_ND.min()) < 0:
        raise Refused(
            f"ttl needs rows without negative numbers, but the {name} has {least:.3g}. Set "
            "dataset.transforms=[row_l1] in the place of what centres them, or another backbone."
        )
    return x_ND
