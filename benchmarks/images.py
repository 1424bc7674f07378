"""Images per second of paired batches, against the usual folder loader; and of building the cache, against decoding.

Both sides read the same files and draw the same kind of crops: squashed to 256, random resized crop of 224, mirrored, normalised.
The baseline is torchvision's `ImageFolder` in one `DataLoader` a domain with the workers shared between the two; tlbench has
as many threads as the baseline has workers. Epochs alternate; the first of each side is not counted.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

SIDE, BATCH = 300, 32
DOMAINS = ("left", "right")
PASSES = ("pillow", "decode", "build")


def make_files(root: Path, n: int) -> None:
    """n JPEGs of 300 x 300, cut from two photographs, half of them in each domain, ten classes."""
    from PIL import Image
    from sklearn.datasets import load_sample_images

    photos = [Image.fromarray(photo) for photo in load_sample_images().images]
    rng = np.random.default_rng(0)
    for i in range(n):
        folder = root / DOMAINS[i % 2] / f"class_{i // 2 % 10}"
        folder.mkdir(parents=True, exist_ok=True)
        photo = photos[rng.integers(2)]
        left, top = int(rng.integers(photo.width - SIDE)), int(rng.integers(photo.height - SIDE))
        photo.crop((left, top, left + SIDE, top + SIDE)).save(folder / f"{i:05}.jpg", quality=90)


def baseline(root: Path, workers: int, epochs: int) -> list[float]:
    """Images per second of each epoch."""
    from torch.utils.data import DataLoader
    from torchvision import datasets, transforms

    pipeline = transforms.Compose(
        [
            transforms.Resize((256, 256)),
            transforms.RandomResizedCrop(224),
            transforms.RandomHorizontalFlip(),
            transforms.ToTensor(),
            transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
        ]
    )
    loaders = [
        DataLoader(
            datasets.ImageFolder(str(root / domain), pipeline),
            BATCH,
            shuffle=True,
            drop_last=True,
            num_workers=max(1, workers // 2),
            persistent_workers=True,
        )
        for domain in DOMAINS
    ]
    rates = []
    for _ in range(epochs):
        started, seen = time.perf_counter(), 0
        for (source, _), (target, _) in zip(*loaders, strict=True):
            seen += len(source) + len(target)
        rates.append(seen / (time.perf_counter() - started))
    return rates


def ours(root: Path, workers: int, epochs: int) -> list[float]:
    """Images per second of each epoch, from the cache to normalised batches."""
    import torch

    from tlbench.data.inputs import finished
    from tlbench.running.setup import Setup
    from tlbench.sweeping.driver import sweeper
    from tlbench.tasks import load_task
    from tlbench.training.batches import PairedBatches

    torch.set_num_threads(workers)
    chosen = ["dataset=image_folder", f"dataset.root={root}", "pair=left-right", "augment=office", "protocol=transductive",
              "backbone=resnet50", "classifier=head"]  # fmt: skip
    with sweeper(["hydra.sweeper.quiet=true"], None) as machine:
        config = machine.composer.run_config(chosen)
    setup = Setup.of(config)
    task, *_ = load_task(setup.dataset, setup.pair, setup.protocol, 0, setup.augment)
    rates = []
    for epoch in range(epochs):
        steps = len(task.source) // BATCH
        started, seen = time.perf_counter(), 0
        for labelled, target in PairedBatches([task.source], task.target, batch_size=BATCH, steps=steps, seed=epoch):
            seen += sum(len(finished(x)) for x in (labelled[0][0], *([] if target is None else [target.train])))
        rates.append(seen / (time.perf_counter() - started))
    return rates


def one_pass(root: Path, workers: int, what: str) -> float:
    """Images per second of one pass: `pillow` and `decode` read and decode, `build` makes a cache."""
    from PIL import Image

    from tlbench.data.images.cache import Storage, open_cache
    from tlbench.data.images.decode import decode, squash
    from tlbench.data.images.image_files import from_paths, in_folder

    names = [name for names in in_folder(root / DOMAINS[0]).values() for name in names]
    paths = [root / DOMAINS[0] / name for name in names]

    def by_pillow(path: Path) -> None:
        with Image.open(path) as image:
            np.asarray(image.convert("RGB"))

    def by_tlbench(path: Path) -> None:
        decode(path.read_bytes(), path.name)

    work = by_pillow if what == "pillow" else by_tlbench
    with tempfile.TemporaryDirectory() as cache, ThreadPoolExecutor(workers) as pool:
        os.environ["TLBENCH_CACHE"] = cache
        images = from_paths(root / DOMAINS[0], names)
        list(pool.map(work, paths[:100]))  # libraries are loaded, files are in memory
        started = time.perf_counter()
        if what == "build":
            open_cache(images, Storage(squash(256), "squash 256", 95, 8.0, 3 * 256**2), "left")
        else:
            list(pool.map(work, paths))
        return len(paths) / (time.perf_counter() - started)


def measured(side: str, root: Path, workers: int, epochs: int) -> Any:
    """One side in a process of its own, so that its peak of memory is its own."""
    arguments = [
        sys.executable,
        __file__,
        "--side",
        side,
        "--root",
        str(root),
        "--workers",
        str(workers),
        "--epochs",
        str(epochs),
    ]
    return json.loads(subprocess.run(arguments, check=True, capture_output=True, text=True).stdout)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--images", type=int, default=4000)
    options.add_argument("--workers", type=int, default=2)
    options.add_argument("--epochs", type=int, default=3)
    options.add_argument("--side", choices=("baseline", "ours", *PASSES), help=argparse.SUPPRESS)
    options.add_argument("--root", type=Path, help=argparse.SUPPRESS)
    given = options.parse_args()
    if given.side in PASSES:
        print(json.dumps(one_pass(given.root, given.workers, given.side)))
        return
    if given.side is not None:
        rates = {"baseline": baseline, "ours": ours}[given.side](given.root, given.workers, given.epochs)
        peak = (
            resource.getrusage(resource.RUSAGE_SELF).ru_maxrss + resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
        )
        print(json.dumps({"rates": rates, "peak_mb": peak / 1024}))
        return
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "files"
        make_files(root, given.images)
        passes: dict[str, list[float]] = {name: [] for name in PASSES}
        for name in PASSES * 5:
            passes[name].append(measured(name, root, given.workers, 1))
        rates = {name: statistics.median(values) for name, values in passes.items()}
        print(f"{given.images} JPEGs of {SIDE} x {SIDE}, {given.workers} cores")
        print(f"cache build {rates['build']:.0f} images/s; decoding alone: Pillow {rates['pillow']:.0f} "
              f"({rates['build'] / rates['pillow']:.2f} of it; aim: 0.9), ours {rates['decode']:.0f} "
              f"({rates['build'] / rates['decode']:.2f} of it)")  # fmt: skip
        os.environ["TLBENCH_CACHE"] = str(Path(folder) / "cache")
        found: dict[str, list[dict]] = {"baseline": [], "ours": []}
        for _ in range(2):
            for side in found:
                found[side].append(measured(side, root, given.workers, given.epochs))
        rate = {side: statistics.median(r for run in runs for r in run["rates"][1:]) for side, runs in found.items()}
        peak = {side: max(run["peak_mb"] for run in runs) for side, runs in found.items()}
        ratio, more = rate["ours"] / rate["baseline"], peak["ours"] - peak["baseline"]
        print(
            f"from the second epoch on: {rate['ours']:.0f} images/s against {rate['baseline']:.0f}: {ratio:.1f} times (aim: 8)"
        )
        print(f"peak memory {peak['ours']:.0f} MiB against {peak['baseline']:.0f}: {more:+.0f} (aim: 1536 or less)")


if __name__ == "__main__":
    main()
