"""What methods, blocks and rules are called, the same in every format."""

from __future__ import annotations

from typing import Any

from tlbench.metrics import ACCURACY, metric_named


def metric_title(name: str) -> str:
    """A metric as pages print it."""
    return metric_named(name).title


def method_name(cell: Any) -> str:
    """The method as tables print it: ORACLE where target labels were used, the variant in brackets."""
    name = f"ORACLE {cell.method}" if cell.uses_target_labels else str(cell.method)
    return f"{name} [{cell.variant}]" if cell.variant else name


def block_title(block: tuple[str, str, str, str, str]) -> str:
    dataset, protocol, backbone, classifier, metric = block
    title = f"{dataset} · protocol {protocol} · backbone {backbone} · classifier {classifier}"
    return title if metric == ACCURACY.name else f"{title} · {metric_title(metric)}"


def rule_name(selection: str) -> str:
    """A selection as pages print it."""
    return "ORACLE (best on the target test labels)" if selection == "oracle" else selection
