"""gaussian_shifts: one source and a target for each kind of shift, drawn on the spot from densities that are known.

The source is a mixture of eight Gaussians in the first two of six dimensions: two columns of four, each column one Gaussian of
each of four classes, two of them in another order; noise in the other four. A third of each class lies in the right column,
two thirds in the left. No linear classifier fits both, so where the left column is rare a linear classifier gains by weights.

same       the source's own distribution
covariate  p(y | x) as it was; examples of the right column are kept, those of the left are thinned: x is kept with a chance that
           grows with its first coordinate. The shares of the classes stay equal
label      p(x | y) as it was; the shares of the classes go from equal ones to 0.7, 0.2, 0.07, 0.03
concept    p(x) as it was; classes are exchanged in a cycle, two at dial 0.5, all four at 1
subspace   the two dimensions are turned into two of the others, by 90 degrees at 1: nothing else changes

`dial` says how far each goes, from 0 (the source's distribution everywhere) to 1.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, ClassVar

import numpy as np
from scipy.special import expit, logsumexp

from tlbench.data.domain import Domain
from tlbench.data.made_dataset import MadeDataset
from tlbench.errors import TlbenchError
from tlbench.seeds import stream

REVISION = 2
CLASSES, WIDTH = 4, 6
STEP, APART, STEEP = 2.2, 3.0, 4.0
"""Between the Gaussians of a column; of the columns from the middle; of the chance to be kept, by the first coordinate."""
ORDERS = ((0, 1, 2, 3), (0, 1, 3, 2))
"""Classes of the right and of the left column, from below."""
COLUMNS = np.array([0.35, 0.65])
"""Shares of the right and of the left column in every class: the left one decides what is learnt."""
RARE = np.array([0.7, 0.2, 0.07, 0.03])
ALL_SAID = 200_000
"""Draws by which the accuracy of the best classifier is worked out; its standard error is 0.1 points."""


class GaussianShifts(MadeDataset):
    """A source and five targets.

    Args:
        dial: how far each shift goes, from 0 to 1.
        size: examples of each domain.
        draw: number of the draw.

    Raises:
        TlbenchError: a value is out of range.
    """

    hashed: ClassVar[tuple[str, ...]] = ("inputs", "labels")

    def __init__(self, *, dial: float, size: int, draw: int, **base: Any) -> None:
        super().__init__(**base)
        if not 0 <= dial <= 1 or size < 2 * CLASSES or draw < 0:
            raise TlbenchError(
                f"dataset.dial must be from 0 to 1, dataset.size {2 * CLASSES} or more and dataset.draw 0 or more, got {dial}, "
                f"{size} and {draw}."
            )
        self.dial, self.size, self.draw = float(dial), int(size), int(draw)

    def load(self, domain: str) -> Domain:
        rng = stream(REVISION, "gaussian_shifts", domain, str(self.draw))
        x_ND, labels_N = drawn(domain, self.dial, self.size, rng)
        return Domain(domain, x_ND, labels_N, np.arange(len(labels_N)))

    def best_accuracy(self, domain: str) -> float:
        """Return the accuracy of the best classifier on a domain, in [0, 1]; more is chance."""
        return best_accuracy(domain, self.dial)


def drawn(domain: str, dial: float, size: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Draw examples (N, D) and labels (N,) of a domain."""
    shares_C = _shares(domain, dial)
    if domain == "covariate":
        x_ND, labels_N = _of_source(shares_C, 4 * size + 100, rng)  # a third of them are kept at dial 1
        kept_N = np.flatnonzero(rng.random(len(x_ND)) < kept_chance(x_ND, dial))[:size]
        return x_ND[kept_N], labels_N[kept_N]
    x_ND, labels_N = _of_source(shares_C, size, rng)
    if domain == "concept":
        labels_N = exchanged(dial)[labels_N]
    if domain == "subspace":
        x_ND = turned(x_ND, dial)
    return x_ND, labels_N


def kept_chance(x_ND: np.ndarray, dial: float) -> np.ndarray:
    """Return (N,) chances of a source example to be kept under covariate shift: p_t / p_s up to a factor."""
    return 1 - dial + dial * expit(STEEP * x_ND[:, 0])


def exchanged(dial: float) -> np.ndarray:
    """Return (C,) what each class becomes under concept shift: the first round(dial C) of them go round in a circle."""
    many = round(dial * CLASSES)
    circle_C = np.arange(CLASSES)
    circle_C[:many] = np.roll(circle_C[:many], -1)
    return circle_C


def turned(x_ND: np.ndarray, dial: float) -> np.ndarray:
    """Turn the first two dimensions towards the third and fourth, by 90 degrees at dial 1."""
    cos, sin = np.cos(dial * np.pi / 2), np.sin(dial * np.pi / 2)
    first_N2, second_N2 = x_ND[:, :2], x_ND[:, 2:4]
    return np.concatenate([cos * first_N2 - sin * second_N2, sin * first_N2 + cos * second_N2, x_ND[:, 4:]], axis=1)


def posterior(x_ND: np.ndarray, shares_C: np.ndarray) -> np.ndarray:
    """Return (N, C) probabilities of the classes given x in the source's dimensions, for these shares of the classes."""
    square_NCK = ((x_ND[:, None, None, :2] - _centres()) ** 2).sum(axis=-1)
    with np.errstate(divide="ignore"):
        log_NC = np.log(shares_C) + logsumexp(-square_NCK / 2, axis=2, b=COLUMNS)
    return np.exp(log_NC - logsumexp(log_NC, axis=1, keepdims=True))


@lru_cache(maxsize=64)
def best_accuracy(domain: str, dial: float) -> float:
    """Return the mean of the largest probability of a class over a domain, in [0, 1]: what the best classifier gets right."""
    # exchanging labels and turning axes change no one's uncertainty
    kind = domain if domain in ("covariate", "label") else "same"
    x_ND, _ = drawn(kind, dial, ALL_SAID, stream(REVISION, "gaussian_shifts", "best"))
    return float(posterior(x_ND, _shares(kind, dial)).max(axis=1).mean())


def _centres() -> np.ndarray:
    """Return (C, 2, 2) means of the two Gaussians of each class, in the first two dimensions."""
    heights = STEP * (np.arange(CLASSES) - (CLASSES - 1) / 2)
    columns = [
        np.stack([np.full(CLASSES, side * APART), heights[np.argsort(order)]], axis=1)
        for side, order in zip((1, -1), ORDERS, strict=True)
    ]
    return np.stack(columns, axis=1)


def _shares(domain: str, dial: float) -> np.ndarray:
    even_C = np.full(CLASSES, 1 / CLASSES)
    return (1 - dial) * even_C + dial * RARE if domain == "label" else even_C


def _of_source(shares_C: np.ndarray, size: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    labels_N = rng.choice(CLASSES, size=size, p=shares_C)
    x_ND = rng.normal(size=(size, WIDTH))
    x_ND[:, :2] += _centres()[labels_N, rng.choice(2, size=size, p=COLUMNS)]
    return x_ND, labels_N
