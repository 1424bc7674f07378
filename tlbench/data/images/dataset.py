"""Image data sets: class folders, list files or arrays below `data_dir`; a YAML, no code."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from tlbench.data.base_dataset import Dataset, Role
from tlbench.data.domain import Domain
from tlbench.data.images.image_files import ImageFiles, from_array, from_paths, in_folder, read_list
from tlbench.errors import TlbenchError, unknown

UNKNOWN = "unknown"


@dataclass(frozen=True)
class Listing:
    """What the files of a domain say before any image is read.

    Attributes:
        labels: (N,) indices into `ImageDataset.file_classes`.
        root, names: where each image is; or else `array` holds them all.
        given_test: (N,) true for a test part that the data set is distributed with, or None.
        strange: class folders or labels that the config does not name.
    """

    labels: np.ndarray
    root: Path
    names: tuple[str, ...]
    array: np.ndarray | None = None
    given_test: np.ndarray | None = None
    strange: tuple[str, ...] = ()


class ImageDataset(Dataset):
    """Domains of image files.

    Args:
        data_dir: folder that holds the data.
        files: for each domain one of
            `{folder: PATH}`: holds one folder a class;
            `{root: PATH, list: FILE}` or `{root: PATH, train: FILE, test: FILE}`: list files of lines `path label`, the
            paths below `root` (those of the test list below `test_root`, where it is given);
            `{reader: ..., train: FILES, test: FILES}`: arrays, `reader(*paths) -> (images, labels)`.
        counts: images per domain; another number is refused. None: not known.
        classes: class names in the order of the labels (folder names, for folders), or their number.
        first_label: label of the first class in lists and arrays.
        source_classes, target_classes: names of the classes kept where a domain is source or target; None: all.
        unknown: target classes that no source has become one class, "unknown", instead of an error.
        base: see Dataset.
    """

    def __init__(
        self,
        *,
        data_dir: str | Path,
        files: Mapping[str, Mapping[str, Any]],
        counts: Mapping[str, int] | None,
        classes: Sequence[Any] | int,
        first_label: int = 0,
        source_classes: Sequence[Any] | None = None,
        target_classes: Sequence[Any] | None = None,
        unknown: bool = False,
        **base: Any,
    ) -> None:
        names = [str(name) for name in (range(classes) if isinstance(classes, int) else classes)]
        self.file_classes = tuple(names)
        shared = self._some(source_classes, base["name"], "source_classes") or self.file_classes
        unlabelled = self._some(target_classes, base["name"], "target_classes")
        unlabelled = unlabelled or (self.file_classes if unknown else shared)
        self.kept_classes: dict[Role, tuple[str, ...]] = {
            "source": shared,
            "bridge": unlabelled,
            "target": unlabelled,
        }
        self.unknown = unknown
        super().__init__(classes=[*shared, UNKNOWN] if unknown else shared, input_shape=(), **base)
        if not unknown and (strange := sorted(set(self.kept_classes["target"]) - set(shared))):
            raise TlbenchError(
                f"{self.name}: target_classes {strange} are not among the source's. Set dataset.unknown=true for an open set."
            )
        self.data_dir, self.files, self.counts, self.first_label = Path(data_dir), files, counts, first_label
        self._loaded: dict[str, Domain] = {}

    @property
    def unknown_class(self) -> int | None:
        return len(self.classes) - 1 if self.unknown else None

    @property
    def lacks_classes(self) -> bool:
        return bool(set(self.kept_classes["source"]) - set(self.kept_classes["target"]))

    def _some(self, given: Sequence[Any] | None, name: str, key: str) -> tuple[str, ...] | None:
        for each in given or ():
            if str(each) not in self.file_classes:
                raise unknown("class", str(each), self.file_classes, f"dataset.{key} (conf/dataset/{name}.yaml)")
        return None if given is None else tuple(str(each) for each in given)

    def load(self, domain: str) -> Domain:
        """Return all images of a domain, not decoded; listed and hashed once in a process."""
        if domain not in self._loaded:
            listing = self.listing(domain)
            self._check(domain, listing)
            images = self.images(domain, listing)
            rows = np.arange(len(listing.labels))
            self._loaded[domain] = Domain(
                domain, images, listing.labels, rows, listing.given_test, names=tuple(images.names)
            )
        return self._loaded[domain]

    def is_here(self, domain: str) -> bool:
        entries = [entry for key, entry in self.files[domain].items() if key in ("folder", "list", "train", "test")]
        names = [name for entry in entries for name in ([entry] if isinstance(entry, str) else entry)]
        return any((self.data_dir / name).exists() for name in names)

    def images(self, domain: str, listing: Listing) -> ImageFiles:
        """Say how to read the images of a listing."""
        if listing.array is None:
            return from_paths(listing.root, listing.names)
        return from_array(listing.array, domain)

    def load_as(self, domain: str, role: Role) -> Domain:
        """Return the domain with the classes of its role, labelled as in `classes`. Raises where one of them has no image."""
        whole = self.load(domain)
        kept = [self.file_classes.index(name) for name in self.kept_classes[role]]
        if lacking := sorted(set(kept) - set(np.unique(whole.labels).tolist())):
            names = ", ".join(self.file_classes[label] for label in lacking[:5])
            side = "source" if role == "source" else "target"
            raise TlbenchError(
                f"{self.name}: domain '{domain}' has no image of {len(lacking)} of {len(kept)} classes: {names}"
                f"{', ...' if len(lacking) > 5 else ''}. Set dataset.{side}_classes to those that it has, or mend the data."
            )
        number = {name: i for i, name in enumerate(self.classes)}
        lookup = np.full(len(self.file_classes), -1)
        for label in kept:
            lookup[label] = number.get(self.file_classes[label], len(self.classes) - 1)
        rows = np.flatnonzero(lookup[whole.labels] >= 0)
        assert isinstance(whole.inputs, ImageFiles)
        assert whole.names is not None
        return replace(
            whole,
            inputs=whole.inputs.of(rows),
            labels=lookup[whole.labels[rows]],
            groups=whole.groups[rows],
            given_test=None if whole.given_test is None else whole.given_test[rows],
            names=tuple(whole.names[row] for row in rows),
        )

    def fingerprint(self, domains: Sequence[str]) -> str:
        whole = hashlib.sha256()
        for name in sorted(domains):
            domain = self.load(name)
            assert isinstance(domain.inputs, ImageFiles)
            whole.update(f"{name} {domain.inputs.content}".encode())
            for array in (domain.labels, domain.given_test):
                whole.update(b"-" if array is None else array.tobytes())
        return whole.hexdigest()[:16]

    def listing(self, domain: str) -> Listing:
        """Return the names and labels of a domain's images as its files say, not checked against the config."""
        entry = dict(self.files[domain])
        if "folder" in entry:
            return self._folders(entry["folder"])
        parts = [part for part in ("list", "train", "test") if part in entry]
        paths = [
            [self.found(p) for p in ([entry[part]] if isinstance(entry[part], str) else entry[part])] for part in parts
        ]
        array, names, root = None, [], self.data_dir
        if "reader" in entry:
            read = [entry["reader"](*each) for each in paths]
            array, labels = np.concatenate([x for x, _ in read]), [np.asarray(y).astype(np.int64) for _, y in read]
        else:
            lines = [[line for path in each for line in read_list(path)] for each in paths]
            labels = [np.array([label for _, label in part], dtype=np.int64) for part in lines]
            below = {part: str(entry.get(f"{part}_root", entry["root"])) for part in parts}
            if len(set(below.values())) == 1:
                root = self.found(entry["root"])
                names = [name for part in lines for name, _ in part]
            else:  # each list has a folder of its own
                names = [f"{below[part]}/{name}" for part, found in zip(parts, lines, strict=True) for name, _ in found]
        given = np.repeat([False, True], [len(part) for part in labels]) if len(labels) == 2 else None
        label_N = np.concatenate(labels) - self.first_label
        strange = sorted({int(label) for label in label_N if not 0 <= label < len(self.file_classes)})
        wrong = tuple(str(label + self.first_label) for label in strange)
        return Listing(label_N, root, tuple(names), array, given, wrong)

    def _folders(self, folder: str) -> Listing:
        root = self.found(folder)
        found = in_folder(root)
        number = {name: i for i, name in enumerate(self.file_classes)}
        names, labels = [], []
        for name, images in found.items():
            if name in number:
                names += images
                labels += [number[name]] * len(images)
        strange = tuple(name for name, images in found.items() if name not in number and images)
        return Listing(np.array(labels, dtype=np.int64), root, tuple(names), strange=strange)

    def found(self, name: str) -> Path:
        """Return the path of a file or folder below `data_dir`. Raises TlbenchError where there is none."""
        path = self.data_dir / name
        if path.exists():
            return path
        if not self.data_dir.is_dir():
            raise TlbenchError(
                f"Data folder '{self.data_dir}' does not exist; {self.name} needs it. Set by data_dir=... or $TLBENCH_DATA."
            )
        raise TlbenchError(
            f"{self.name}: '{name}' is missing in '{self.data_dir}' (data_dir=... or $TLBENCH_DATA). "
            f"`tlbench data get {self.name}` fetches it or says how. Layout: {self.about.get('layout', 'see its config')}"
        )

    def _check(self, domain: str, listing: Listing) -> None:
        where = f"conf/dataset/{self.name}.yaml"
        if listing.strange:
            raise TlbenchError(
                f"{self.name}, {domain}: classes {', '.join(listing.strange[:5])} are not among those of {where}. "
                "Mend the data, or `classes`."
            )
        if not len(listing.labels):
            raise TlbenchError(f"{self.name}, {domain}: no image in '{listing.root}'.")
        if self.counts is not None and len(listing.labels) != self.counts[domain]:
            raise TlbenchError(
                f"{self.name}, {domain}: {len(listing.labels)} images, but {where} says {self.counts[domain]}. "
                f"`tlbench data check {self.name}` tells more; mend the data, or `counts`."
            )
