"""A data set: several domains over one label space."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import permutations
from typing import Any, Literal

import numpy as np

from tlbench.data.domain import Domain
from tlbench.data.inputs import Inputs
from tlbench.errors import TlbenchError, unknown
from tlbench.metrics import ACCURACY, metric_named

Role = Literal["source", "bridge", "target"]
Transform = Callable[[Inputs, np.ndarray], Inputs]
"""(inputs, rows that may be looked at) -> inputs. A protocol names the rows, so that no statistic of a held-out
test part reaches training."""


@dataclass(frozen=True)
class Pair:
    """Source domain(s), unlabelled bridges in order, and target domain: `amazon-webcam`, `amazon+dslr-webcam`, or, as a chain,
    `caltech10-webcam-dslr`."""

    sources: tuple[str, ...]
    target: str
    bridges: tuple[str, ...] = ()

    def __str__(self) -> str:
        return "-".join(["+".join(self.sources), *self.bridges, self.target])

    @property
    def domains(self) -> tuple[str, ...]:
        """All of them, the target last."""
        return (*self.sources, *self.bridges, self.target)

    @property
    def direct(self) -> Pair:
        """The same without bridges."""
        return Pair(self.sources, self.target)


REST = "rest"
"""As the source of a pair: all domains but the target."""
ALIASES = ("all", "chains", "leave_one_out")
"""What a sweep may ask for in place of a pair; a data set says which pairs that is."""


class Dataset(ABC):
    """Base of all data sets.

    Args:
        name: as in `conf/dataset/NAME.yaml`.
        short: short code of each domain, in the order in which domains are listed; `A-W` stands for `amazon-webcam`.
        classes: class names; their number fixes the label space.
        input_shape: shape of one example, (D,) or (channels, height, width); empty for image files, which take it from
            their `augment`.
        transforms: applied in turn to the inputs of a domain.
        pairs: what `pair=all` stands for, where that is not each domain with each other.
        metric: name of what tables report and gains are over, one of `tlbench.metrics.METRICS`; with an unknown class also one of
            OPEN_METRICS.
        about: homepage, licence, citation, layout; for people.
        sources: what `tlbench data get` fetches; it reads them in the config.
        by_hand: what to do where it cannot.
        recipe: what a command that names no backbone, classifier or protocol gets; read when a run is composed.
    """

    def __init__(
        self,
        *,
        name: str,
        short: Mapping[str, str],
        classes: Sequence[Any],
        input_shape: Sequence[int],
        transforms: Sequence[Transform] = (),
        pairs: Sequence[str] | None = None,
        metric: str = ACCURACY.name,
        about: Mapping[str, str] | None = None,
        sources: Sequence[Mapping[str, Any]] = (),
        by_hand: str | None = None,
        recipe: Mapping[str, Any] | None = None,
    ) -> None:
        self.name = name
        self.short = dict(short)
        self.classes = tuple(str(c) for c in classes)
        self.input_shape = tuple(int(side) for side in input_shape)
        self.transforms = tuple(transforms)
        self._pairs = None if pairs is None else tuple(pairs)
        self.metric = metric_named(metric, self.unknown_class)
        self.about, self.recipe = dict(about or {}), dict(recipe or {})
        self.by_hand = by_hand
        self._refuse_impossible()

    def _refuse_impossible(self) -> None:
        """Raise TlbenchError for what no data set can have, whatever its files hold."""
        if not self.name.strip():
            raise TlbenchError("A data set must have a name. Set by dataset.name=...")
        for domain, code in self.short.items():
            for kind, word in (("Domain name", domain), ("Short code", code)):
                if word == REST:
                    raise TlbenchError(
                        f"{kind} '{REST}' of {self.name} is taken: as a source it means all other domains."
                    )
                if not isinstance(word, str) or not re.fullmatch(r"\w+", word):
                    raise TlbenchError(f"{kind} '{word}' of {self.name}: only letters, digits and _ are allowed.")
            if other := next((o for o, c in self.short.items() if o != domain and code in (o, c)), None):
                raise TlbenchError(
                    f"Domains '{domain}' and '{other}' of {self.name} are both called '{code}'. Set by dataset.short; give each "
                    "a code of its own."
                )
        if self.metric.needs and self.unknown_class is None:
            raise TlbenchError(
                f"dataset.metric={self.metric.name} needs an unknown class, and {self.name} has none. Use an open set "
                "(dataset.unknown=true), or dataset.metric=accuracy."
            )
        if len(self.classes) < 2:
            found = f"one class ('{self.classes[0]}')" if self.classes else "no class"
            raise TlbenchError(f"{self.name} has {found}; there must be two or more to tell apart. Check the labels.")
        if any(side < 1 for side in self.input_shape):
            raise TlbenchError(f"dataset.input_shape must be whole numbers of 1 or more, got {list(self.input_shape)}.")
        for transform in self.transforms:
            if not callable(transform):
                raise TlbenchError(
                    "dataset.transforms must be a list of functions such as "
                    f"{{_target_: tlbench.data.transforms.zscore, _partial_: true}}, got {transform!r}."
                )

    @abstractmethod
    def load(self, domain: str) -> Domain:
        """Read one domain. Raises TlbenchError where a file is missing or is not what the config says."""

    def check(self, domain: str) -> None:
        """Raise TlbenchError where `load` would; a data set whose loading takes minutes looks at less."""
        self.load(domain)

    def load_as(self, domain: str, role: Role) -> Domain:
        """Return the domain as a pair's source or target: the same, but where the two see different classes."""
        return self.load(domain)

    @abstractmethod
    def fingerprint(self, domains: Sequence[str]) -> str:
        """Return a hash of the content of these domains, 16 hex digits."""

    def is_here(self, domain: str) -> bool:
        """Tell whether any file of a domain is on this machine; what is made on the spot always is."""
        return True

    @property
    def domains(self) -> tuple[str, ...]:
        return tuple(self.short)

    @property
    def unknown_class(self) -> int | None:
        """The label that stands for all target classes that no source has, the last one; None where there is no such class."""
        return None

    @property
    def lacks_classes(self) -> bool:
        """Whether a target has no example of some classes of the sources; no method is told which."""
        return False

    @property
    def ends(self) -> tuple[str, ...]:
        """Domains that may be a source or a target: all, but where a data set has some that can only be bridges."""
        return self.domains

    @property
    def pairs(self) -> list[Pair]:
        """What `pair=all` stands for: those of the config, else all ordered pairs of one source and one target."""
        if self._pairs is None:
            return [Pair((source,), target) for source, target in permutations(self.ends, 2)]
        return [self.pair(text) for text in self._pairs]

    def pairs_of(self, alias: str) -> list[Pair]:
        """Return what one of ALIASES stands for: all pairs, all chains over one bridge, or each domain from all others."""
        if alias == "chains":
            chains = (Pair((source,), target, (bridge,)) for source, bridge, target in permutations(self.domains, 3))
            return [chain for chain in chains if {*chain.direct.domains} <= {*self.ends}]
        if alias == "leave_one_out":
            return [self.pair(f"{REST}-{target}") for target in self.ends]
        return self.pairs

    def here(self, pairs: Sequence[Pair]) -> list[Pair]:
        """Return those whose domains are on this machine."""
        here = {domain for domain in self.domains if self.is_here(domain)}
        return [pair for pair in pairs if here.issuperset(pair.domains)]

    @cached_property
    def _by_name(self) -> dict[str, str]:
        return {**{code: domain for domain, code in self.short.items()}, **{domain: domain for domain in self.domains}}

    def pair(self, text: str) -> Pair:
        """Read `amazon-webcam`, `A-W`, `amazon+dslr-webcam`, `rest-webcam`, or a chain such as `caltech10-webcam-dslr`."""
        where = f"pair={text} (conf/dataset/{self.name}.yaml)"
        parts = text.split("-")
        if len(parts) < 2 or not all(parts):
            raise TlbenchError(
                f"A pair is written source-target, such as {'-'.join(self.domains[:2])}; got '{text}'. Set by {where}."
            )
        *bridges, target = (self._domain(name, where) for name in parts[1:])
        if parts[0] == REST:
            sources = [domain for domain in self.ends if domain not in (target, *bridges)]
        else:
            sources = [self._domain(name, where) for name in parts[0].split("+")]
        pair = Pair(tuple(sources), target, tuple(bridges))
        if len(set(pair.domains)) < len(pair.domains) or not sources:
            raise TlbenchError(f"A pair names each domain once; got '{text}'. Set by {where}.")
        if strange := [domain for domain in pair.direct.domains if domain not in self.ends]:
            raise TlbenchError(
                f"'{strange[0]}' of {self.name} can only be a bridge, not a source or a target; got '{text}'. Set by {where}."
            )
        return pair

    def _domain(self, name: str, where: str) -> str:
        if name not in self._by_name:
            raise unknown("domain", name, self.domains, where)
        return self._by_name[name]
