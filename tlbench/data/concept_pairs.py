"""Concepts as domains: within one domain of a data set, each of some classes is told from a background of its own.

The classes of the data set are parted by the config, once for all pairs:

concepts     each is a domain of two classes, `concept` and `background`
background   their examples are dealt out to the concepts, as evenly as can be, so that none is in two domains
others       one more domain, `others`, all of it background: unlabelled examples of no concept of any pair and of no background,
             so it can only be a bridge, the same one between any two concepts

Which example goes where is drawn by `draw` and not by the seed of a run. Examples of one group stay together.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from tlbench.data.base_dataset import Dataset
from tlbench.data.domain import Domain
from tlbench.data.images.image_files import ImageFiles
from tlbench.errors import TlbenchError, unknown
from tlbench.seeds import stream

REVISION = 1
CLASSES = ("background", "concept")
OTHERS = "others"


class ConceptPairs(Dataset):
    """Domains that are concepts, and `others`.

    Args:
        of: makes the data set from `data_dir`; its transforms are not used, those of this config are.
        domain: the one whose examples they are.
        concepts: name of each concept as a domain, and its class.
        background, others: classes, of which none is a concept; neither may be empty.
        draw: number of the draw.
        base: see Dataset; its class names and `input_shape` are not to be given.

    Raises:
        TlbenchError: a class is unknown or has two parts, or there are fewer than two concepts.
    """

    def __init__(
        self,
        *,
        of: Callable[..., Dataset],
        domain: str,
        concepts: Mapping[str, str],
        background: Sequence[str],
        others: Sequence[str],
        draw: int,
        data_dir: str | Path | None = None,
        **base: Any,
    ) -> None:
        self.whole = of(data_dir=data_dir)
        super().__init__(classes=CLASSES, input_shape=self.whole.input_shape, **base)
        self.domain, self.concepts, self.draw = domain, dict(concepts), draw
        self.background, self.others = list(map(str, background)), list(map(str, others))
        self._check()

    def _check(self) -> None:
        where = f"dataset={self.name}"
        if self.domain not in self.whole.domains:
            raise unknown("domain", self.domain, self.whole.domains, f"dataset.domain ({where})")
        named = [*map(str, self.concepts.values()), *self.background, *self.others]
        for name in named:
            if name not in self.whole.classes:
                raise unknown("class", name, self.whole.classes, where)
            if named.count(name) > 1:
                raise TlbenchError(
                    f"{self.name}: class '{name}' is named {named.count(name)} times. A class is one concept, or background, or "
                    "one of the others. Set by dataset.concepts, dataset.background and dataset.others."
                )
        if len(self.concepts) < 2 or not self.background or not self.others:
            raise TlbenchError(
                f"{self.name} needs two concepts or more, and a class or more each for background and others, got "
                f"{list(self.concepts)}, {self.background} and {self.others}."
            )
        if self.domains != (*self.concepts, OTHERS) or self.draw < 0:
            raise TlbenchError(
                f"{self.name}: dataset.short must name the domains {', '.join((*self.concepts, OTHERS))}, and dataset.draw be 0 "
                f"or more, got {', '.join(self.domains)} and {self.draw}."
            )

    @property
    def ends(self) -> tuple[str, ...]:
        return tuple(self.concepts)

    @cached_property
    def _rows(self) -> dict[str, np.ndarray]:
        """Rows of the whole domain that each domain has, sorted."""
        whole = self.whole.load(self.domain)
        mine = np.flatnonzero(np.isin(whole.labels, self._numbers(self.background)))
        rng = stream(REVISION, "concept_pairs", str(self.draw))
        shares = dealt(whole.labels[mine], whole.groups[mine], len(self.concepts), rng)
        found = {
            name: np.sort(np.concatenate([np.flatnonzero(whole.labels == self._numbers([label])), mine[share]]))
            for (name, label), share in zip(self.concepts.items(), shares, strict=True)
        }
        return {**found, OTHERS: np.flatnonzero(np.isin(whole.labels, self._numbers(self.others)))}

    def _numbers(self, names: Sequence[str]) -> list[int]:
        return [self.whole.classes.index(str(name)) for name in names]

    def load(self, domain: str) -> Domain:
        whole, rows = self.whole.load(self.domain), self._rows[domain]
        concept = self._numbers([self.concepts[domain]]) if domain in self.concepts else []
        return Domain(
            domain,
            whole.inputs.of(rows) if isinstance(whole.inputs, ImageFiles) else whole.inputs[rows],
            np.isin(whole.labels[rows], concept).astype(np.int64),
            whole.groups[rows],
            None if whole.given_test is None else whole.given_test[rows],
            tuple(str(row) if whole.names is None else whole.names[row] for row in rows),
        )

    def is_here(self, domain: str) -> bool:
        return self.whole.is_here(self.domain)

    def fingerprint(self, domains: Sequence[str]) -> str:
        digest = hashlib.sha256(self.whole.fingerprint([self.domain]).encode())
        for name in sorted(domains):
            labels = self.load(name).labels
            digest.update(name.encode() + self._rows[name].astype(np.int64).tobytes() + labels.tobytes())
        return digest.hexdigest()[:16]


def dealt(labels_N: np.ndarray, groups_N: np.ndarray, hands: int, rng: np.random.Generator) -> list[np.ndarray]:
    """Deal rows out at random, group by group and class after class: return the sorted places of each hand.

    Each hand gets as many groups of a class as another, or one more. A group is of one class, that of its first row.
    """
    _, first_G, group_N = np.unique(groups_N, return_index=True, return_inverse=True)
    order_G = rng.permutation(len(first_G))
    order_G = order_G[np.argsort(labels_N[first_G[order_G]], kind="stable")]
    return [np.flatnonzero(np.isin(group_N, order_G[hand::hands])) for hand in range(hands)]
