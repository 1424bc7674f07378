"""Images per second of DANN with ResNet-50 on a GPU: from the image cache, against the same on data in GPU memory.

Batch 32 + 32, bf16, channels last, random resized crops of 224. Both sides are the same Lightning run; the reference is
given batches that lie ready in GPU memory, cropped and normalised. They alternate; the first turn of each is not counted.
`--out results/performance` adds a line to the table there.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import torch
from images import make_files

from tlbench.data.inputs import finished
from tlbench.environment import versions
from tlbench.running.prepare import prepare
from tlbench.running.setup import Setup
from tlbench.sweeping.driver import sweeper
from tlbench.training import gradient_fit as fit
from tlbench.training import run_batches, trainer
from tlbench.training.batches import PairedBatches

BATCH, AIM = 32, 0.95


class Resident(PairedBatches):
    """The first batches of the run, finished on the GPU, over and over."""

    KEPT = 8

    def __iter__(self) -> Iterator:
        whole, self.steps = self.steps, self.KEPT
        ready = []
        for labelled, target in super().__iter__():
            parts = [(finished(x.to("cuda")), y.cuda()) for x, y in labelled]
            if target is not None:
                target = target.each(lambda x: finished(x.to("cuda")), lambda rows: rows.cuda())
            ready.append((parts, target))
        self.steps = whole
        for step in range(whole):
            yield ready[step % self.KEPT]


def rate(config, batches: type[PairedBatches] = PairedBatches, warm: int = 20) -> float:
    """Images per second, `batch_size` of each domain a step, from step `warm` to the last."""
    run, _ = prepare(Setup.of(config))
    marks: list[float] = []

    class Marks(fit.pl.Callback):
        def on_train_batch_start(self, _trainer, pl_module, batch, batch_idx):
            if batch_idx in (warm, config.optim.steps - 1):
                if torch.cuda.is_available():
                    torch.cuda.synchronize()
                marks.append(time.perf_counter())

    make, own, ahead = fit.make_trainer, run_batches.PairedBatches, trainer.Ahead
    fit.make_trainer = lambda *a, **k: make(*a, **{**k, "callbacks": [*k["callbacks"], Marks()]})
    run_batches.PairedBatches = batches
    if batches is Resident:
        trainer.Ahead = lambda loader, pinned: loader
    try:
        fit.fit_gradient(run.learner, run.task, run.test, config.optim, config.trainer, seed=config.seed, validators=0)
    finally:
        fit.make_trainer, run_batches.PairedBatches, trainer.Ahead = make, own, ahead
    return 2 * config.optim.batch_size * (config.optim.steps - 1 - warm) / (marks[1] - marks[0])


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--images", type=int, default=4000)
    options.add_argument("--steps", type=int, default=300)
    options.add_argument("--out", type=Path)
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["TLBENCH_CACHE"] = f"{folder}/cache"
        make_files(Path(folder) / "files", given.images)
        chosen = ["dataset=image_folder", f"dataset.root={folder}/files", "pair=left-right", "method=dann", "augment=office",
                  "backbone=resnet50", "backbone.pretrained=false", "classifier=head", "optim=office", "trainer=gpu",
                  "protocol=transductive", f"optim.batch_size={BATCH}", f"optim.steps={given.steps}", "optim.evaluations=1",
                  "trainer.precision=bf16-mixed", "trainer.channels_last=true", "logger=none"]  # fmt: skip
        with sweeper(["hydra.sweeper.quiet=true"], None) as machine:
            config = machine.composer.run_config(chosen)
        rates: dict[str, list[float]] = {"cache": [], "memory": []}
        for _ in range(4):
            rates["memory"].append(rate(config, Resident))
            rates["cache"].append(rate(config, PairedBatches))
    cache, memory = (statistics.median(rates[side][1:]) for side in ("cache", "memory"))
    gpu, known = torch.cuda.get_device_name(), versions()
    line = (f"| {gpu} | {cache:.0f} | {memory:.0f} | {cache / memory:.3f} | torch {known['torch']}, "
            f"Lightning {known['pytorch-lightning']}, timm {known['timm']} | {date.today()} |")  # fmt: skip
    print(line, f"(aim: {AIM} or more)")
    if given.out is not None:
        given.out.mkdir(parents=True, exist_ok=True)
        table = given.out / "gpu_images.md"
        if not table.exists():
            heading = (
                "DANN, ResNet-50, batch 32 + 32, bf16, 224 pixels; images per second (`benchmarks/gpu_images.py`).\n\n"
            )
            columns = (
                "| GPU | from the cache | from GPU memory | ratio | versions | date |\n|---|---|---|---|---|---|\n"
            )
            table.write_text(heading + columns)
        with table.open("a") as file:
            file.write(line + "\n")


if __name__ == "__main__":
    main()
