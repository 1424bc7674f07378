"""MIC's own code: github.com/lhoyer/MIC."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from batch import Batch
from cases import Case
from of_tllib import averaged
from peers import commit, forget, hollow, module
from torch import Tensor
from torch.nn import functional as F

from baselines.mic import Mic, block_mask
from tlbench.method.average import Average, early_decay

SIDES = ((224, 64), (28, 7), (30, 8), (50, 9))
"""Sides and blocks, of which some do not divide."""
RATIO, DECAY, MASK = 0.7, 0.6, 11


def peer(folder: Path) -> tuple[str, str, list[Case]]:
    folder = folder / "cls"
    hollow("kornia")
    hollow("einops", repeat=None)
    forget("dalib", "common")
    masking, teacher = (module(folder, f"dalib.modules.{part}") for part in ("masking", "teacher"))
    return "MIC", commit(folder), [
        *[Case("mic", f"masked images, side {side}, block {block}, one draw",
               lambda b, side=side, block=block: masked(images(b, side), block),
               lambda b, side=side, block=block: their_masked(masking, images(b, side), block))
          for side, block in SIDES],
        Case("mic", "the teacher's weights after three steps", mean_so_far, lambda b: their_mean(teacher, b)),
        Case("mic", "masked term, variant=paper, one draw", masked_term, lambda b: their_masked_term(masking, teacher, b),
             "as in the climb of its script; in the update it has no weights there, which is variant=authors"),
    ]  # fmt: skip


def images(b: Batch, side: int) -> Tensor:
    return torch.randn(3, 2, side, side, generator=b.draws)


def masked(x: Tensor, block: int) -> Tensor:
    return x * block_mask(x, block, RATIO)


def their_masked(masking: Any, x: Tensor, block: int) -> Tensor:
    return masking.Masking(block, RATIO, 0.0, 0.0, False, None, None)(x)


def mean_so_far(b: Batch) -> Tensor:
    """In steps 1, 2 and 3 the decay grows."""
    done = iter((1, 2, 3))
    return averaged(b, Average, lambda teacher, network: teacher.follow(network, early_decay(DECAY, next(done))))


def their_mean(teacher: Any, b: Batch) -> Tensor:
    done = iter((1, 2, 3))

    def start(network: torch.nn.Module) -> Any:
        made = teacher.EMATeacher(network, DECAY, "prob")
        made.update_weights(network, 0)
        made.teacher = made.ema_model
        return made

    return averaged(b, start, lambda made, network: made.update_weights(network, next(done)))


def masked_term(b: Batch) -> Tensor:
    """Of images of 1 x 2 x 3 pixels, with the network as it is for its teacher."""
    method = Mic(network=b.network(bottleneck=5), masked=1.0, block=1, ratio=RATIO, decay=DECAY, weighted=True, weight=1.0,
                 gamma=10.0, hidden=5, entropy=False, randomised=None, rho=0.0, confusion=0.0)  # fmt: skip
    torch.manual_seed(MASK)  # the method's own parts were drawn before
    return method._masked_loss(pixels(b))


def pixels(b: Batch) -> Tensor:
    return b.xt.detach().reshape(-1, 1, 2, 3)


def their_masked_term(masking: Any, teacher: Any, b: Batch) -> Tensor:
    network = Swapped(b.network(bottleneck=5))
    guess, sure = teacher.EMATeacher(network, DECAY, "prob")(pixels(b))
    torch.manual_seed(MASK)
    logits, _ = network(masking.Masking(1, RATIO, 0.0, 0.0, False, None, None)(pixels(b)))
    return torch.mean(sure * F.cross_entropy(logits, guess, reduction="none"))


class Swapped(torch.nn.Module):
    """A network that gives its logits first, as MIC's."""

    def __init__(self, network: torch.nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        features, logits = self.network(x)
        return logits, features
