"""MIC: of target images with blocks taken out, a network learns what its teacher says of the whole images; over SDAT.

Paper    Hoyer et al., MIC: Masked Image Consistency for Context-Enhanced Domain Adaptation, CVPR 2023, arXiv:2212.01322, sect. 3
Loss     SDAT's with MCC + masked * 1/B sum_i q_i CE(logits of the masked image i, y_i); y_i the class of which the teacher is
         surest of the whole image, q_i its probability, no gradient; the teacher is an average of the weights before the step
Uses     source labels; target inputs only
Departs  1. masked images have no other change than their training view (authors: colour jitter and blur, on or off all run long)
         2. batch norms keep their running statistics in the first pass, as in sdat
         3. those of cdan and mcc
Variants paper: q counts wherever the loss is taken; authors: in the climb alone, so that the gradient of the step is without it
Note     a side has round(side / block) blocks of one size, as in the authors' code: 4 of 56 pixels where 64 is asked for of 224;
         0, which stands where a block is taken out, is the colour that the recipe subtracts; weighted=false leaves q out
See      conf/method/mic.yaml, docs/methods/mic.md, tests/baselines/test_mic.py
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from tlbench.method.average import Average, early_decay
from tlbench.method.checks import at_least, between, one_of
from tlbench.method.phases import still_statistics, without_chance
from tlbench.method.smooth_adversary import SmoothAdversaryMethod
from tlbench.method.views import TargetBatch

Labelled = list[tuple[Tensor, Tensor]]
Target = TargetBatch[Tensor]
VARIANTS = ("paper", "authors")


class Mic(SmoothAdversaryMethod):
    family = "self-training"
    needs_images = True

    def __init__(
        self,
        *,
        masked: float,
        block: int,
        ratio: float,
        decay: float,
        weighted: bool,
        variant: str = "paper",
        **base: Any,
    ) -> None:
        super().__init__(**base)
        one_of(VARIANTS, variant=variant)
        at_least(0, masked=masked)
        at_least(1, block=block)
        between(0, 1, ratio=ratio, decay=decay)
        self.masked, self.block, self.ratio, self.decay = masked, block, ratio, decay
        self.weighted, self.variant = weighted, variant
        self.teacher = Average(self.network)
        self._climbs = False
        self._lesson: tuple[Tensor, ...] = ()

    @classmethod
    def image_refusal(cls, parameters: Mapping[str, Any], height: int, width: int) -> str | None:
        block, side = parameters["block"], min(height, width)
        if block <= side:
            return None
        return (
            f"takes blocks of method.block={block} pixels out of images, which here have {height} x {width}. Set method.block to "
            f"{side} or less; the authors' is two sevenths of the side."
        )

    def losses(self, labelled: Labelled, target: Target | None) -> dict[str, Tensor]:
        terms = super().losses(labelled, target)
        if self.masked and target is not None:
            terms["masked"] = self.masked * self._masked_loss(target.train)
        return terms

    def climbed(self, labelled: Labelled, target: Target | None) -> dict[str, Tensor]:
        self._climbs = True
        try:
            return super().climbed(labelled, target)
        finally:
            self._climbs = False

    def after_step(self) -> None:
        self.teacher.follow(self.network, early_decay(self.decay, round(self.progress * self.steps) + 1))
        self._lesson = ()

    @property
    def batches_per_step(self) -> int:
        return super().batches_per_step + (self.passes + 1 if self.masked else 0)  # the teacher looks once

    def _masked_loss(self, x: Tensor) -> Tensor:
        if not self._lesson or self._lesson[0] is not x:  # climb and update of a step have one mask and one teacher
            self._lesson = x, x * block_mask(x, self.block, self.ratio), *self._taught(x)
        _, masked, sure, guess = self._lesson
        losses = F.cross_entropy(self.seen(masked)[1], guess, reduction="none")
        counts = self.weighted and (self._climbs or self.variant == "paper")
        self.told["sure"] = sure.mean()
        return (sure * losses).mean() if counts else losses.mean()

    @torch.no_grad()
    def _taught(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the largest probability and its class, as the teacher has them."""
        with still_statistics(self.teacher), without_chance(self.teacher):
            surest, guess = self.seen(x, self.teacher.module)[1].softmax(dim=1).max(dim=1)
        return surest, guess


def block_mask(x_BCHW: Tensor, block: int, ratio: float) -> Tensor:
    """Draw (B, 1, H, W) of zeros and ones, constant on a grid of round(side / block) blocks a side, one at least (section 3).

    Args:
        x_BCHW: images, for the size, kind and device of the result.
        block: side of a block in pixels; where it does not divide a side, blocks differ by a pixel.
        ratio: probability of a zero. Drawn on the processor from torch's own stream, which a run's state has.
    """
    n, _, *sides = x_BCHW.shape
    rows, columns = (torch.arange(side) * round(side / block) // side for side in sides)
    kept = torch.rand(n, 1, int(rows[-1]) + 1, int(columns[-1]) + 1) >= ratio
    return kept[:, :, rows][:, :, :, columns].to(x_BCHW)
