"""CST: target guesses must teach a classifier that is right on the source; beside it an entropy, sure labels and a flat minimum.

Paper    Liu, Wang & Long, Cycle Self-Training for Domain Adaptation, NeurIPS 2021, arXiv:2103.03571, section 4; the climb: Kwon
         et al., ASAM, ICML 2021, arXiv:2102.11600
Loss     cross-entropy(source) + pseudo * FixMatch(target) + cycle * R + tsallis * T:
         R = mean((K_st (K_tt + 1e-3 I)^-1 (onehot(y') - 1/C) - onehot(y_s) + 1/C)^2), K of features of length 1, y' the guesses;
         T = 1/(alpha - 1) sum_i [C/B - w_i sum_c p_ic^alpha / s_c], s_c = sum_i w_i p_ic, w_i in proportion to 1 + exp(-H_i),
         p at a temperature; its gradient is taken after a climb of the whole loss, rho theta^2 g / | |theta| g |
Uses     source labels; target inputs only
Departs  1. batch norms keep their running statistics in the climb
         2. strong views are RandAugment over the recipe's changes (authors: a colour jitter too)
         3. no gradient passes through w
Note     at alpha 2, T is C times MCC; R is the closed form of the paper's inner problem
See      conf/method/cst.yaml, docs/methods/cst.md, tests/baselines/test_cst.py
"""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from tlbench.errors import TlbenchError
from tlbench.functional.entropy import certainty
from tlbench.functional.sure_labels import sure_cross_entropy
from tlbench.method import GradientMethod, SourceOutput, TargetOutput
from tlbench.method.checks import above_zero, at_least
from tlbench.method.phases import Ascent
from tlbench.method.views import TargetBatch

RIDGE = 1e-3
"""Of the regression from target to source, as the authors'."""


class Cst(GradientMethod):
    family = "self-training"
    target_views = ("train", "strong")

    def __init__(
        self,
        *,
        pseudo: float,
        threshold: float,
        cycle: float,
        tsallis: float,
        alpha: float,
        temperature: float,
        rho: float,
        **base: Any,
    ) -> None:
        super().__init__(**base)
        at_least(0, pseudo=pseudo, threshold=threshold, cycle=cycle, tsallis=tsallis, rho=rho)
        above_zero(temperature=temperature, alpha=alpha)
        if alpha == 1:
            raise TlbenchError(
                "method.alpha must not be 1, where the Tsallis entropy is Shannon's. Set by method.alpha=..."
            )
        self.pseudo, self.threshold, self.cycle, self.tsallis = pseudo, threshold, cycle, tsallis
        self.alpha, self.temperature, self.rho = alpha, temperature, rho
        self.passes = 2 if rho else 1

    def adaptation_terms(self, source: SourceOutput, target: TargetOutput) -> dict[str, Tensor]:
        sure, kept = sure_cross_entropy(self.seen(target.inputs["strong"])[1], target.logits, self.threshold)
        self.told["kept"] = kept
        guess_T = target.logits.detach().argmax(dim=1)
        cycle = cycle_loss(source.features, source.labels, target.features, guess_T, target.logits.shape[1])
        return {
            "pseudo": self.pseudo * sure,
            "cycle": self.cycle * cycle,
            "tsallis": self.tsallis * tsallis_loss(target.logits, self.alpha, self.temperature),
        }

    def ascent(self, labelled: list[tuple[Tensor, Tensor]], target: TargetBatch[Tensor] | None) -> Ascent:
        def whole() -> Tensor:
            return torch.stack(list(self.losses(labelled, target).values())).sum()

        return Ascent(whole, list(self.parameters()), self.rho, adaptive=True)


def cycle_loss(xs_SF: Tensor, labels_S: Tensor, xt_TF: Tensor, guess_T: Tensor, n_classes: int) -> Tensor:
    """Compute the mean squared error on the source of a ridge regression learnt from the target's guesses (the paper's R).

    Args:
        xs_SF, xt_TF: features, (S, F) and (T, F); rows are divided by their length.
        labels_S, guess_T: class indices.
    """
    source, target = F.normalize(xs_SF, dim=1), F.normalize(xt_TF, dim=1)

    def centred(labels: Tensor) -> Tensor:
        return F.one_hot(labels, n_classes).to(source.dtype) - 1.0 / n_classes

    ridge_TT = target @ target.T + RIDGE * torch.eye(len(target), dtype=target.dtype, device=target.device)
    said_SC = source @ target.T @ torch.linalg.solve(ridge_TT, centred(guess_T))
    return (said_SC - centred(labels_S)).square().mean()


def tsallis_loss(logits_BC: Tensor, alpha: float, temperature: float) -> Tensor:
    """Compute the weighted Tsallis entropy of the target's predictions, T in the file's head; C times MCC at alpha 2.

    Worked out in logarithms: no class that nobody comes near divides 0 by 0.
    """
    n_classes = logits_BC.shape[1]
    log_p_BC = (logits_BC / temperature).log_softmax(dim=1)
    log_w_B1 = certainty(log_p_BC.detach().exp()).log()[:, None]
    log_s_C = (log_w_B1 + log_p_BC).logsumexp(dim=0)
    return (n_classes - (log_w_B1 + alpha * log_p_BC - log_s_C).exp().sum()) / (alpha - 1)
