"""What is done to images between the cache and the network: an `augment` config."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
from pydantic import ConfigDict, Field, model_validator
from pydantic.dataclasses import dataclass as checked

from tlbench.data.images import draws
from tlbench.data.images.draws import BILINEAR, Draws
from tlbench.data.images.randaugment import BINS, OPERATIONS, rand_augmented

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from tlbench.data.images.cache import Storage

Share = Annotated[float, Field(ge=0.0, le=1.0)]
Side = Annotated[int, Field(ge=4)]
Positive = Annotated[float, Field(gt=0.0)]
Three = Annotated[list[float], Field(min_length=3, max_length=3)]
STRONG, STRONG_MAGNITUDE = 2, 10
"""Of the strong view: TLlib's for FixMatch (RandAugment n2 m10)."""


@checked(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class Augment:
    """How images are kept, cropped, changed in training and normalised.

    Args:
        resize: before an image is kept: `squash` to side x side, `short_side` to side with the aspect ratio kept, `none`.
        side: in pixels; without effect where `resize` is `none`.
        interpolation: of that resize, `bilinear` (where a config has no such key) or `bicubic`; crops are bilinear.
        size: what the network sees, size x size.
        crop: in training: `random_resized`, `random`, `centre`, or `whole` (the image squashed to size x size).
        test_crop: `centre` or `whole`.
        scale, ratio: area share and aspect ratio of the random resized crop.
        flip: probability of a mirror image.
        jitter: brightness, contrast, saturation, hue, as in torchvision's ColorJitter; the order is drawn per batch.
        grey: probability of a grey image.
        randaugment: number of operations, 0 = none; `magnitude` of 0 to 30.
        mean, sd: per channel, of pixels in [0, 1].
        quality: of JPEG records, which take the place of raw pixels where a domain exceeds `raw_limit_gb` (10^9 bytes).
    """

    resize: Literal["squash", "short_side", "none"]
    side: Side
    size: Side
    crop: Literal["random_resized", "random", "centre", "whole"]
    test_crop: Literal["centre", "whole"]
    scale: Annotated[list[Positive], Field(min_length=2, max_length=2)]
    ratio: Annotated[list[Positive], Field(min_length=2, max_length=2)]
    flip: Share
    jitter: Annotated[list[Annotated[float, Field(ge=0.0)]], Field(min_length=4, max_length=4)]
    grey: Share
    randaugment: Annotated[int, Field(ge=0)]
    magnitude: Annotated[int, Field(ge=0, lt=BINS)]
    mean: Three
    sd: Three
    quality: Annotated[int, Field(ge=1, le=100)]
    raw_limit_gb: Annotated[float, Field(ge=0.0)]
    interpolation: Literal["bilinear", "bicubic"] = BILINEAR

    @model_validator(mode="after")
    def _fits_together(self) -> Augment:
        if self.resize != "none" and self.size > self.side and not {self.crop, self.test_crop} <= {"whole"}:
            raise ValueError(f"size={self.size} is more than side={self.side}, out of which it is cropped")
        if self.scale[0] > self.scale[1] or self.scale[1] > 1 or self.ratio[0] > self.ratio[1]:
            raise ValueError("scale and ratio are written low, high, and scale ends at 1 or below")
        if self.resize == "none" and ("centre" in (self.crop, self.test_crop) or self.crop == "random"):
            raise ValueError(
                "resize=none keeps images of any size: use crop=random_resized or whole, and test_crop=whole"
            )
        if self.jitter[3] > 0.5:
            raise ValueError("the jitter of the hue is in turns, 0 to 0.5")
        if min(self.sd) <= 0:
            raise ValueError("sd must be above 0")
        return self

    @property
    def input_shape(self) -> tuple[int, int, int]:
        return (3, self.size, self.size)

    @property
    def storage(self) -> Storage:
        from tlbench.data.images.cache import Storage  # torch, as in what follows: `no_augment` is to do without

        name = "none" if self.resize == "none" else f"{self.resize} {self.side}"
        if self.resize != "none" and self.interpolation != BILINEAR:
            name += f" {self.interpolation}"
        one_size = 3 * self.side**2 if self.resize == "squash" else 0
        return Storage(self._resize(), name, self.quality, self.raw_limit_gb, one_size)

    def _resize(self) -> Callable[[Tensor], Tensor]:
        if self.resize == "none":
            return lambda pixels: pixels
        from tlbench.data.images.decode import short_side, squash

        return (squash if self.resize == "squash" else short_side)(self.side, self.interpolation)

    @property
    def is_plain(self) -> bool:
        """Whether training sees each image as the test does, always the same."""
        return not self.changes_colour and not self.flip and self.crop == self.test_crop

    @property
    def stronger(self) -> Augment:
        """The same with RandAugment of STRONG operations at STRONG_MAGNITUDE, or what it has where that is more."""
        magnitude = max(self.magnitude if self.randaugment else 0, STRONG_MAGNITUDE)
        return replace(self, randaugment=max(self.randaugment, STRONG), magnitude=magnitude)

    @property
    def test_view(self) -> str:
        """All that the plain view of an image depends on."""
        return (
            f"{self.storage.name} {self.quality} {self.raw_limit_gb} {self.test_crop} {self.size} {self.mean} {self.sd}"
        )

    def plain(self, sizes_B2: np.ndarray) -> Draws:
        """Return the crops of the test."""
        boxes = draws.whole_boxes(sizes_B2)
        if self.test_crop == "centre":
            boxes = draws.centre_boxes(sizes_B2, self.size)
        return Draws(boxes, np.zeros(len(boxes), dtype=bool))

    def drawn(self, sizes_B2: np.ndarray, rng: np.random.Generator) -> Draws:
        """Draw what training does to images of these heights and widths; everything is drawn, so no setting shifts another."""
        n = len(sizes_B2)
        boxes = {
            "random_resized": lambda: draws.random_resized_boxes(sizes_B2, self.scale, self.ratio, rng),
            "random": lambda: draws.random_boxes(sizes_B2, self.size, rng),
            "centre": lambda: draws.centre_boxes(sizes_B2, self.size),
            "whole": lambda: draws.whole_boxes(sizes_B2),
        }[self.crop]()
        flips = rng.random(n) < self.flip
        factors = rng.uniform(-1.0, 1.0, (n, 4)) * self.jitter
        factors[:, :3] = np.maximum(0.0, factors[:, :3] + 1.0)
        order = tuple(int(step) for step in rng.permutation(4))
        grey = rng.random(n) < self.grey
        ops = rng.integers(0, len(OPERATIONS), (n, self.randaugment))
        signs = rng.choice([-1, 1], (n, self.randaugment))
        return Draws(
            boxes,
            flips,
            factors if any(self.jitter) else None,
            order,
            grey if self.grey else None,
            ops if self.randaugment else None,
            signs if self.randaugment else None,
        )

    @property
    def changes_colour(self) -> bool:
        return bool(any(self.jitter) or self.grey or self.randaugment)

    def normalisation(self, top: float, device: torch.device) -> tuple[Tensor, Tensor]:
        """Return (scale, shift), (3,) each, of pixels in [0, top]: x * scale + shift is (x / top - mean) / sd."""
        return _on_device(tuple(self.mean), tuple(self.sd), top, device)

    def coloured(self, x_BCHW: Tensor, drawn: Draws, jitter_B4: Tensor | None, grey_B: Tensor | None) -> Tensor:
        """Change the colours of pixels in [0, 255], uint8 or float; float32 in [0, 1].

        Args:
            jitter_B4, grey_B: those of `drawn`, on the device of the pixels.
        """
        import torch

        from tlbench.data.images.colour import jittered, made_grey

        if drawn.ops is not None and drawn.signs is not None:
            whole = x_BCHW if x_BCHW.dtype == torch.uint8 else x_BCHW.round().clamp(0, 255).to(torch.uint8)
            x_BCHW = rand_augmented(whole, drawn.ops, drawn.signs, self.magnitude)
        x = x_BCHW.to(torch.float32, memory_format=torch.channels_last) / 255
        if jitter_B4 is not None:
            x = jittered(x, jitter_B4, drawn.order, [step for step, most in enumerate(self.jitter) if most])
        return x if grey_B is None else made_grey(x, grey_B)


@lru_cache(maxsize=32)
def _on_device(
    mean: tuple[float, ...], sd: tuple[float, ...], top: float, device: torch.device
) -> tuple[Tensor, Tensor]:
    """Keep it on the device: a copy each step would make the processor wait for it."""
    import torch

    with torch.inference_mode(False):
        scale = torch.tensor([1 / (top * s) for s in sd], device=device)
        return scale, torch.tensor([-m / s for m, s in zip(mean, sd, strict=True)], device=device)


def no_augment() -> None:
    """Return None, for data sets of arrays: their transforms are in their own configs."""
