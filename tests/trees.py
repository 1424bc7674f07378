"""Small trees of images, messages and tables in the layouts in which data sets are really distributed."""

from __future__ import annotations

import gzip
import struct
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import scipy.io
from PIL import Image
from sklearn.datasets import dump_svmlight_file

from tlbench.data.files import FileDataset
from tlbench.data.images.dataset import ImageDataset
from tlbench.data.newsgroups import Newsgroups

TINTS = ((1.0, 0.6, 0.4), (0.5, 1.0, 0.7), (0.6, 0.5, 1.0), (1.0, 1.0, 0.5), (0.5, 0.9, 1.0), (0.9, 0.9, 0.9))
"""What tells domains apart: each multiplies the colours."""


def picture(label: int, domain: int, number: int, *, size: tuple[int, int] = (40, 32)) -> Image.Image:
    """A striped picture whose direction and width say its class; no two are equal."""
    rng = np.random.default_rng([label, domain, number])
    width, height = size
    y, x = np.mgrid[0:height, 0:width]
    angle = 0.9 * (label % 4)
    stripes = 127 + 100 * np.sin((x * np.cos(angle) + y * np.sin(angle)) / (1.5 + label // 4))
    pixels = stripes[..., None] * np.array(TINTS[domain % len(TINTS)]) + rng.normal(0, 12, (height, width, 3))
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def save(path: Path, image: Image.Image) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path)


def image_folder(root: Path, domains: Sequence[str] = ("photo", "sketch"), classes: int = 3, each: int = 6) -> Path:
    """root/domain/class/image."""
    for d, domain in enumerate(domains):
        for label in range(classes):
            for i in range(each):
                save(root / domain / f"class {label}" / f"bild_{i:02}ä.jpg", picture(label, d, i))
    return root


def grow(dataset: ImageDataset, data_dir: Path, each: int = 2) -> dict[str, int]:
    """Fills `data_dir` with `each` images a class, where the data set's config expects them; returns the counts."""
    counts = {}
    for d, (domain, entry) in enumerate(dataset.files.items()):
        if "folder" in entry:
            counts[domain] = _folders(dataset, data_dir / entry["folder"], d, each)
        elif "reader" in entry:
            counts[domain] = sum(
                _arrays(dataset, data_dir, domain, entry[part], d, each, part) for part in ("train", "test")
            )
        else:
            parts = [part for part in ("list", "train", "test") if part in entry]
            counts[domain] = sum(_lists(dataset, data_dir, entry, part, d, each) for part in parts)
    return counts


def _folders(dataset: ImageDataset, folder: Path, domain: int, each: int) -> int:
    for label, name in enumerate(dataset.file_classes):
        for i in range(each):
            save(folder / name / f"frame_{i:04}.jpg", picture(label, domain, i))
    return len(dataset.file_classes) * each


def _lists(dataset: ImageDataset, data_dir: Path, entry: dict, part: str, domain: int, each: int) -> int:
    root, lines = str(entry.get(f"{part}_root", entry["root"])), []
    for label, name in enumerate(dataset.file_classes):
        for i in range(each):
            path = f"{part}_{domain}/{name}/{i}.jpg"
            save(data_dir / root / path, picture(label, domain, i + 100 * (part == "test")))
            lines.append(f"{path} {label + dataset.first_label}")
    for file in [entry[part]] if isinstance(entry[part], str) else entry[part]:
        (data_dir / file).parent.mkdir(parents=True, exist_ok=True)
        (data_dir / file).write_text("\n".join(lines) + "\n")
    return len(lines)


def _arrays(
    dataset: ImageDataset, data_dir: Path, domain: str, files: str | list[str], number: int, each: int, part: str
) -> int:
    labels = np.repeat(np.arange(len(dataset.file_classes)), each)
    shift = 100 * (part == "test")
    side = {"mnist": 28, "usps": 16}.get(domain, 32)
    images = np.stack([np.array(picture(y, number, i + shift, size=(side, side))) for i, y in enumerate(labels)])
    paths = [data_dir / file for file in ([files] if isinstance(files, str) else files)]
    paths[0].parent.mkdir(parents=True, exist_ok=True)
    if domain == "mnist":
        grey = images[..., 0]
        paths[0].write_bytes(gzip.compress(b"\0\0\x08\x03" + struct.pack(">3i", *grey.shape) + grey.tobytes()))
        content = b"\0\0\x08\x01" + struct.pack(">i", len(labels)) + labels.astype(np.uint8).tobytes()
        paths[1].write_bytes(gzip.compress(content))
    elif domain == "usps":
        import bz2

        rows = images[..., 0].reshape(len(labels), -1) / 127.5 - 1
        plain = paths[0].with_suffix(".txt")
        dump_svmlight_file(rows, labels + 1, str(plain), zero_based=False)
        paths[0].write_bytes(bz2.compress(plain.read_bytes()))
    else:
        y = np.where(labels == 0, 10, labels)[:, None]
        scipy.io.savemat(paths[0], {"X": images.transpose(1, 2, 3, 0), "y": y})
    return len(labels)


def messages(dataset: Newsgroups, data_dir: Path, each: int = 3) -> dict[str, int]:
    """`each` messages of every group in each folder, with headers, a quote and a signature; returns the counts of domains.

    Two words are those of the message's class, two of its group, two of none; some messages hold a byte that is no UTF-8.
    """
    for f, folder in enumerate(dataset.folders.values()):
        for group in (group for own in dataset.groups.values() for group in own):
            (data_dir / folder / group).mkdir(parents=True)
            top, _, rest = group.partition(".")
            own = rest.replace(".", "")
            for i in range(each):
                text = f"{top}word topic{top}\n{own} word{own}\ncommon{i % 2} talked\n"
                whole = f"From: someone{i}\nSubject: hello\n\nSomeone writes:\n> quoted\n{text}\n-- \nsigned\n"
                (data_dir / folder / group / f"{5000 + 100 * f + i}").write_bytes(
                    whole.encode() if i % 3 else whole.replace("talked", "talked \xe9").encode("latin-1")
                )
    return {domain: 2 * each * len(groups) for domain, groups in dataset.groups.items()}


def letters(dataset: FileDataset, data_dir: Path, each: int = 6) -> dict[str, int]:
    """A table for `read_letters`: `each` rows of either class in every domain; the first column tells all but one."""
    columns, split = dataset.reader.keywords["columns"], dataset.reader.keywords["split"]
    rng, lines = np.random.default_rng(0), []
    for entry in dataset.files.values():
        for label, kind in enumerate("ep"):
            for i in range(each):
                row = {name: rng.choice(list(known)) for name, known in columns.items()}
                row[next(iter(columns))] = columns[next(iter(columns))][label if i else 0]
                lines.append(",".join([kind, *{**row, split: entry["value"]}.values()]))
    path = data_dir / next(iter(dataset.files.values()))["path"]
    path.parent.mkdir(parents=True)
    path.write_text("\n".join(lines) + "\n")
    return dict.fromkeys(dataset.files, 2 * each)
