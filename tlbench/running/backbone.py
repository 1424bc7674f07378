"""The backbone of a run; a frozen one is built once for all runs of a process."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cachetools import LRUCache
from torch import nn

from tlbench.backbones.cut import cut_before
from tlbench.backbones.found_weights import check_there, found_weights
from tlbench.backbones.how_trained import HOW, is_frozen
from tlbench.backbones.small import Identity
from tlbench.backbones.stages import fixed_parameters
from tlbench.caching import once
from tlbench.running.setup import Setup
from tlbench.seeds import torch_seed
from tlbench.training.device import device_of
from tlbench.training.frozen import Frozen, on_features

if TYPE_CHECKING:
    from tlbench.data.inputs import Inputs
    from tlbench.tasks import Task

MOST_OUTPUTS = 2 * 10**9
"""Bytes of outputs of fixed stages that a run may hold; where there would be more, the images pass through the whole network."""
_FROZEN: LRUCache = LRUCache(2)


def built_backbone(setup: Setup, seed: int, input_shape: tuple[int, ...]) -> nn.Module:
    """Build the backbone of a run with this seed."""
    torch_seed(seed, "backbone")
    found = found_weights(setup.config.backbone, setup.config.data_dir)
    check_there(setup.config.backbone, found, setup.config.data_dir)
    changed = {} if found is None else {"weights": str(found.path)}
    return setup.made("backbone", changed=changed, drop=HOW, input_shape=input_shape)


def frozen_backbone(setup: Setup, input_shape: tuple[int, ...]) -> Frozen:
    """Build a backbone that is not trained; loaded weights do not depend on the seed."""
    group = setup.config.backbone
    loaded = bool(group.get("pretrained") or group.get("weights"))
    seed = 0 if loaded else setup.config.seed
    found = found_weights(group, setup.config.data_dir)
    mark = json.dumps([group, seed, input_shape, None if found is None else found.described])
    return once(_FROZEN, mark, lambda: Frozen.of(built_backbone(setup, seed, input_shape), group))


@dataclass(frozen=True)
class Parts:
    """A run's backbone in two.

    Attributes:
        still: what is not trained and whose outputs take the place of the inputs; None where there is no such part.
        name: how a progress bar calls it.
        left: what is in the run's network; `Identity` where nothing is left to train.
        fixed: parameters of `left` that are not trained.
    """

    still: Frozen | None
    name: str
    left: nn.Module
    fixed: list[nn.Parameter]


def backbone_parts(setup: Setup, input_shape: tuple[int, ...], rows: int) -> Parts:
    """Build a run's backbone.

    A frozen backbone gives features, and nothing of it is left to train; of a network of which the last stages are trained, the
    stages before them give theirs. Under random augmentation all of it stays in the network: features change from step to step.

    Args:
        rows: examples that the run holds the outputs of; where these would take too much memory, all stays in the network.
    """
    group, gradient = setup.config.backbone, setup.shape == "gradient"
    if is_frozen(group) and not setup.changes_images:
        still = frozen_backbone(setup, input_shape)
        return Parts(still, group["name"], Identity(input_shape=(int(still.backbone.out_dim),)), [])  # type: ignore[arg-type]
    whole = built_backbone(setup, setup.config.seed, input_shape)
    fixed = fixed_parameters(whole, group) if gradient else []
    cut = None
    if fixed and group["mode"] == "last_k" and not setup.changes_images:
        cut = cut_before(whole, int(group["last_k"]), input_shape)
    if cut is None or 4 * rows * cut[0].out_dim > MOST_OUTPUTS:
        return Parts(None, "", whole, fixed)
    trunk, tail = cut
    still = Frozen.of(trunk, {**group, "before_last": group["last_k"]})
    return Parts(still, f"first stages of {group['name']}", tail, [])


def trained_part(setup: Setup, task: Task, test: Inputs) -> tuple[nn.Module, list[nn.Parameter], Task, Inputs]:
    """Build what of a run's backbone is trained; the outputs of what is not take the place of task and test, computed once.

    Returns:
        The part that is left, those of its parameters that are not trained, task and test inputs.
    """
    parts = backbone_parts(setup, task.input_shape, len(task.source) + task.target.shape[0] + test.shape[0])
    if parts.still is not None:
        task, test = on_features(parts.still, task, test, device_of(setup.config.trainer.accelerator), parts.name)
    return parts.left, parts.fixed, task, test
