"""Every method that a network can be trained by, on a GPU: does it run, how fast, in how much memory, and as on the processor?

    python benchmarks/gpu_smoke.py --out results/performance

1. ResNet-50 on made images of 224, 32 + 32 a step, in 32 bits and in bf16: images a second and the most memory held.
2. A small CNN on mini_digits, 32 bits, 20 steps: the largest difference of any term from the processor's, over its size.
About seven minutes on one card. `--accelerator cpu` with few steps tries the script itself.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from datetime import date
from pathlib import Path

import pandas as pd
import torch
from gpu_images import rate
from gradient_methods import gradient_methods
from images import make_files

from tlbench.config.schema import RunConfig
from tlbench.environment import versions
from tlbench.running.prepare import prepare
from tlbench.running.setup import Setup
from tlbench.sweeping.driver import sweeper
from tlbench.training.gradient_fit import fit_gradient

TOLERANCE = 1e-3
"""Of a term over 20 steps: kernels of a GPU add up in another order, and each step starts from what the last one left."""
PRECISIONS = ("32-true", "bf16-mixed")


def composed(words: list[str]) -> RunConfig:
    with sweeper(["hydra.sweeper.quiet=true"], None) as machine:
        return next(job.config for job in machine.plan(words) if job.asked)


def speed(method: list[str], precision: str, given: argparse.Namespace, folder: str) -> tuple[float, float]:
    """Images a second, and GiB of GPU memory at most (0 without a GPU)."""
    on_gpu = torch.cuda.is_available() and given.accelerator == "gpu"
    if on_gpu:
        torch.cuda.reset_peak_memory_stats()
    words = [*method, "dataset=image_folder", f"dataset.root={folder}/files", "pair=left-right", *given.network,
             "backbone.pretrained=false", "augment=office", "classifier=head", "optim=office", f"trainer={given.accelerator}",
             f"trainer.precision={precision}", "trainer.channels_last=true", f"optim.steps={given.steps}", "optim.evaluations=1",
             f"optim.batch_size={given.batch}", "protocol=transductive", "validators=0", "logger=none"]  # fmt: skip
    config = composed(words)
    images = rate(config, warm=min(10, given.steps // 2))
    return images, torch.cuda.max_memory_allocated() / 2**30 if on_gpu else 0.0


def terms(method: list[str], accelerator: str) -> list[dict[str, float]]:
    """Every term of 20 steps."""
    words = [
        "pair=H-R",
        "optim.steps=20",
        "optim.evaluations=1",
        "validators=0",
        "logger=none",
        f"trainer={accelerator}",
    ]
    config = composed([*method, *words])
    run, _ = prepare(Setup.of(config))
    return fit_gradient(run.learner, run.task, run.test, config.optim, config.trainer, seed=0, validators=0)[1]  # type: ignore[arg-type]


def apart(one: list[dict[str, float]], other: list[dict[str, float]]) -> float:
    """Largest difference of a term at a step, over the largest size that the term has in the run."""
    a, b = pd.DataFrame(one), pd.DataFrame(other)
    return float(((a - b).abs().max() / a.abs().max().clip(lower=1e-6)).max())


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--accelerator", default="gpu", choices=("gpu", "cpu"))
    options.add_argument("--network", nargs="+", default=["backbone=resnet50"], help="overrides that choose it")
    options.add_argument("--steps", type=int, default=50)
    options.add_argument("--batch", type=int, default=32)
    options.add_argument("--methods", nargs="+")
    options.add_argument("--out", type=Path)
    given = options.parse_args()
    device = torch.cuda.get_device_name() if given.accelerator == "gpu" else "the processor"
    known, rows = versions(), []
    print(
        f"{device}, torch {known['torch']}, Lightning {known['pytorch-lightning']}, timm {known['timm']}, {date.today()}"
    )
    with tempfile.TemporaryDirectory() as folder:
        os.environ["TLBENCH_CACHE"] = f"{folder}/cache"
        make_files(Path(folder) / "files", max(40, 4 * given.batch))
        for name, needs in gradient_methods().items():
            if given.methods and name not in given.methods:
                continue
            method = [f"method={name}", *needs]
            row: dict[str, object] = {"device": device, "method": name}
            for precision in PRECISIONS:
                short = precision.split("-")[0]
                row[f"images_s_{short}"], row[f"GiB_{short}"] = speed(method, precision, given, folder)
            differs = apart(terms(method, "cpu"), terms(method, given.accelerator))
            row |= {"apart": differs, "as_on_cpu": differs <= TOLERANCE}
            rows.append(row)
            told = (
                f"{key} {value:.3g}" if isinstance(value, float) else f"{key} {value}" for key, value in row.items()
            )
            print(*told, sep=" | ", flush=True)
    if given.out is not None:
        given.out.mkdir(parents=True, exist_ok=True)
        pd.DataFrame(rows).to_csv(given.out / "gpu_smoke.csv", index=False, float_format="%.4g")


if __name__ == "__main__":
    main()
