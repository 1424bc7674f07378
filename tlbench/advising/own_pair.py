"""Two folders, or two files, of a user's own as a data set of one pair: a labelled source, a target without labels.

The harness's data sets have a label for every example. Those of such a target are placeholders in a fixed turn; no method is
given a target label, and no number that looks at them is made.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tlbench.aside import replacing
from tlbench.data.images.image_files import EXTENSIONS, in_folder
from tlbench.data.new_rows import read_rows
from tlbench.data.own_arrays import columns_of, read_any
from tlbench.errors import TlbenchError
from tlbench.paths import cache_dir

PAIR = "pair=source-target"


def pair_of_own(source: Path, target: Path, overrides: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    """Return the overrides that name the pair, and what its user calls each target example, by the name that it has in it.

    Args:
        source: a folder `class/image`, or a file of arrays or a table with labels.
        target: a folder of images at any depth, or such a file, with labels or without; they are not looked at.
        overrides: of the user's own; `dataset.inputs`, `dataset.labels` and `dataset.n_features` count for files.

    Raises:
        TlbenchError: one is missing, of another kind than the other, or cannot be read.
    """
    for path in (source, target):
        if not path.exists():
            raise TlbenchError(
                f"'{path}' does not exist. advise takes SOURCE TARGET: two folders of images, or two files."
            )
    if source.is_dir() != target.is_dir():
        raise TlbenchError(f"'{source}' and '{target}' must both be folders of images, or both be files of numbers.")
    return _of_images(source, target) if source.is_dir() else _of_files(source, target, overrides)


def _of_images(source: Path, target: Path) -> tuple[list[str], dict[str, str]]:
    classes = list(in_folder(source))
    images = sorted(path for path in target.rglob("*") if path.suffix.lower() in EXTENSIONS and path.is_file())
    if len(classes) < 2:
        raise TlbenchError(
            f"'{source}' must hold a folder of images for each class, and has {', '.join(classes) or 'none'}."
        )
    _check_enough(images, classes, target)
    root = _folder(source, target, [str(path) for path in images])
    _link(root / "source", source)
    names = {f"target/{classes[n % len(classes)]}/{n:07d}{p.suffix.lower()}": str(p) for n, p in enumerate(images)}
    for name, path in names.items():
        _link(root / name, Path(path))
    return ["dataset=image_folder", f"dataset.root={root}", PAIR], names


def _of_files(source: Path, target: Path, overrides: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    given = dict(word.split("=", 1) for word in overrides if word.startswith("dataset."))
    inputs, labels = given.get("dataset.inputs", "x"), given.get("dataset.labels", "y")
    columns, n_features = columns_of(str(source), labels), given.get("dataset.n_features")
    _, source_labels = read_any(
        source,
        inputs=inputs,
        labels=labels,
        n_features=None if n_features is None else int(n_features),
        columns=columns,
    )
    classes = np.array(np.unique(source_labels).tolist())  # words as such, not as objects, which files do not take
    rows = read_rows(target, inputs, labels, columns)
    _check_enough(rows, classes, target)
    root = _folder(source, target, [str(rows.shape), hashlib.sha256(rows.tobytes()).hexdigest()])
    root.mkdir(parents=True, exist_ok=True)
    path = root / "target.npz"
    with replacing(path) as aside, open(aside, "wb") as file:
        np.savez(file, **{inputs: rows, labels: np.resize(classes, len(rows))}, allow_pickle=False)
    where = f"dataset.paths={{source: '{source.resolve()}', target: '{path}'}}"
    return ["dataset=arrays", where, PAIR], {f"target/{row}": f"{target}:{row}" for row in range(len(rows))}


def _check_enough(
    examples: Sequence[object] | np.ndarray, classes: Sequence[object] | np.ndarray, target: Path
) -> None:
    if len(examples) < len(classes):
        raise TlbenchError(
            f"'{target}' holds {len(examples)} examples; the {len(classes)} classes need as many or more."
        )


def _folder(source: Path, target: Path, what: Sequence[str]) -> Path:
    """Return a folder that is the same whenever the same pair is asked about, so that caches serve again."""
    words = "\n".join([str(source.resolve()), str(target.resolve()), *what])
    return cache_dir() / "advise" / hashlib.sha256(words.encode()).hexdigest()[:16]


def _link(link: Path, path: Path) -> None:
    if not link.is_symlink():
        link.parent.mkdir(parents=True, exist_ok=True)
        os.symlink(path.resolve(), link)
