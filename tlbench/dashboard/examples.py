"""Test examples that a run gets right and its reference wrong, or the reverse, with their images where there are any."""

from __future__ import annotations

import os
from typing import Any, Literal

import numpy as np
import pandas as pd
from PIL import Image

from tlbench.config.shipped import shipped, shipped_names
from tlbench.data.domain import Domain
from tlbench.data.images.image_files import ImageFiles
from tlbench.errors import TlbenchError
from tlbench.running.setup import dataset_named

MOST = 24
SIDE = 96
"""Pixels of the longer side of an image as it is shown."""
Change = Literal["lost", "won"]


def changed_examples(mine: pd.DataFrame, reference: pd.DataFrame, change: Change) -> pd.DataFrame:
    """Return the examples that the reference has right and the run wrong (`lost`), or the reverse (`won`).

    Args:
        mine, reference: `RunStore.at_step`'s, of the same test examples in the same order.

    Returns:
        row, id, label, prediction, reference_prediction, confidence, reference_confidence; the run's surest first.

    Raises:
        ValueError: the two were tested on different examples.
    """
    if not np.array_equal(mine["row"], reference["row"]):
        raise ValueError("A run and its reference were tested on different examples.")
    label = mine["label"].to_numpy()
    right, before = mine["prediction"].to_numpy() == label, reference["prediction"].to_numpy() == label
    both = mine.assign(**{f"reference_{name}": reference[name].to_numpy() for name in ("prediction", "confidence")})
    found = both[before & ~right if change == "lost" else right & ~before]
    names = ["row", "id", "label", "prediction", "reference_prediction", "confidence", "reference_confidence"]
    return found.sort_values("confidence", ascending=False, kind="stable", ignore_index=True)[names]


def target_domain(config: dict[str, Any]) -> Domain | None:
    """Read the target's examples by the run's config below $TLBENCH_DATA; None where they are no images.

    Raises:
        TlbenchError: the data are not there (any more), or are read by code that tlbench does not bring.
    """
    data_dir = os.environ.get("TLBENCH_DATA", str(config["data_dir"]))
    dataset = dataset_named(trusted(config["dataset"]), data_dir)
    domain = dataset.load_as(dataset.pair(str(config["pair"])).target, "target")
    shape = domain.inputs.shape
    is_pixels = isinstance(domain.inputs, np.ndarray) and len(shape) == 4 and shape[1] in (1, 3)
    return domain if is_pixels or isinstance(domain.inputs, ImageFiles) else None


def trusted(group: dict[str, Any]) -> dict[str, Any]:
    """Return a data set's config out of a store, with the code of one that tlbench brings.

    A store may come from anywhere, and what its configs name is never called: what is built stands in `conf/dataset`, the store
    gives plain values alone (names, paths, numbers).

    Raises:
        TlbenchError: no data set in `conf/dataset` is read like this one.
    """
    name, target = str(group.get("name")), group.get("_target_")
    plain = {key: value for key, value in group.items() if is_plain(value)}
    known = [name] if name in shipped_names("dataset") else list(shipped_names("dataset"))
    for base in (shipped("dataset", own) for own in known):
        if base.get("_target_") != target:
            continue
        if all(key in plain or (key in base and base[key] == group[key]) for key in group if key != "_target_"):
            own = {key: value for key, value in plain.items() if key in base}
            return {**base, **own, "name": name, "_target_": base["_target_"]}
    raise TlbenchError(
        f"its data set, {name}, is read by code ({target}) that tlbench does not bring with such a config."
    )


def is_plain(value: Any) -> bool:
    """Tell whether a config builder would call and work out nothing in a value: no `_target_` and the like, no `${...}`."""
    if isinstance(value, dict):
        return all(is_plain(key) and is_plain(part) and not str(key).startswith("_") for key, part in value.items())
    if isinstance(value, list):
        return all(map(is_plain, value))
    return value is None or (isinstance(value, str) and "${" not in value) or isinstance(value, bool | int | float)


def images_of(domain: Domain, examples: pd.DataFrame) -> list[Image.Image]:
    """Return the images of some examples, in order.

    Raises:
        TlbenchError: the domain is not the one that the run was tested on, or an image cannot be read.
    """
    rows = examples["row"].to_numpy(np.int64)
    if len(rows) and (rows.max() >= len(domain) or not np.array_equal(domain.labels[rows], examples["label"])):
        raise TlbenchError(f"Domain {domain.name} on this machine is not the one that the run was tested on.")
    return [_fitted(_image(domain, int(row))) for row in rows]


def _image(domain: Domain, row: int) -> Image.Image:
    if isinstance(domain.inputs, ImageFiles):
        return Image.fromarray(domain.inputs.read(int(domain.inputs.kept[row])).numpy())
    pixels = np.asarray(domain.inputs[row])
    if pixels.dtype != np.uint8:
        low, high = float(pixels.min()), float(pixels.max())
        pixels = (255 * (pixels - low) / (high - low or 1.0)).astype(np.uint8)
    return Image.fromarray(pixels[0] if len(pixels) == 1 else pixels.transpose(1, 2, 0))


def _fitted(image: Image.Image) -> Image.Image:
    scale = SIDE / max(image.size)
    size = tuple(max(1, round(scale * side)) for side in image.size)
    return image.resize(size, Image.Resampling.NEAREST if scale > 1 else Image.Resampling.BILINEAR)  # type: ignore[arg-type]
