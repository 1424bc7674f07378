"""Where a step of fine-tuning goes on a processor, and what makes it shorter: depth, size, layout of memory, bfloat16.

A bare loop (forward, backward, SGD) of EfficientNet-Lite0 on 64 images of noise, every setting in turns within one process.
Run it with nothing beside it: `python benchmarks/fine_tuning.py --threads 2`.
"""

from __future__ import annotations

import argparse
import itertools
import statistics
import time

import torch
from torch import nn

from tlbench.backbones.cut import cut_before
from tlbench.backbones.timm_model import TimmBackbone

MODEL, IMAGES, STAGES = "tf_efficientnet_lite0", 64, 8
LAYOUTS = {"": torch.contiguous_format, "channels_last": torch.channels_last}


class Step:
    """One setting: the part of the network that is trained, on outputs of the part that is not."""

    def __init__(self, last_k: int, size: int, layout: str, bf16: bool) -> None:
        shape, self.bf16 = (3, size, size), bf16
        whole = TimmBackbone(input_shape=shape, model=MODEL, pretrained=False)
        cut = cut_before(whole, last_k, shape)
        trunk, tail = cut if cut else (nn.Identity(), whole)
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            inputs = trunk(torch.randn(IMAGES, *shape)).float()
        self.inputs = inputs.clone()
        if self.inputs.ndim == 4:
            self.inputs = self.inputs.contiguous(memory_format=LAYOUTS[layout])
        self.net = nn.Sequential(tail, nn.Linear(whole.out_dim, 10)).train().to(memory_format=LAYOUTS[layout])  # type: ignore[call-overload]
        self.labels = torch.arange(IMAGES) % 10
        self.optimizer = torch.optim.SGD(self.net.parameters(), lr=0.01, momentum=0.9)

    def seconds(self) -> float:
        started = time.perf_counter()
        self.optimizer.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=self.bf16):
            loss = nn.functional.cross_entropy(self.net(self.inputs), self.labels)
        loss.backward()
        self.optimizer.step()
        return time.perf_counter() - started


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--threads", type=int, default=2)
    options.add_argument("--turns", type=int, default=4)
    options.add_argument("--depths", type=int, nargs="+", default=[1, 2, 3, STAGES])
    options.add_argument("--sizes", type=int, nargs="+", default=[224, 160])
    given = options.parse_args()
    torch.set_num_threads(given.threads)
    print(f"a step of 64 images, ms, median of {given.turns} turns; {given.threads} threads; torch {torch.__version__}")
    for size, last_k in itertools.product(given.sizes, given.depths):
        kinds = list(itertools.product(LAYOUTS, (False, True)))
        steps = [Step(last_k, size, layout, bf16) for layout, bf16 in kinds]
        [step.seconds() for step in steps]
        times = [[step.seconds() for step in steps] for _ in range(given.turns)]
        told = "; ".join(
            f"{'bf16' if bf16 else 'float32'}{' ' * bool(layout) + layout} {1000 * statistics.median(each):.0f}"
            for (layout, bf16), each in zip(kinds, zip(*times, strict=True), strict=True)
        )
        print(f"{size} pixels, last {last_k} of {STAGES}: {told}", flush=True)


if __name__ == "__main__":
    main()
