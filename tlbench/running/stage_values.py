"""What the stages of a run hand to one another."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    import torch

    from tlbench.data.inputs import Inputs
    from tlbench.method import EstimatorMethod, GradientMethod
    from tlbench.running.setup import Setup
    from tlbench.stream_protocol import Stream
    from tlbench.tasks import Task
    from tlbench.training.checkpoints import Checkpoint
    from tlbench.training.domains import Sampled

    Learner: TypeAlias = GradientMethod | EstimatorMethod


@dataclass(frozen=True)
class Prepared:
    """All that a fit needs, and no label that a method must not see.

    Attributes:
        test: inputs of the test examples, in the order in which a method meets them.
        raw: by what they are for (`distances`, `embeddings`), features of both domains before any training.
        seconds: of each phase so far.
        stream: the order in which the test examples come, where the protocol is online.
    """

    setup: Setup
    task: Task
    test: Inputs
    learner: Learner
    raw: dict[str, Sampled] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    stream: Stream | None = None

    @property
    def device(self) -> torch.device:
        from tlbench.training.device import device_of  # torch, and most estimators ask for no device

        return device_of(self.setup.config.trainer.accelerator)


@dataclass(frozen=True)
class Fitted:
    """A run after its training.

    Attributes:
        checkpoints: in order; their test predictions are in the order in which the test examples came.
        history: the terms of every step, or of every round of an estimator.
        trained: as `Prepared.raw`, the features that the run has learnt; empty where it learns none.
        seconds: of each phase so far; of a stacked run, its share of what all took.
        stacked: runs that were trained as one program, this one among them.
    """

    prepared: Prepared
    checkpoints: list[Checkpoint]
    history: list[dict[str, float]]
    trained: dict[str, Sampled] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    stacked: int = 1
