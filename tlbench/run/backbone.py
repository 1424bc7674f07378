"""The backbone of a run; a frozen one is built once for all runs of a process."""

from __future__ import annotations

import json

from cachetools import LRUCache
from torch import nn

from tlbench.backbones.found_weights import found_weights
from tlbench.backbones.stages import HOW
from tlbench.caching import once
from tlbench.run.setup import Setup
from tlbench.seeds import torch_seed
from tlbench.training.frozen import Frozen

_FROZEN: LRUCache = LRUCache(2)


def built_backbone(setup: Setup, seed: int, input_shape: tuple[int, ...]) -> nn.Module:
    """Build the backbone of a run with this seed."""
    torch_seed(seed, "backbone")
    found = found_weights(setup.config.backbone, setup.config.data_dir)
    changed = {} if found is None else {"weights": str(found.path)}
    return setup.made("backbone", changed=changed, drop=HOW, input_shape=input_shape)


def frozen_backbone(setup: Setup, input_shape: tuple[int, ...]) -> Frozen:
    """Build a backbone that is not trained; loaded weights do not depend on the seed."""
    group = setup.config.backbone
    loaded = bool(group.get("pretrained") or group.get("weights"))
    seed = 0 if loaded else setup.config.seed
    mark = json.dumps([group, seed, input_shape])
    return once(_FROZEN, mark, lambda: Frozen.of(built_backbone(setup, seed, input_shape), group))
