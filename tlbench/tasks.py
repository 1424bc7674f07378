"""What a method may see, and what only the harness sees."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from cachetools import LRUCache

from tlbench.caching import once
from tlbench.data.inputs import Inputs, stack
from tlbench.seeds import stream

if TYPE_CHECKING:
    from tlbench.data.base_dataset import Dataset, Pair
    from tlbench.data.domain import Domain
    from tlbench.data.images.augment import Augment
    from tlbench.protocols import Protocol


@dataclass(frozen=True)
class Labelled:
    """Examples with their labels: inputs (N, ...), labels (N,) class indices."""

    inputs: Inputs
    labels: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class Task:
    """All that a method may see. The target has no labels here: only `shots` carry some, as a set of their own.

    Attributes:
        source: labelled source examples for training; none where the source is private.
        target: inputs of the unlabelled target examples, (M, ...).
        shots: labelled target examples, or None (unsupervised).
        source_val: labelled source examples for selection, or None.
        bridges: inputs of the unlabelled bridge domains of a chain, (B, ...) each, from the source's side to the target's.
        source_of: (N,) place in `source_names` of the domain that each source example is of; None stands for one domain.
        source_val_of: (V,) likewise of each example of `source_val`.
        model: what the method's `source_model` made of a private source; None where the source is given.
        n_classes: outputs of a network or classifier: the known classes, with `has_unknown` one more, the last, for all others.
        has_unknown: whether one of the outputs is for the unknown class. Which known classes the target lacks is not told.
        target_is_labelled: the rows of `target` are rows of `shots` too, because the shots leave no others.
    """

    source: Labelled
    target: Inputs
    shots: Labelled | None
    source_val: Labelled | None
    n_classes: int
    input_shape: tuple[int, ...]
    target_is_labelled: bool = False
    bridges: tuple[Inputs, ...] = ()
    source_of: np.ndarray | None = None
    source_val_of: np.ndarray | None = None
    source_names: tuple[str, ...] = ("source",)
    model: Any = None
    has_unknown: bool = False

    @property
    def n_known(self) -> int:
        """Classes of which there may be source examples."""
        return self.n_classes - self.has_unknown

    @property
    def sources(self) -> list[Labelled]:
        """The labelled source examples of each domain apart."""
        if self.source_of is None:
            return [self.source]
        places = [np.flatnonzero(self.source_of == number) for number in range(len(self.source_names))]
        return [Labelled(self.source.inputs[rows], self.source.labels[rows]) for rows in places]

    def domain_of(self, examples: Labelled) -> np.ndarray | None:
        """Return which source each of these labelled examples is of, (N,); None where they are of one domain."""
        return self.source_of if examples is self.source and len(self.source_names) > 1 else None

    def source_alone(self) -> Task:
        """Return the task of the source's owner, who has no example of another domain."""
        return replace(self, target=self.target[:0], shots=None, bridges=())

    def showing(self, parts: frozenset[str]) -> Task:
        """Return the task with these parts alone, of `source`, `target` and `shots`."""
        task = self if "source" in parts else self.without_source(None)
        target = task.target if "target" in parts else task.target[:0]
        return replace(task, target=target, shots=task.shots if "shots" in parts else None)

    def without_source(self, model: Any) -> Task:
        """Return the task of one who has no source example, but may have a model of them."""
        none = Labelled(self.source.inputs[:0], self.source.labels[:0])
        of = None if self.source_of is None else self.source_of[:0]
        return replace(self, source=none, source_val=None, source_of=of, source_val_of=None, model=model)

    def __repr__(self) -> str:
        parts = [f"{len(self.source)} labelled source", f"{self.target.shape[0]} unlabelled target"]
        parts += [f"{bridge.shape[0]} of a bridge" for bridge in self.bridges]
        parts += [
            f"{len(part)} {what}"
            for part, what in ((self.shots, "labelled target"), (self.source_val, "validation"))
            if part
        ]
        shape = " x ".join(map(str, self.input_shape))
        return f"Task of {self.n_classes} classes, examples of {shape}: {', '.join(parts)}"


@dataclass(frozen=True)
class Hidden:
    """What no method sees: labels, and what its test examples are called. For evaluation and the oracle reference.

    Attributes:
        labels: of the test examples, in the order in which a method meets them.
        ids, groups, rows: name, group and row in its domain of each test example, likewise.
        target_labels: the labels that `Task.target` lacks, row by row.
    """

    labels: np.ndarray
    ids: np.ndarray
    groups: np.ndarray
    rows: np.ndarray
    target_labels: np.ndarray

    @property
    def file_order(self) -> np.ndarray:
        """Places of the test examples, those that stand first in their file first."""
        return np.argsort(self.rows, kind="stable")

    def in_file_order(self) -> Hidden:
        """Return the same with the test examples as their file has them."""
        order = self.file_order
        parts = {name: getattr(self, name)[order] for name in ("labels", "ids", "groups", "rows")}
        return replace(self, **parts)


