"""Frozen backbones: built once a process, fitted where they are, their features in place of a task's inputs."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from cachetools import LRUCache
from torch import nn

from tlbench.backbones.fitted import FittedBackbone
from tlbench.backbones.how_trained import HOW
from tlbench.backbones.weights import weights_hash
from tlbench.caching import once
from tlbench.data.images.rows import ImageRows
from tlbench.data.inputs import Inputs, Rows
from tlbench.tasks import Task, map_inputs
from tlbench.training.feature_cache import kept_features
from tlbench.training.predict import frozen_features

MOST_KEPT = 8
"""Arrays of features that a process keeps: those of one pair, with its shots, its validation part and some bridges."""
_KEPT: LRUCache = LRUCache(MOST_KEPT)


@dataclass(frozen=True)
class Frozen:
    """A backbone that is not trained, and what identifies its features before a fit."""

    backbone: nn.Module
    digest: str

    @classmethod
    def of(cls, backbone: nn.Module, group: Mapping[str, Any]) -> Frozen:
        """Take a backbone with its config: the weights alone do not say what is computed with them, two models may share them and
        differ in an activation."""
        what = {k: v for k, v in group.items() if k not in (*HOW, "name", "pretrained", "weights")}
        still = backbone.requires_grad_(False).eval()
        return cls(still, f"{json.dumps(what, sort_keys=True)} {weights_hash(still)}")


def on_features(frozen: Frozen, task: Task, test: Inputs, device: torch.device, name: str) -> tuple[Task, np.ndarray]:
    """Return task and test with the features of a frozen backbone as their inputs; those of images are computed once and kept.

    A backbone that is fitted sees the training inputs of both domains, no bridges, and no labels.

    Args:
        name: how a progress bar calls the backbone.
    """
    backbone, digest = frozen.backbone, frozen.digest
    if isinstance(backbone, FittedBackbone):
        backbone.fit_inputs(task.source.inputs, task.target)
        digest = f"{digest} {weights_hash(backbone)}"

    def features(inputs: Inputs) -> np.ndarray:
        if isinstance(inputs, ImageRows):
            return kept_features(backbone, digest, inputs, device, name)
        return _of_arrays(backbone, digest, inputs, device)

    return map_inputs(task, test, features, (int(backbone.out_dim),))  # type: ignore[arg-type]


def _of_arrays(backbone: nn.Module, digest: str, inputs: Rows, device: torch.device) -> np.ndarray:
    """Compute features of arrays; the last ones are kept: the runs of a pair have the same inputs again and again."""
    return once(_KEPT, (digest, _content(inputs)), lambda: frozen_features(backbone, inputs, device))


def _content(inputs: Rows) -> str:
    parts = [inputs] if isinstance(inputs, np.ndarray) else [inputs.data, inputs.indices, inputs.indptr]
    whole = hashlib.sha256(f"{inputs.shape} {[part.dtype.str for part in parts]}".encode())
    for part in parts:
        whole.update(np.ascontiguousarray(part).data.cast("B"))
    return whole.hexdigest()
