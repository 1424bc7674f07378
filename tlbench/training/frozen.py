"""Frozen backbones: built once a process, fitted where they are, their features in place of a task's inputs."""

from __future__ import annotations

import hashlib
import json
from collections import OrderedDict
from functools import lru_cache

import numpy as np
import torch
from torch import nn

from tlbench.backbones.fitted import FittedBackbone
from tlbench.backbones.weights import weights_hash
from tlbench.config.build import build
from tlbench.config.schema import Group, RunConfig
from tlbench.data.domain import Inputs
from tlbench.data.images.rows import ImageRows
from tlbench.seeds import torch_seed
from tlbench.task import HeldOut, Task, map_inputs
from tlbench.training.device import device_of
from tlbench.training.features import kept_features
from tlbench.training.predict import frozen_features

HOW = ("mode", "last_k", "batch_norm")
"""Keys of a backbone config that say how it is trained, not what it is."""
MOST_KEPT = 5
"""Arrays of features that a process keeps: those of one pair, with its shots and its validation part."""
_KEPT: OrderedDict[tuple[str, str], np.ndarray] = OrderedDict()


def is_frozen(backbone: Group) -> bool:
    """Whether a backbone has weights, and none of them is trained."""
    return backbone["mode"] == "frozen" and backbone["name"] != "identity"


def built_backbone(group: Group, seed: int, input_shape: tuple[int, ...]) -> nn.Module:
    """The backbone of a run with this seed."""
    torch_seed(seed, "backbone")
    return build("backbone", group, drop=HOW, input_shape=input_shape)


@lru_cache(maxsize=2)
def frozen_backbone(group: str, seed: int, input_shape: tuple[int, ...]) -> tuple[nn.Module, str]:
    """A frozen backbone and what identifies its features before a fit, built once for all runs of a process."""
    values = json.loads(group)
    backbone = built_backbone(values, seed, input_shape).requires_grad_(False).eval()
    what = {k: v for k, v in values.items() if k not in (*HOW, "name", "pretrained", "weights")}
    # the weights alone do not say what is computed with them: two models may share them and differ in an activation
    return backbone, f"{json.dumps(what, sort_keys=True)} {weights_hash(backbone)}"


def on_features(config: RunConfig, task: Task, held_out: HeldOut) -> tuple[Task, HeldOut]:
    """The task with the features of a frozen backbone as its inputs; those of images are computed once and kept.

    A backbone that is fitted sees the training inputs of both domains, and no labels.
    """
    group = config.backbone
    loaded = bool(group.get("pretrained") or group.get("weights"))
    backbone, digest = frozen_backbone(json.dumps(group), 0 if loaded else config.seed, task.input_shape)
    if isinstance(backbone, FittedBackbone):
        backbone.fit_inputs(task.source.inputs, task.target)
        digest = f"{digest} {weights_hash(backbone)}"
    device, width = device_of(config.trainer.accelerator), int(backbone.out_dim)  # type: ignore[arg-type]

    def features(inputs: Inputs) -> np.ndarray:
        if isinstance(inputs, ImageRows):
            return kept_features(backbone, digest, inputs, device, config.backbone["name"])
        return _of_arrays(backbone, digest, inputs, device)

    return map_inputs(task, held_out, features, (width,))


def _of_arrays(backbone: nn.Module, digest: str, inputs: Inputs, device: torch.device) -> np.ndarray:
    """Features of arrays; the last ones are kept: the runs of a pair have the same inputs again and again."""
    key = digest, _content(inputs)
    if key not in _KEPT:
        while len(_KEPT) >= MOST_KEPT:  # before the new ones are made, so that both are never held
            _KEPT.popitem(last=False)
        _KEPT[key] = frozen_features(backbone, inputs, device)
    _KEPT.move_to_end(key)
    return _KEPT[key]


def _content(inputs: Inputs) -> str:
    parts = [inputs] if isinstance(inputs, np.ndarray) else [inputs.data, inputs.indices, inputs.indptr]
    whole = hashlib.sha256(f"{inputs.shape} {[part.dtype.str for part in parts]}".encode())
    for part in parts:
        whole.update(np.ascontiguousarray(part).data.cast("B"))
    return whole.hexdigest()
