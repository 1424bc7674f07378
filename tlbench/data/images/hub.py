"""Images of a Hugging Face `datasets` data set (extra `hub`): one column names the domain."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from tlbench.data.domain_codes import short_codes
from tlbench.data.images.dataset import ImageDataset, Listing
from tlbench.data.images.decode import decode
from tlbench.data.images.image_files import ImageFiles
from tlbench.errors import TlbenchError, unknown


class HubImages(ImageDataset):
    """A data set of the Hugging Face hub, or one saved by `save_to_disk`.

    Args:
        path: name on the hub, or a folder.
        split: of the hub's data set.
        image, label, domain: names of the columns.
        base: see ImageDataset.
    """

    def __init__(
        self,
        *,
        data_dir: str | Path,
        path: str,
        split: str,
        image: str,
        label: str,
        domain: str,
        short: Mapping[str, str] | None = None,
        classes: Sequence[Any] | None = None,
        **base: Any,
    ) -> None:
        table = opened(path, split)
        for column in (image, label, domain):
            if column not in table.column_names:
                raise unknown("column", column, table.column_names, f"dataset.image, label or domain; data set {path}")
        self.images_column = table.select_columns([image])
        self.domain_N, label_N = named(table, domain), named(table, label)
        domains, found = sorted(set(self.domain_N)), sorted(set(label_N))
        if len(domains) < 2:
            raise TlbenchError(f"Column '{domain}' of {path} must name two or more domains, got {', '.join(domains)}.")
        super().__init__(
            data_dir=data_dir,
            files={name: {} for name in domains},
            counts=None,
            classes=found if classes is None else classes,
            short=short_codes(domains) if short is None else short,
            **base,
        )
        self.label_N = label_N

    def listing(self, domain: str) -> Listing:
        rows = np.flatnonzero(np.array(self.domain_N) == domain)
        number = {name: i for i, name in enumerate(self.file_classes)}
        labels = [self.label_N[row] for row in rows]
        strange = tuple(sorted(set(labels) - set(number)))
        numbers = np.array([number.get(label, -1) for label in labels], dtype=np.int64)
        return Listing(numbers, Path("."), tuple(str(row) for row in rows), strange=strange)

    def images(self, domain: str, listing: Listing) -> ImageFiles:
        column = self.images_column.select([int(name) for name in listing.names])

        def content(i: int) -> bytes:
            (cell,) = column[i].values()
            return cell["bytes"] if cell["bytes"] is not None else Path(cell["path"]).read_bytes()

        def read(i: int) -> Tensor:
            return decode(content(i), f"{domain}/{listing.names[i]}")

        whole = hashlib.sha256()
        for i in range(len(listing.names)):
            whole.update(hashlib.sha256(content(i)).digest())
        return ImageFiles(listing.names, read, whole.hexdigest(), np.arange(len(listing.names)))


@lru_cache(maxsize=4)
def opened(path: str, split: str) -> Any:
    """Return the data set with its images as bytes, not decoded."""
    try:
        import datasets
    except ImportError as error:
        raise TlbenchError("dataset=hub needs Hugging Face's datasets: pip install 'tlbench[hub]'.") from error
    try:
        table = datasets.load_from_disk(path) if Path(path).is_dir() else datasets.load_dataset(path, split=split)
        table = table[split] if isinstance(table, datasets.DatasetDict) else table
    except Exception as error:  # whatever the hub's client raises for a wrong name or a missing network
        raise TlbenchError(f"Data set '{path}' cannot be opened: {str(error).splitlines()[0]}") from error
    for name, feature in table.features.items():
        if isinstance(feature, datasets.Image):
            table = table.cast_column(name, datasets.Image(decode=False))
    return table


def named(table: Any, column: str) -> list[str]:
    """Return a column of names, or of numbers that stand for names, as texts."""
    feature, values = table.features[column], table[column]
    names = getattr(feature, "names", None)
    return [str(value) if names is None else names[value] for value in values]
