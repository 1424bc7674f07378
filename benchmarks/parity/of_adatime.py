"""AdaTime: github.com/emadeldeen24/AdaTime."""

from __future__ import annotations

from pathlib import Path

import ours
from cases import Case
from peers import commit, forget, module

from tlbench.functional.entropy import mean_entropy
from tlbench.functional.kernels import FIVE
from tlbench.functional.moments import scatter_loss


def peer(folder: Path) -> tuple[str, str, list[Case]]:
    forget("models")
    losses = module(folder, "models.loss")
    return "AdaTime", commit(folder), [
        Case("coral", "variant=scatter", lambda b: scatter_loss(b.xs, b.xt), lambda b: losses.CORAL()(b.xs, b.xt)),
        Case("mmd", "variant=five, estimator=biased (MMD_loss)", lambda b: ours.mmd(b, FIVE, "biased"),
             lambda b: losses.MMD_loss()(b.xs, b.xt), "five kernels are summed, and no gradient passes: the loss does nothing",
             lambda b: 5 * ours.mmd(b, FIVE, "biased").detach()),
        Case("mmd", "variant=five, estimator=cyclic (MMD)", lambda b: ours.mmd(b, FIVE, "cyclic"),
             lambda b: losses.MMD(b.xs, b.xt), "five kernels are summed", lambda b: 5 * ours.mmd(b, FIVE, "cyclic")),
        Case("entropy_min", "mean entropy", lambda b: mean_entropy(b.zt), lambda b: losses.ConditionalEntropyLoss()(b.zt)),
    ]  # fmt: skip
