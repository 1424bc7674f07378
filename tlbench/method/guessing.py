"""Maps that are learnt in rounds: each from the classes that the target was given under the one before."""

from __future__ import annotations

import copy
from abc import abstractmethod
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np

from tlbench.functional.components import TransferComponents
from tlbench.functional.row_lengths import root_mean_square, unit_rows
from tlbench.method.checks import above_zero, at_least, one_of
from tlbench.method.mapped import MappedMethod

Problem = TypeVar("Problem")


@dataclass(frozen=True)
class Domains:
    """What a map is learnt from: the labelled source (N, D), (N,) and the unlabelled target (M, D)."""

    source_ND: np.ndarray
    labels_N: np.ndarray
    target_MD: np.ndarray
    n_classes: int

    @property
    def both(self) -> np.ndarray:
        """(N + M, D) rows, the source's first."""
        return np.concatenate([self.source_ND, self.target_MD])


class GuessingMethod(MappedMethod, Generic[Problem]):
    """Base of such methods: they say what all rounds share, and how they learn the next map from guesses.

    After each map the recipe's classifier is fitted on the mapped source and guesses the mapped target.

    Args:
        rounds: at most; they end where the guesses no longer change, since further ones would be the same.

    Attributes:
        history: `guesses_changed`, the share of guesses that the round changed; 1 in the first.
    """

    def __init__(self, *, rounds: int, **base: Any) -> None:
        super().__init__(**base)
        at_least(1, rounds=rounds)
        self.rounds = rounds

    @abstractmethod
    def begin(self, domains: Domains) -> Problem:
        """Return what all rounds share; it is let go of after them."""

    @abstractmethod
    def improve(self, problem: Problem, domains: Domains, guesses_M: np.ndarray | None) -> dict[str, float]:
        """Learn the next map; return what the history shall keep of it. `guesses_M`: target classes; None in the first round."""

    def learn(self, source_ND: np.ndarray, labels_N: np.ndarray, target_MD: np.ndarray, n_classes: int) -> None:
        domains = Domains(source_ND, labels_N, target_MD, n_classes)
        problem, guesses, self.history = self.begin(domains), None, []
        for _ in range(self.rounds):
            told = self.improve(problem, domains, guesses)
            before, guesses = guesses, self.guess(domains, self.mapped)
            changed = 1.0 if before is None else float((guesses != before).mean())
            self.history.append({"guesses_changed": changed, **told})
            if changed == 0:
                break

    def guess(self, domains: Domains, mapped: Any = lambda x_ND, _: x_ND) -> np.ndarray:
        """Return (M,) classes that the recipe's classifier gives the target, both domains mapped; by default as they are."""
        classifier = copy.copy(self.classifier).fit(mapped(domains.source_ND, "source"), domains.labels_N)
        return classifier.predict_proba(mapped(domains.target_MD, "target")).argmax(axis=1)


class ComponentsMethod(GuessingMethod[TransferComponents]):
    """Base of those whose map finds transfer components on rows of unit length, such as JDA.

    Rows have one length after the map as well: the source's root mean square length, so that the recipe's C means the same.

    Args:
        ridge: > 0, weight of the size of the map.
        kernel: `linear` or `primal`, see TransferComponents.

    Attributes:
        map: (D, K), set by `improve`.
    """

    map: np.ndarray
    family = "feature"
    draws = False

    def __init__(self, *, ridge: float, kernel: str, **base: Any) -> None:
        super().__init__(**base)
        above_zero(ridge=ridge)
        one_of(("linear", "primal"), kernel=kernel)
        self.ridge, self.kernel = ridge, kernel

    def begin(self, domains: Domains) -> TransferComponents:
        self.length = root_mean_square(domains.source_ND)
        return TransferComponents(unit_rows(domains.both), self.kernel)

    def mapped(self, x_ND: np.ndarray, domain: str) -> np.ndarray:
        return self.length * unit_rows(unit_rows(x_ND) @ self.map)
