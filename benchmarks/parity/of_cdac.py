"""CDAC's own code: github.com/lijichang/CVPR2021-SSDA."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from typing import Any

from batch import Batch
from cases import Case
from of_mme import last, layer
from peers import commit, forget, module
from torch import Tensor

from baselines.cdac import Cdac
from tlbench.method import TargetOutput

SETTINGS = {"clustering": 1.0, "pseudo": 1.0, "threshold": 0.9, "consistency": 30.0, "rampup": 100, "top": 2}
DONE = 60
NAMES = {"clustering": "adaptive clustering", "pseudo": "sure labels", "consistency": "consistency, 60 of 100 steps"}


def peer(folder: Path) -> tuple[str, str, list[Case]]:
    forget("losses")
    losses = module(folder, "losses")
    return "CDAC", commit(folder), [
        Case("cdac", told, lambda b, name=name: here(b)[name], lambda b, place=place: there(losses, b)[place])
        for place, (name, told) in enumerate(NAMES.items())
    ]  # fmt: skip


def views(b: Batch) -> tuple[Tensor, Tensor]:
    """Two strong views; the second ones of both domains serve."""
    return b.xs, b.xt.flip(0)


def here(b: Batch) -> dict[str, Tensor]:
    method = Cdac(network=b.network(last="cosine"), **SETTINGS)
    method.progress, method.steps = DONE / 1000, 1000
    strong, again = views(b)
    target = TargetOutput(b.xt, layer(b)(b.xt), inputs={"strong": strong, "strong_again": again})
    return method.adaptation_terms(b.source, target)


def there(losses: Any, b: Batch) -> tuple[Tensor, Tensor, Tensor]:
    args = Namespace(threshold=SETTINGS["threshold"], topk=SETTINGS["top"])
    weight = SETTINGS["consistency"] * losses.sigmoid_rampup(DONE, SETTINGS["rampup"])
    bce = losses.BCE_softlabels()
    return losses.get_losses_unlabeled(args, lambda x: x * 1.0, last(b), b.xt, *views(b), None, bce, weight, "cpu")
