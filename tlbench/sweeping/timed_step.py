"""One training step of a network, timed for a forecast."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import torch
from torch import nn

from tlbench.backbones.cut import cut_before
from tlbench.backbones.how_trained import HOW, unloaded
from tlbench.backbones.stages import fixed_parameters
from tlbench.method.reference import Reference
from tlbench.training.device import device_of

if TYPE_CHECKING:
    from tlbench.running.setup import Setup


def timed_step(setup: Setup) -> float | None:
    """Time one training step of a network on images, forward and backward on one core; None on a GPU.

    The second of two steps, on random pixels and random weights: the first one allocates.
    """
    group = setup.config.backbone
    if device_of(setup.config.trainer.accelerator).type != "cpu":
        return None
    shape = setup.input_shape
    whole: nn.Module = setup.made("backbone", changed=unloaded(group), drop=HOW, input_shape=shape)
    fixed = fixed_parameters(whole, group)
    cut = cut_before(whole, int(group["last_k"]), shape) if fixed and not setup.changes_images else None
    for parameter in fixed:
        parameter.requires_grad_(False)
    network, shape = (whole, shape) if cut is None else (cut[1], (cut[0].out_dim,))
    if not any(p.requires_grad for p in network.parameters()):
        return None
    x = torch.rand(setup.config.optim.batch_size * (1 if issubclass(setup.method, Reference) else 2), *shape)
    threads, seconds = torch.get_num_threads(), 0.0
    torch.set_num_threads(1)
    try:
        for _ in range(2):
            start = time.perf_counter()
            network(x).square().mean().backward()
            seconds = time.perf_counter() - start
    finally:
        torch.set_num_threads(threads)
    return seconds
