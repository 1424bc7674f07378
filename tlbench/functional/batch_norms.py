"""Normalisation layers of a network whose statistics are those of what passes now."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

OTHERS = (nn.LayerNorm, nn.GroupNorm, nn.InstanceNorm1d, nn.InstanceNorm2d)


def batch_norms(module: nn.Module) -> list[_BatchNorm]:
    """Return the batch norms of a network that have running statistics."""
    return [m for m in module.modules() if isinstance(m, _BatchNorm) and m.running_mean is not None]


def norm_layers(module: nn.Module, kind: str) -> list[nn.Module]:
    """Return the layers that normalise and have a scale: `batchnorm` alone, or `all` kinds."""
    kinds = (_BatchNorm,) if kind == "batchnorm" else (_BatchNorm, *OTHERS)
    return [m for m in module.modules() if isinstance(m, kinds) and getattr(m, "weight", None) is not None]


def use_batch_statistics(norm: _BatchNorm) -> None:
    """Let a layer normalise by the batch that passes and keep its running statistics; by those where a channel has one value."""
    norm.register_forward_pre_hook(_alone_by_what_is_known)


def _alone_by_what_is_known(norm: nn.Module, given: tuple[Tensor, ...]) -> None:
    x = given[0]
    assert isinstance(norm, _BatchNorm)
    several = x.numel() > x.shape[1]
    norm.training, norm.track_running_stats = several, not several


def use_mixed_statistics(norm: _BatchNorm, alpha: float) -> None:
    """Let a layer normalise by (1 - alpha) running + alpha batch statistics, biased variances.

    Source: Schneider et al., NeurIPS 2020, arXiv:2006.16971, eq. 3, with alpha = n / (N + n). No gradient passes the statistics.

    Args:
        norm: in evaluation mode; its running statistics become those of each mixture.
        alpha: share of the batch, in [0, 1].
    """
    assert norm.running_mean is not None
    assert norm.running_var is not None
    mean_D, var_D = norm.running_mean.clone(), norm.running_var.clone()

    def mix(_norm: nn.Module, given: tuple[Tensor, ...]) -> None:
        x = given[0].detach()
        batch_var_D, batch_mean_D = torch.var_mean(x, dim=[0, *range(2, x.ndim)], correction=0)
        assert norm.running_mean is not None
        assert norm.running_var is not None
        norm.running_mean.copy_(mean_D.lerp(batch_mean_D, alpha))
        norm.running_var.copy_(var_D.lerp(batch_var_D, alpha))

    norm.register_forward_pre_hook(mix)


class WholeStatistics:
    """Collects mean and variance of all that passes a batch norm, batches of any size, each normalised by its own statistics."""

    def __init__(self, norm: _BatchNorm) -> None:
        self.norm, self.n = norm, 0
        width = norm.num_features
        device = norm.running_mean.device if norm.running_mean is not None else None
        self.mean_D = torch.zeros(width, dtype=torch.float64, device=device)
        self.scatter_D = torch.zeros(width, dtype=torch.float64, device=device)
        self._hook = norm.register_forward_pre_hook(self._add)

    def _add(self, _norm: nn.Module, given: tuple[Tensor, ...]) -> None:
        x_ND = given[0].detach().double().movedim(1, -1).flatten(0, -2)
        n = len(x_ND)
        mean_D = x_ND.mean(dim=0)
        gap_D, total = mean_D - self.mean_D, self.n + n
        # means and scatters of two groups of examples are those of both (Chan et al., 1979)
        self.scatter_D += (x_ND - mean_D).square().sum(dim=0) + gap_D.square() * self.n * n / total
        self.mean_D += gap_D * n / total
        self.n = total

    def settle(self) -> None:
        """Put what was collected in the place of the running statistics; biased, as a batch normalises itself."""
        self._hook.remove()
        assert self.norm.running_mean is not None
        assert self.norm.running_var is not None
        self.norm.running_mean.copy_(self.mean_D)
        self.norm.running_var.copy_(self.scatter_D / self.n)


def choose_statistics(norm: _BatchNorm, p: float) -> None:
    """Let a layer in training normalise each channel by the batch with probability p, else by its running statistics as they
    are before this batch (Kou et al., Stochastic Normalization, NeurIPS 2020). In evaluation it stays what it is.

    Args:
        norm: may have its activation inside, as timm's have: each channel passes through it with the statistics that it takes.
        p: in [0, 1]; each channel is drawn anew in each pass, by torch's generator.
    """
    choice = _Choice(p)
    norm.register_forward_pre_hook(choice.before)
    norm.register_forward_hook(choice.after)


class _Choice:
    """Both hooks of a layer, and what the first leaves to the second."""

    def __init__(self, p: float) -> None:
        self.p = p
        self.by_running: Tensor | None = None

    def before(self, norm: nn.Module, given: tuple[Tensor, ...]) -> None:
        if not norm.training or norm.running_mean is None:
            return
        own = norm.running_mean, norm.running_var
        # copies: the pass that follows moves the layer's own in place, and the gradient of this one would be by those
        norm.running_mean, norm.running_var = (statistic.clone() for statistic in own)  # type: ignore[operator]
        norm.training = False
        try:
            self.by_running = norm.forward(*given)
        finally:
            norm.training = True
            norm.running_mean, norm.running_var = own

    def after(self, norm: nn.Module, given: tuple[Tensor, ...], by_batch: Tensor) -> Tensor | None:
        by_running, self.by_running = self.by_running, None
        if by_running is None:
            return None
        chosen_C = torch.rand(by_batch.shape[1], device=by_batch.device) < self.p
        return torch.where(chosen_C.view(-1, *[1] * (by_batch.ndim - 2)), by_batch, by_running)
