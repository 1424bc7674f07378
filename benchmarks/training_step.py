"""The harness's own share of a training step: Lightning and tlbench against a bare loop of the same model and batches.

Both sides train the same network from the same weights on the same batches, in turns within one process, and end with
equal weights (checked, so that nobody compares two different things). Run it with `make bench`.
"""

from __future__ import annotations

import argparse
import copy
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import torch
from gradient_methods import gradient_methods
from images import make_files

from tlbench.config.schema import RunConfig
from tlbench.data.inputs import Inputs, finished
from tlbench.method import GradientMethod
from tlbench.method.phases import Phase, climb, descend, gradients, still_statistics
from tlbench.running.prepare import prepare
from tlbench.running.setup import Setup
from tlbench.seeds import torch_seed
from tlbench.sweeping.driver import sweeper
from tlbench.tasks import Task
from tlbench.training.batches import PairedBatches
from tlbench.training.gradient_fit import fit_gradient
from tlbench.training.module import make_optimizer
from tlbench.training.schedules import LEARNING_RATE

AIM = 0.15
Climbed = Sequence[tuple[torch.nn.Parameter, torch.Tensor]]


def bare(method: GradientMethod, task: Task, config: RunConfig) -> None:
    """What one would write by hand for this model, loss, optimiser and these batches."""
    optim = config.optim
    batches = PairedBatches(
        method.labelled(task),
        task.target if method.needs_target else None,
        batch_size=optim.batch_size,
        steps=optim.steps,
        seed=config.seed,
        views=method.target_views,
        equal=optim.shares == "equal",
    )
    method.prepare(task)
    optimizer = make_optimizer(optim, [{"params": method.parameters(), "lr": optim.lr}])
    factor = LEARNING_RATE[optim.schedule]
    method.train()
    method.steps = optim.steps
    torch_seed(config.seed, "training")
    for step, (labelled, target) in enumerate(batches):
        method.progress = step / optim.steps
        for group in optimizer.param_groups:
            group["lr"] = optim.lr * factor(step / optim.steps)
        parts, seen = [(finished(x), y) for x, y in labelled], None if target is None else target.each(finished)
        *before, last = method.phases(parts, seen)
        for phase in before:
            moved(optimizer, method, phase)
        ascent, climbed = method.ascent(parts, seen), []
        if ascent is not None and ascent.rho:
            with still_statistics(method):
                climbed = climb(gradients(ascent.loss(), ascent.moves), ascent)
        moved(optimizer, method, last, climbed)
        method.after_step()


def moved(optimizer: torch.optim.Optimizer, method: GradientMethod, phase: Phase, climbed: Climbed = ()) -> None:
    """One update of what a phase trains."""
    optimizer.zero_grad()
    torch.stack(list(phase.terms().values())).sum().backward()
    descend(climbed)
    if phase.trains is not None:
        trained = {id(p) for p in phase.trains}
        for p in method.parameters():
            p.grad = p.grad if id(p) in trained else None
    optimizer.step()


def harness(method: GradientMethod, task: Task, test: Inputs, config: RunConfig) -> None:
    """The same through Lightning and tlbench, checkpoints left out: they are evaluation, not training."""
    fit_gradient(method, task, test, config.optim, config.trainer, seed=config.seed, validators=config.validators)


def seconds(work: Callable[[], None]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def compare(config: RunConfig, repeats: int) -> tuple[list[float], list[float]]:
    """Seconds of each repeat: bare, harness."""
    run, _ = prepare(Setup.of(config))
    learner, task, test = (
        run.learner,
        replace(run.task, source_val=None),
        run.test[:1],
    )  # evaluation is no part of a step
    assert isinstance(learner, GradientMethod)
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(repeats):
        one, two = copy.deepcopy(learner), copy.deepcopy(learner)
        times[0].append(seconds(lambda one=one: bare(one, task, config)))
        times[1].append(seconds(lambda two=two: harness(two, task, test, config)))
        for a, b in zip(one.parameters(), two.parameters(), strict=True):
            torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5)
    return times


OFFICE = ["augment=office"]
"""Random resized crops, on both sides."""
PLAIN = ["augment=plain", "backbone.mode=last_k", "backbone.last_k=3"]
"""No augmentation, the last three stages trained: what stands before them is computed once, before the first step."""
NETWORKS = (
    ("ResNet-50", "resnet50", 4, 6, OFFICE),
    ("EfficientNet-Lite0", "efficientnet_lite0", 32, 4, OFFICE),
    ("EfficientNet-Lite0, last 3 stages", "efficientnet_lite0", 32, 20, PLAIN),
)


def on_images(title: str, backbone: str, batch: int, steps: int, words: list[str], repeats: int) -> None:
    """DANN on images of 224 from the cache."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["TLBENCH_CACHE"] = f"{folder}/cache"
        make_files(Path(folder) / "files", 80)
        arguments = ["dataset=image_folder", f"dataset.root={folder}/files", "pair=left-right", f"backbone={backbone}",
                     "backbone.pretrained=false", "method=dann", "classifier=head", "optim=sgd", *words,
                     "protocol=transductive", f"optim.batch_size={batch}", f"optim.steps={steps}", "optim.evaluations=1",
                     "optim.lr=0.001", "validators=0", "logger=none", "trainer=cpu", "trainer.threads=0"]  # fmt: skip
        with sweeper(["hydra.sweeper.quiet=true"], None) as machine:
            config = machine.composer.run_config(arguments)
        bare_s, harness_s = compare(config, repeats)
    a, b = (1000 * statistics.median(times) / steps for times in (bare_s, harness_s))
    rates = [1000 * 2 * batch / each for each in (a, b)]
    print(
        f"DANN, {title} at 224, batch 2 x {batch}, {torch.get_num_threads()} threads, {steps} steps, {repeats} turns; medians"
    )
    print(
        f"bare {a:.0f} ms ({rates[0]:.1f} images/s), harness {b:.0f} ms ({rates[1]:.1f}): {1 - a / b:+.1%} (aim: 3% or less)"
    )


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--steps", type=int, default=300)
    options.add_argument("--repeats", type=int, default=5)
    options.add_argument(
        "--images", action=argparse.BooleanOptionalAction, default=True, help="the large networks, too"
    )
    options.add_argument("--methods", nargs="+", help="these alone, on the small CNN")
    given = options.parse_args()
    if given.images:
        for network in NETWORKS:
            on_images(*network, given.repeats)
    torch.set_num_threads(1)
    print(f"small CNN on mini_digits, {given.steps} steps, {given.repeats} turns each, one thread; medians")
    print(f"{'method':<16} {'bare ms':>8} {'harness ms':>11} {'share':>7}  (aim: {AIM:.0%} or less)")
    for name, words in gradient_methods().items():
        if given.methods and name not in given.methods:
            continue
        arguments = [
            f"method={name}",
            "pair=H-R",
            f"optim.steps={given.steps}",
            "optim.evaluations=1",
            "logger=none",
            *words,
        ]
        with sweeper(["hydra.sweeper.quiet=true"], None) as machine:
            config = next(job.config for job in machine.plan(arguments) if job.asked)
        bare_s, harness_s = compare(config, given.repeats)
        a, b = (1000 * statistics.median(times) / given.steps for times in (bare_s, harness_s))
        print(f"{name:<16} {a:>8.2f} {b:>11.2f} {1 - a / b:>7.1%}", flush=True)


if __name__ == "__main__":
    main()
