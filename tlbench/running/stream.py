"""A stream of test examples through a method that adapts while it predicts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from tlbench.data.inputs import finished, plain
from tlbench.method.online import OnlineMethod
from tlbench.stream_protocol import Stream
from tlbench.training.checkpoints import Checkpoint

if TYPE_CHECKING:
    from tlbench.data.inputs import Inputs
    from tlbench.running.stage_values import Prepared

AT_ONCE = 64
"""Examples of a pass where no protocol says how many come together."""


def streamed(run: Prepared) -> tuple[list[Checkpoint], list[dict[str, float]]]:
    """Predict each test example once, batch after batch; return one checkpoint, and what the method told of each batch."""
    method = run.learner
    assert isinstance(method, OnlineMethod)
    method.to(run.device).eval()
    method.see("target")

    def batch(inputs: Inputs, rows: np.ndarray) -> torch.Tensor:
        return finished(plain(inputs[rows])).to(run.device)

    if "target" in method.sees:
        rows = np.arange(run.task.target.shape[0])
        method.learn(batch(run.task.target, part) for part in Stream(rows, method.batch_size).batches())
    method.configure()
    method.remember()
    n, history = run.test.shape[0], []
    stream = run.stream or Stream(np.arange(n), AT_ONCE)
    found = np.empty((n, method.network.n_classes), dtype=np.float32)
    for number, rows in enumerate(stream.batches()):
        if stream.episodic and number:
            method.reset()
        found[rows] = method.predict(batch(run.test, rows)).cpu().numpy()
        history.append({name: float(value) for name, value in method.told.items()})
        method.told = {}
    return [Checkpoint(len(stream), found, None)], history
