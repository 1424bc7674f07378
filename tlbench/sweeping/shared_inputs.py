"""What all runs of a sweep share, made or fetched once before its workers start."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tlbench.sweeping.plan import Job


def prepare_images(jobs: Sequence[Job]) -> None:
    """Make the image caches that the jobs need, with all cores and a bar, before workers would each wait for them."""
    of_images = [job.setup for job in jobs if job.setup.augment is not None]
    if not of_images:
        return
    from tlbench.data.images.image_files import ImageFiles  # torch, as below, which runs on arrays do without
    from tlbench.data.images.rows import in_cache

    seen = set()
    for setup in of_images:
        dataset, augment = setup.dataset, setup.augment
        for domain in setup.pair.domains:
            images = dataset.load(domain).inputs
            if augment is None or not isinstance(images, ImageFiles):
                continue
            if (mark := (dataset.name, domain, images.content, augment.storage.name)) not in seen:
                in_cache(images, augment, f"{dataset.name} {domain}")
                seen.add(mark)


def prepare_weights(jobs: Sequence[Job]) -> None:
    """Load the pretrained weights that the jobs need once: downloads are done before the workers start, and weights that
    cannot be had are told at once, not by every run after its own retries. Raises TlbenchError."""
    seen = set()
    for setup in (job.setup for job in jobs):
        backbone = setup.config.backbone
        loaded = backbone.get("pretrained") or backbone.get("weights")
        if loaded and (mark := json.dumps(backbone)) not in seen:
            from tlbench.running.backbone import built_backbone

            built_backbone(setup, setup.config.seed, setup.input_shape)
            seen.add(mark)
