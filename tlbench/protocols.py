"""Who sees what: which rows of source and target are for training, for selection and for the test.

No protocol looks at a target label except to draw the labelled shots, so the split itself tells nothing about them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
from pydantic import ConfigDict, Field, PlainValidator
from pydantic.dataclasses import dataclass as checked

from tlbench.errors import Refused
from tlbench.seeds import LARGEST, stream
from tlbench.splits import Rows, kept_rows, split_by_group, thinned_rows, without

if TYPE_CHECKING:
    from tlbench.data.domain import Domain

ALL = "all"
PRIVATE = "private"
ENTROPY = "entropy"


def _shots(value: object) -> object:
    if value == ALL or (isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= LARGEST):
        return value
    raise ValueError("must be a whole number of 0 or more, or the word all")


def _reject(value: object) -> object:
    number = isinstance(value, float) and 0 < value < 1
    if value is None or value == ENTROPY or number:
        return value
    raise ValueError("must be null, the word entropy, or a number above 0 and below 1")


Shots = Annotated[int | Literal["all"], PlainValidator(_shots)]
Size = Annotated[int, Field(ge=2, le=LARGEST, strict=True)]
Fraction = Annotated[float, Field(ge=0.0, lt=1.0)]
Concentration = Annotated[float, Field(ge=0.001, le=1e6)]
Reject = Annotated[float | Literal["entropy"] | None, PlainValidator(_reject)]
STRICT = ConfigDict(extra="forbid")


def _told(reject: str | float) -> str:
    return "by entropy" if isinstance(reject, str) else f"below {reject:g}"


@checked(frozen=True, kw_only=True, config=STRICT)
class Protocol(ABC):
    """Base of protocols.

    Args:
        shots: labelled target examples per class, never among the test examples; 0 = unsupervised. `all` labels every
            target training example, where the test part is held out; as none is left, they are the unlabelled ones too.
        n_source: labelled source training examples kept of each source domain; None, or more than there are: all.
        n_target: unlabelled target training examples kept, likewise, and as many of each bridge; the test part stays as it is.
        source_shares: concentration of the Dirichlet distribution from which the class shares of the source are drawn: 0.1 is a
            severe shift, 10 a mild one. Examples of the source are left out until training and validation part have these shares,
            as many as can be kept and 2 or more a class, before n_source; no target label is looked at. All sources of a pair
            have one draw. None: the shares are what they are.
        source: `given`, or `private`: a method gets what its `source_model` makes of the source, and no example of it.
        reject: rule by which a method without an output for the unknown class says `unknown`, after it was trained on the known
            ones (`tlbench.running.rejection`): `entropy`, or a number t in (0, 1): where no known class has probability t. None:
            the unknown class is an output like any other.

    Under one seed the smaller n_source or n_target is a part of the larger one. What is not kept is not there for
    transforms either.
    """

    shots: Shots = 0
    n_source: Size | None = None
    n_target: Size | None = None
    source_shares: Concentration | None = None
    source: Literal["given", "private"] = "given"
    reject: Reject = None

    target_test_is_held_out = False

    @property
    def keeps_source_val(self) -> bool:
        """Whether a labelled source part is kept for selection."""
        return False

    @property
    def hides_source(self) -> bool:
        """Whether no method gets a source example."""
        return self.source == PRIVATE

    @property
    def draws(self) -> bool:
        """Whether the seed decides who sees what."""
        return True

    @property
    def label(self) -> str:
        """What tables print: the protocol and its numbers."""
        sizes = ((self.shots, "shots"), (self.n_source, "source"), (self.n_target, "unlabelled"))
        shift = [] if self.source_shares is None else [f"source shares {self.source_shares:g}"]
        hidden = ["private source"] if self.hides_source else []
        rule = [] if self.reject is None else [f"rejects {_told(self.reject)}"]
        return ", ".join([self._name(), *(f"{size} {what}" for size, what in sizes if size), *shift, *hidden, *rule])

    @abstractmethod
    def _name(self) -> str: ...

    @abstractmethod
    def _split(self, sources: Sequence[Domain], target: Domain, seed: int) -> Rows:
        """Return all rows, before some are kept."""

    def rows(self, sources: Sequence[Domain], target: Domain, seed: int, bridges: Sequence[Domain] = ()) -> Rows:
        """Split by seed; of a bridge all examples, `n_target` of them where that is set.

        Raises Refused where a class has too few examples for the shots, or a part would be left with none or, for training on
        the source, with one class.
        """
        self.refuse_impossible()
        found = self._split(sources, target, seed)
        train = [
            kept_rows(part, self.n_source, len(source), stream(seed, "n_source", source.name))
            for part, source in zip(self._thinned(found.source_train, sources, seed), sources, strict=True)
        ]
        self._check_classes(train, sources)
        shots = found.target_shots
        given = found.target_unlabelled if len(found.target_unlabelled) else shots
        unlabelled = kept_rows(given, self.n_target, len(target), stream(seed, "n_target", target.name))
        return replace(
            found,
            source_train=train,
            source_val=self._thinned(found.source_val, sources, seed),
            source_fit=list(map(without, found.source_fit, found.source_train, train)),
            target_unlabelled=unlabelled,
            target_fit=without(found.target_fit, given, np.union1d(unlabelled, shots)),
            bridges=tuple(
                kept_rows(np.arange(len(bridge)), self.n_target, len(bridge), stream(seed, "n_target", bridge.name))
                for bridge in bridges
            ),
        )

    def refuse_impossible(self) -> None:
        """Raise Refused where every target example would be labelled, those of the test among them."""
        if self.shots == ALL and not self.target_test_is_held_out:
            raise Refused(
                f"protocol.shots=all labels every target training example, but these are the test under '{self._name()}'. "
                "Use protocol=inductive."
            )

    def _thinned(self, parts: list[np.ndarray], sources: Sequence[Domain], seed: int) -> list[np.ndarray]:
        """Thin a part of each source to the class shares of this seed; the part as it is where none are asked for."""
        if self.source_shares is None:
            return parts
        labels = np.unique(np.concatenate([source.labels for source in sources]))
        names = [source.name for source in sources]
        drawn = stream(seed, "source_shares", *names).dirichlet(np.full(len(labels), self.source_shares))
        shares_C = np.zeros(labels.max() + 1)
        shares_C[labels] = drawn
        return [
            thinned_rows(part, source.labels, shares_C, stream(seed, "thinned", source.name))
            for part, source in zip(parts, sources, strict=True)
        ]

    def _check_classes(self, train: list[np.ndarray], sources: Sequence[Domain]) -> None:
        labels = np.concatenate([source.labels[part] for source, part in zip(sources, train, strict=True)])
        if len(np.unique(labels)) < 2:
            what = "The protocol" if self.n_source is None else f"protocol.n_source={self.n_source}"
            raise Refused(f"{what} keeps source examples of one class under this seed. Ask for more.")

    def _draw_shots(self, target: Domain, pool: np.ndarray, seed: int, *, leave: int) -> tuple[np.ndarray, np.ndarray]:
        """Draw (shots, rest of the pool without the shots' groups); at least `leave` examples of each class remain."""
        if isinstance(self.shots, str):
            return pool, pool[:0]
        if self.shots == 0:
            return pool[:0], pool
        rng, drawn = stream(seed, "shots"), []
        for label in np.unique(target.labels):
            rows = pool[target.labels[pool] == label]
            if len(rows) < self.shots + leave:
                raise Refused(
                    f"protocol.shots={self.shots} needs {self.shots + leave} training examples of each class in the "
                    f"target, but '{target.name}' has {len(rows)} of class {label}. Ask for fewer shots."
                )
            drawn.append(rng.choice(rows, self.shots, replace=False))
        shots = np.sort(np.concatenate(drawn))
        return shots, pool[~np.isin(target.groups[pool], target.groups[shots])]


@checked(frozen=True, kw_only=True, config=STRICT)
class Transductive(Protocol):
    """The literature's custom: every target example is given unlabelled for training, and the same are the test."""

    @property
    def draws(self) -> bool:
        sizes = (self.n_source, self.n_target, self.source_shares)
        return bool(self.shots) or any(size is not None for size in sizes)

    def _name(self) -> str:
        return "transductive"

    def _split(self, sources: Sequence[Domain], target: Domain, seed: int) -> Rows:
        everything = [np.arange(len(source)) for source in sources]
        return self._whole_target(everything, sources, target, seed)

    def _whole_target(self, train: list[np.ndarray], sources: Sequence[Domain], target: Domain, seed: int) -> Rows:
        whole = np.arange(len(target))
        shots, rest = self._draw_shots(target, whole, seed, leave=1)
        fit = [np.arange(len(source)) for source in sources]
        return Rows(train, [rows[:0] for rows in train], fit, rest, shots, rest, whole)


@checked(frozen=True, kw_only=True, config=STRICT)
class Sampled(Transductive):
    """`n_source_per_class` labelled source examples a class, drawn by seed (all of a class that has fewer); the whole
    target is training and test, as in the Office-Caltech10 experiments since Gong et al., CVPR 2012."""

    n_source_per_class: Annotated[int, Field(ge=1, le=LARGEST)] = 20

    @property
    def draws(self) -> bool:
        return True

    def _name(self) -> str:
        return f"sampled {self.n_source_per_class}/class"

    def _split(self, sources: Sequence[Domain], target: Domain, seed: int) -> Rows:
        train = []
        for source in sources:
            rng = stream(seed, "sample", source.name)
            per_class = [np.flatnonzero(source.labels == label) for label in np.unique(source.labels)]
            drawn = [rng.choice(r, min(len(r), self.n_source_per_class), replace=False) for r in per_class]
            train.append(np.sort(np.concatenate(drawn)))
        return self._whole_target(train, sources, target, seed)


@checked(frozen=True, kw_only=True, config=STRICT)
class Inductive(Protocol):
    """A target test part that no training sees, and a source validation part.

    A data set's own test part is used where it has one; then `target_test` is without effect.

    Args:
        source_val: share of the labelled source kept for validation.
        target_test: share of the target kept for the test.
    """

    source_val: Fraction = 0.2
    target_test: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.3

    target_test_is_held_out = True

    @property
    def keeps_source_val(self) -> bool:
        return self.source_val > 0

    def _name(self) -> str:
        return "inductive"

    def _split(self, sources: Sequence[Domain], target: Domain, seed: int) -> Rows:
        train, val = [], []
        for source in sources:
            given = source.given_test
            pool = np.arange(len(source)) if given is None else np.flatnonzero(~given)
            held, rest = split_by_group(pool, source.groups, self.source_val, stream(seed, "source", source.name))
            val.append(held)
            train.append(rest)
            if not len(rest):
                raise Refused(
                    f"protocol.source_val={self.source_val:g} of the {len(pool)} examples of '{source.name}' leaves none for "
                    "training. Set a smaller share."
                )
        whole = np.arange(len(target))
        if target.given_test is None:
            test, pool = split_by_group(whole, target.groups, self.target_test, stream(seed, "target", target.name))
            if not len(test) or not len(pool):
                raise Refused(
                    f"protocol.target_test={self.target_test:g} of the {len(whole)} examples of '{target.name}' leaves "
                    f"{len(test)} for the test and {len(pool)} for training. Set a {'smaller' if len(test) else 'larger'} share."
                )
        else:
            test, pool = whole[target.given_test], whole[~target.given_test]
        shots, rest = self._draw_shots(target, pool, seed, leave=0)
        return Rows(train, val, train, rest, shots, test, pool)