def load_task(
    dataset: Dataset,
    pair: Pair,
    protocol: Protocol,
    seed: int,
    augment: Augment | None = None,
    *,
    n_outputs: int | None = None,
) -> tuple[Task, Inputs, Hidden]:
    """Read the domains, splits them by the protocol and applies the data set's transforms.

    Unlabelled and test examples of the target, and those of bridges, come in an order of their own (`arrival`): files are often
    sorted by class, and a place in such a file is as good as a label.

    Args:
        augment: what is done to images in files, whose cache is made now where there is none; None for arrays.
        n_outputs: `Task.n_classes`, where a rule says what is unknown and not an output; None: all classes.

    Returns:
        What a method may see, the inputs of the test examples, and what only the judge may see.
    """
    sources, target = [dataset.load_as(name, "source") for name in pair.sources], dataset.load_as(pair.target, "target")
    bridges = [dataset.load_as(name, "bridge") for name in pair.bridges]
    rows = protocol.rows(sources, target, seed, bridges)
    source_x = [_transformed(dataset, s, fit, augment) for s, fit in zip(sources, rows.source_fit, strict=True)]
    target_x = _transformed(dataset, target, rows.target_fit, augment)

    def from_sources(parts: list[np.ndarray]) -> Labelled:
        inputs = stack([x[part] for x, part in zip(source_x, parts, strict=True)])
        return Labelled(inputs, np.concatenate([s.labels[part] for s, part in zip(sources, parts, strict=True)]))

    def from_target(part: np.ndarray) -> Labelled:
        return Labelled(target_x[part], target.labels[part])

    def from_bridge(bridge: Domain, part: np.ndarray) -> Inputs:
        return _transformed(dataset, bridge, part, augment)[arrival(bridge, part)]

    source_val = from_sources(rows.source_val)
    unlabelled, test = arrival(target, rows.target_unlabelled), arrival(target, rows.target_test)
    task = Task(
        source=from_sources(rows.source_train),
        target=target_x[unlabelled],
        shots=from_target(rows.target_shots) if len(rows.target_shots) else None,
        source_val=source_val if len(source_val) else None,
        n_classes=len(dataset.classes) if n_outputs is None else n_outputs,
        has_unknown=dataset.unknown_class is not None and n_outputs in (None, len(dataset.classes)),
        input_shape=dataset.input_shape if augment is None else augment.input_shape,
        target_is_labelled=bool(np.isin(unlabelled, rows.target_shots).any()),
        bridges=tuple(map(from_bridge, bridges, rows.bridges)),
        source_of=np.repeat(np.arange(len(sources)), [len(part) for part in rows.source_train]),
        source_val_of=np.repeat(np.arange(len(sources)), [len(part) for part in rows.source_val]),
        source_names=pair.sources,
    )
    hidden = Hidden(target.labels[test], target.ids(test), target.groups[test], test, target.labels[unlabelled])
    return task, target_x[test], hidden


def arrival(domain: Domain, rows: np.ndarray) -> np.ndarray:
    """Put rows of a target domain in the order in which a method gets them: a random one, the same for all parts and seeds.

    It is drawn for the domain and not for the run's seed, so that factorisations of a target that all runs share stay shared.
    """
    rank = stream(0, "arrival", domain.name).permutation(len(domain))
    return rows[np.argsort(rank[rows])]


def map_inputs(
    task: Task, test: Inputs, function: Callable[[Inputs], np.ndarray], shape: tuple[int, ...]
) -> tuple[Task, np.ndarray]:
    """Return the same task and test inputs, each `function(inputs)`, as frozen features do; `shape` of one output."""

    def on(examples: Labelled | None) -> Labelled | None:
        return None if examples is None else Labelled(function(examples.inputs), examples.labels)

    changed: dict[str, Any] = {name: on(getattr(task, name)) for name in ("source", "shots", "source_val")}
    tested = function(test)
    bridges = tuple(function(bridge) for bridge in task.bridges)
    return replace(task, **changed, target=function(task.target), bridges=bridges, input_shape=shape), tested


MOST_KEPT = 8
"""Transformed domains that are kept: the runs of a sweep see the same few again and again."""
_KEPT: LRUCache = LRUCache(MOST_KEPT)


def _transformed(dataset: Dataset, domain: Domain, fit: np.ndarray, augment: Augment | None) -> Inputs:
    inputs = domain.inputs if augment is None else _cached_images(dataset, domain, augment)
    if not dataset.transforms:
        return inputs
    key = dataset, id(inputs), fit.tobytes()
    if key in _KEPT and _KEPT[key][0] is not inputs:  # another array at the place of one that is gone
        del _KEPT[key]
    return once(_KEPT, key, lambda: (inputs, _changed(dataset, inputs, fit)))[1]


def _cached_images(dataset: Dataset, domain: Domain, augment: Augment) -> Inputs:
    from tlbench.data.images.image_files import ImageFiles  # torch, which arrays do without
    from tlbench.data.images.rows import in_cache

    inputs = domain.inputs
    return in_cache(inputs, augment, f"{dataset.name} {domain.name}") if isinstance(inputs, ImageFiles) else inputs


def _changed(dataset: Dataset, inputs: Inputs, fit: np.ndarray) -> Inputs:
    for transform in dataset.transforms:
        inputs = transform(inputs, fit)
    return inputs
