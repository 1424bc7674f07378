"""Test examples that a run gets right and its reference wrong, or the reverse, with their images where there are any."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from functools import cache
from typing import Any, Literal

import numpy as np
import pandas as pd
from PIL import Image

from tlbench.config.build import build
from tlbench.data.dataset import Dataset
from tlbench.data.domain import Domain
from tlbench.data.images.files import ImageFiles
from tlbench.errors import TlbenchError
from tlbench.paths import conf_dir

MOST = 24
SIDE = 96
"""Pixels of the longer side of an image as it is shown."""
Change = Literal["lost", "won"]


def changed_examples(mine: pd.DataFrame, reference: pd.DataFrame, change: Change) -> pd.DataFrame:
    """Examples that the reference has right and the run wrong (`lost`), or the reverse (`won`).

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
    both = mine.assign(
        reference_prediction=reference["prediction"].to_numpy(), reference_confidence=reference["confidence"].to_numpy()
    )
    found = both[before & ~right if change == "lost" else right & ~before]
    names = ["row", "id", "label", "prediction", "reference_prediction", "confidence", "reference_confidence"]
    return found.sort_values("confidence", ascending=False, kind="stable", ignore_index=True)[names]


def target_domain(config: dict[str, Any]) -> Domain | None:
    """The target's examples, read by the run's config below $TLBENCH_DATA; None where they are no images.

    A store may come from anywhere, and its configs name code: only that of the data sets that tlbench brings is called.

    Raises:
        TlbenchError: the data are not there (any more), or a reader is not tlbench's.
    """
    group = config["dataset"]
    if strange := sorted(targets(group) - known_targets()):
        raise TlbenchError(f"its data set is read by {', '.join(strange)}, which is no part of tlbench.")
    data_dir = os.environ.get("TLBENCH_DATA", config["data_dir"])
    dataset: Dataset = build("dataset", group, name=group["name"], data_dir=data_dir)
    domain = dataset.load_as(dataset.pair(config["pair"]).target, "target")
    shape = domain.inputs.shape
    is_pixels = isinstance(domain.inputs, np.ndarray) and len(shape) == 4 and shape[1] in (1, 3)
    return domain if is_pixels or isinstance(domain.inputs, ImageFiles) else None


def targets(value: Any) -> set[str]:
    """Every `_target_` inside a config."""
    if isinstance(value, list):
        return set().union(*map(targets, value))
    if not isinstance(value, dict):
        return set()
    own = {str(value["_target_"])} if "_target_" in value else set()
    return own.union(*map(targets, value.values()))


@cache
def known_targets() -> frozenset[str]:
    """Every `_target_` of the data sets in `conf/`."""
    texts = (path.read_text("utf-8") for path in (conf_dir() / "dataset").glob("*.yaml"))
    return frozenset(name for text in texts for name in re.findall(r"_target_:\s*([\w.]+)", text))


def images_of(domain: Domain, examples: pd.DataFrame) -> list[Image.Image]:
    """The images of some examples, in order.

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


def class_names(config: dict[str, Any]) -> Sequence[str]:
    """Names of the classes, where the config has them."""
    found = config.get("dataset", {}).get("classes")
    return [str(name) for name in found] if isinstance(found, list) else []
