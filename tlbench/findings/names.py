"""What methods, blocks and rules are called, the same in every format."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from tlbench.metrics import ACCURACY, metric_named
from tlbench.transfer.crossed_gain import FEWEST_SEEDS
from tlbench.transfer.setting import SETTINGS


def metric_title(name: str) -> str:
    """Return a metric as pages print it."""
    return metric_named(name).title


def method_name(cell: Any) -> str:
    """Return the method as tables print it: ORACLE where target labels were used, and what tells it from its variants."""
    name = f"ORACLE {cell.method}" if cell.uses_target_labels else str(cell.method)
    return f"{name} {cell.variant}" if cell.variant else name


def seeds_of(cell: Any) -> str:
    """Return how many seeds a cell has, or that one says all of them."""
    exact = cell.n_seeds < FEWEST_SEEDS and not getattr(cell, "draws", True)
    return "exact, nothing is drawn" if exact else f"{cell.n_seeds} seed{'s' * (cell.n_seeds != 1)}"


MOST_SOURCES = 4
"""Named one by one in a pair's title."""


def pair_title(pair: str) -> str:
    """Return a pair as pages print it: of many sources the first and the last, `w1+…+w13-w14`."""
    sources, dash, rest = pair.partition("-")
    names = sources.split("+")
    return pair if len(names) <= MOST_SOURCES else f"{names[0]}+…+{names[-1]}{dash}{rest}"


def natural(text: str) -> str:
    """Return a key by which texts sort as people count: dim=4 before dim=20."""
    return re.sub(r"\d+(\.\d+)?(e[-+]?\d+)?", lambda number: f"{float(number[0]):024.12f}", str(text))


def block_title(block: tuple[str, str, str, str, str], setting: str = "closed_set") -> str:
    """Return the title of a table: what its cells have in common, and the setting where it is not the usual one."""
    dataset, protocol, backbone, classifier, metric = block
    title = f"{dataset} · protocol {protocol} · backbone {backbone} · classifier {classifier}"
    title = title if metric == ACCURACY.name else f"{title} · {metric_title(metric)}"
    return title if setting == "closed_set" else f"{title} · setting {setting_title(setting)}"


def setting_title(setting: str) -> str:
    """Return a setting as pages print it; a user's own by its name."""
    return SETTINGS[setting].title if setting in SETTINGS else setting


def class_name(number: int, names: Sequence[str]) -> str:
    """Return the name of a class; its number where it has none."""
    return names[number] if number < len(names) else str(number)


def class_names(dataset: Mapping[str, Any]) -> list[str]:
    """Return the names of the classes, where the data set's config lists them."""
    listed = dataset.get("classes")
    return [str(name) for name in listed] if isinstance(listed, list) else []


def rule_name(selection: str) -> str:
    """Return a selection as pages print it."""
    return "ORACLE (best on the target test labels)" if selection == "oracle" else selection
