"""MME's own code: github.com/VisionLearningGroup/SSDA_MME."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import ours
from batch import Batch
from cases import Case
from peers import commit, forget, module
from torch import Tensor

from baselines.mme import Mme
from tlbench.functional.adversarial import reverse_gradient
from tlbench.functional.entropy import mean_entropy

LAMBDA, TINY = 0.1, 1e-5
WHY = "adds 1e-5 in the logarithm"


def peer(folder: Path) -> tuple[str, str, list[Case]]:
    forget("utils")
    losses = module(folder, "utils.loss")
    return "SSDA_MME", commit(folder), [
        Case("mme", "minimax entropy of a cosine layer", minimax, lambda b: losses.adentropy(last(b), b.xt, LAMBDA), WHY,
             lambda b: -LAMBDA * spread(layer(b)(reverse_gradient(b.xt, 1.0)), TINY),
             undone=lambda b: -LAMBDA * spread(layer(b)(reverse_gradient(b.xt, 1.0)), 0.0)),
        Case("entropy_min", "mean entropy of a cosine layer (ENT)", lambda b: LAMBDA * mean_entropy(layer(b)(b.xt)),
             lambda b: losses.entropy(last(b), b.xt, LAMBDA), WHY,
             lambda b: LAMBDA * spread(layer(b)(b.xt), TINY), undone=lambda b: LAMBDA * spread(layer(b)(b.xt), 0.0)),
    ]  # fmt: skip


def spread(logits: Tensor, inside: float) -> Tensor:
    return ours.entropies(logits.softmax(dim=1), inside).mean()


def layer(b: Batch) -> Any:
    return b.network(last="cosine").head.last


def minimax(b: Batch) -> Tensor:
    return ours.total(Mme(network=b.network(last="cosine"), weight=LAMBDA), b)


def last(b: Batch) -> Any:
    """The last layer as the authors call theirs, whose own reversal is of a form that PyTorch refuses since 1.5."""

    def forward(x: Tensor, reverse: bool = False, eta: float = 1.0) -> Tensor:
        return layer(b)(reverse_gradient(x, eta) if reverse else x)

    return forward
