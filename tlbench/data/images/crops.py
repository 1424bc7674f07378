"""Crop, resize and flip of a batch: image by image on a processor, as two matrix products on a GPU."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from tlbench.data.images.threads import shared_pool


def crops_on_cpu(
    images: Sequence[Tensor],
    boxes_B4: np.ndarray,
    flips_B: np.ndarray,
    size: int,
    normalise: tuple[Tensor, Tensor] | None = None,
) -> Tensor:
    """Crop images (1, 3, H, W) uint8 to (B, size, size, 3), antialiased bilinear, with torch's number of threads.

    The crops are views until they are resized, so that a memory-mapped image is read where it is cropped only.

    Args:
        normalise: (scale, shift) of the channels, repeated over one row of pixels: the result is then
            float32 crop * scale + shift. Without it the crops are uint8.
    """
    numbers = boxes_B4.tolist()
    with torch.inference_mode(False):  # a thread of the pool is in no such mode and may write to plain tensors only
        out_BHWC = torch.empty(len(images), size, size, 3, dtype=torch.uint8 if normalise is None else torch.float32)

    @torch.inference_mode(False)
    @torch.no_grad()
    def work(rows: range) -> None:
        for i in rows:
            top, left, height, width = numbers[i]
            crop = images[i][:, :, top : top + height, left : left + width]
            if (height, width) != (size, size):
                crop = F.interpolate(crop, size=(size, size), mode="bilinear", antialias=True)
            pixels_HWC = crop[0].permute(1, 2, 0)
            out = out_BHWC[i].copy_(pixels_HWC.flip(1) if flips_B[i] else pixels_HWC)
            if normalise is not None:
                out.view(size, 3 * size).mul_(normalise[0]).add_(normalise[1])

    threads = min(torch.get_num_threads(), max(1, len(images) // 8))
    if threads == 1:
        work(range(len(images)))
    else:
        list(shared_pool(threads).map(work, [range(start, len(images), threads) for start in range(threads)]))
    return out_BHWC


def crops_by_matrices(pixels_BHWC: Tensor, boxes_B4: Tensor, flips_B: Tensor, size: int) -> Tensor:
    """Make the same crops, float32 (B, 3, size, size) in [0, 255], on the device of the pixels, boxes and flips.

    Resizing is linear and separable: rows @ image @ columns, with a triangle filter of each image's own width.
    """
    height, width = pixels_BHWC.shape[1:3]
    boxes, flips = boxes_B4.float(), flips_B
    rows_BSH = filters(boxes[:, 0], boxes[:, 2], size, height)
    columns_BSW = filters(boxes[:, 1], boxes[:, 3], size, width)
    columns_BSW = torch.where(flips[:, None, None], columns_BSW.flip(1), columns_BSW)
    image_BCHW = pixels_BHWC.permute(0, 3, 1, 2).float()
    return rows_BSH[:, None] @ image_BCHW @ columns_BSW[:, None].transpose(2, 3)


def filters(start_B: Tensor, length_B: Tensor, size: int, side: int) -> Tensor:
    """Return the weights (B, size, side) of the antialiased bilinear resize of pixels start..start+length-1 to `size` pixels."""
    scale_B1 = (length_B / size)[:, None]
    centre_BS = (torch.arange(size, device=start_B.device) + 0.5) * scale_B1
    at_S = torch.arange(side, device=start_B.device) + 0.5
    offset_B1S = at_S[None, None] - start_B[:, None, None]
    distance = (offset_B1S - centre_BS[..., None]).abs() / scale_B1[..., None].clamp(min=1.0)
    inside = (offset_B1S > 0) & (offset_B1S < length_B[:, None, None])
    weight = (1 - distance).clamp(min=0.0) * inside
    return weight / weight.sum(dim=2, keepdim=True)
