"""What a backbone's config says of its training, read without torch."""

from __future__ import annotations

from typing import Any

HOW = ("mode", "last_k", "batch_norm", "checkpoint", "input_size")
"""Keys of a backbone config that its class does not take: how it is trained, from which weights, on images of what size."""


def is_frozen(group: dict[str, Any]) -> bool:
    """Tell whether a backbone has weights, and none of them is trained."""
    return group["mode"] == "frozen" and not is_given(group)


def is_given(group: dict[str, Any]) -> bool:
    """Tell whether the inputs themselves are the features."""
    return group["name"] == "identity"


def unloaded(backbone: dict[str, Any]) -> dict[str, Any]:
    """Return what a backbone config has in place of its weights, where only its shape matters."""
    return {key: value for key, value in (("pretrained", False), ("weights", None)) if key in backbone}
