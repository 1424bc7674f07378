"""Whether the files of a data set are what its config says: what `tlbench data check` prints."""

from __future__ import annotations

import hashlib
import os
from collections import Counter, defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np

from tlbench.data.base_dataset import Dataset
from tlbench.data.images.dataset import ImageDataset, Listing
from tlbench.data.progress_bar import track
from tlbench.errors import TlbenchError

SHOWN = 20
"""Findings of one kind that are printed; the rest is counted."""


@dataclass
class Findings:
    """What was found.

    Attributes:
        domains: images (examples) of each domain, and the number that the config states, or None.
        classes: images of each class in each domain.
        problems: each in one line; the data are well where there is none.
        notes: what is worth knowing and no fault.
        missing: domains that are not here, while others are.
    """

    domains: dict[str, tuple[int, int | None]] = field(default_factory=dict)
    classes: dict[str, dict[str, int]] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)

    @property
    def verdict(self) -> str:
        """One line that ends the report."""
        if self.problems:
            return f"{len(self.problems)} problems."
        if self.missing:
            return f"Not here: {', '.join(self.missing)}. The others are well, and their pairs can be run."
        return "All is well."


def check(dataset: Dataset) -> Findings:
    """Read every file of a data set and compare it with its config.

    A domain of which no file is there is no fault where another one is: a pair needs its own domains only.
    """
    found = Findings()
    missing = [domain for domain in dataset.domains if not dataset.is_here(domain)]
    if 0 < len(missing) < len(dataset.domains):
        found.missing = missing  # where nothing is there, each domain says what it lacks
    listings: dict[str, Listing] = {}
    for domain in (name for name in dataset.domains if name not in found.missing):
        try:
            if isinstance(dataset, ImageDataset):
                listings[domain] = dataset.listing(domain)
                _count(found, dataset, domain, listings[domain])
            else:
                _load(found, dataset, domain)
        except TlbenchError as error:
            found.problems.append(str(error))
    if isinstance(dataset, ImageDataset):
        _label_spaces(found, dataset, listings)
        _content(found, dataset, listings)
    return found


def _load(found: Findings, dataset: Dataset, domain: str) -> None:
    loaded = dataset.load(domain)
    found.domains[domain] = (len(loaded), dict(getattr(dataset, "counts", {})).get(domain))
    numbers = np.bincount(loaded.labels, minlength=len(dataset.classes))
    found.classes[domain] = dict(zip(dataset.classes, numbers.tolist(), strict=True))


def _count(found: Findings, dataset: ImageDataset, domain: str, listing: Listing) -> None:
    stated = None if dataset.counts is None else dataset.counts[domain]
    found.domains[domain] = (len(listing.labels), stated)
    if stated is not None and len(listing.labels) != stated:
        found.problems.append(f"{domain}: {len(listing.labels)} images, but the config says {stated}.")
    for name in listing.strange:
        found.problems.append(f"{domain}: class '{name}' is none of the config's.")
    known = listing.labels[(listing.labels >= 0) & (listing.labels < len(dataset.file_classes))]
    numbers = np.bincount(known, minlength=len(dataset.file_classes))
    found.classes[domain] = dict(zip(dataset.file_classes, numbers.tolist(), strict=True))
    if few := [name for name, n in found.classes[domain].items() if n == 1]:
        found.notes.append(f"{domain}: {len(few)} classes of one image: {_some(few)}. No split can hold one out.")


def _label_spaces(found: Findings, dataset: ImageDataset, listings: dict[str, Listing]) -> None:
    """Return the classes that a domain lacks, of those that it needs as a source or as a target."""
    needed = set(dataset.kept_classes["source"]) | set(dataset.kept_classes["target"])  # a domain may be either
    for domain in listings:
        if lacking := [name for name, n in found.classes[domain].items() if not n and name in needed]:
            found.problems.append(
                f"{domain}: no image of {len(lacking)} classes that the pairs need: {_some(lacking)}."
            )


def _content(found: Findings, dataset: ImageDataset, listings: dict[str, Listing]) -> None:
    """Decode every image; two files of one content in two domains are one picture on both sides of a transfer."""
    owners: dict[bytes, list[tuple[str, str]]] = defaultdict(list)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for domain, listing in listings.items():
            try:
                images = dataset.images(domain, listing)
            except TlbenchError as error:
                found.problems.append(f"{domain}: {error}")
                continue

            def digest(i: int, images=images) -> bytes | TlbenchError:  # type: ignore[no-untyped-def]
                try:
                    pixels = images.read(i)
                except TlbenchError as error:
                    return error
                return hashlib.sha256(str(tuple(pixels.shape)).encode() + pixels.contiguous().numpy().data).digest()

            with track(f"reading {domain}", len(images.names)) as advance:
                for name, result in zip(images.names, pool.map(digest, range(len(images.names))), strict=True):
                    advance(1)
                    if isinstance(result, TlbenchError):
                        found.problems.append(str(result))
                    else:
                        owners[result].append((domain, name))
    across = [own for own in owners.values() if len({domain for domain, _ in own}) > 1]
    for own in across[:SHOWN]:
        found.problems.append(f"One picture in several domains: {', '.join(f'{d}/{n}' for d, n in own[:4])}.")
    if len(across) > SHOWN:
        found.problems.append(f"{len(across) - SHOWN} more pictures stand in several domains.")
    within = Counter(own[0][0] for own in owners.values() if len(own) > 1 and len({d for d, _ in own}) == 1)
    for domain, n in within.items():
        found.notes.append(f"{domain}: {n} pictures are there more than once.")


def _some(names: list[str]) -> str:
    return ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")


def lines(found: Findings) -> Iterator[str]:
    """Return the findings for the terminal, one a line."""
    for domain, (n, stated) in found.domains.items():
        numbers = found.classes[domain].values()
        expected = "" if stated is None else f" (config: {stated})"
        spread = f", {min(numbers)} to {max(numbers)} a class" if numbers else ""
        yield f"{domain:<14} {n:>7}{expected}, {sum(1 for k in numbers if k)} classes{spread}"
    yield from (f"note: {note}" for note in found.notes)
    yield from (f"PROBLEM: {problem}" for problem in found.problems[:SHOWN])
    if len(found.problems) > SHOWN:
        yield f"PROBLEM: and {len(found.problems) - SHOWN} more."
