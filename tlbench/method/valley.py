"""The dense average of a network's weights over the valley of a loss."""

from __future__ import annotations

import copy
import math

import torch
from torch import Tensor, nn

from tlbench.classifiers.network import Network


class Valley(nn.Module):
    """A network whose weights are the plain mean of another's after each step in which a loss is low.

    Cha et al., SWAD, NeurIPS 2021, arXiv:2102.08604, algorithm 1. The loss l_i is looked at at the end of each part i of a run, a
    part being some steps. The valley begins with part s, the first that is the least of l_s ... l_{s + n_converge - 1}, and its
    limit is `ratio` times their mean. It ends with the part before the first n_tolerance losses in a row that are all above the
    limit, or with the run. Before it is found, the average is of the part under way. All state is in buffers, so that an
    interrupted run keeps it.

    Args:
        network: what is followed; the copy starts as it is now. Parameters alone are averaged.
        n_converge, n_tolerance: 1 or more.
        ratio: 1 or more, so that a valley never ends before it begins.

    Attributes:
        network: the average.
        averaged: number of weights in it.
        losses: the last of them, the newest at the end; infinite before there are any.
        limit: infinite before the valley is found.
        closed: the valley is over, and the average stays.
    """

    averaged: Tensor
    losses: Tensor
    limit: Tensor
    closed: Tensor
    ends: Tensor
    counts: Tensor

    def __init__(self, network: Network, *, n_converge: int, n_tolerance: int, ratio: float) -> None:
        super().__init__()
        self.network = copy.deepcopy(network).requires_grad_(False)
        self.n_converge, self.n_tolerance, self.ratio = n_converge, n_tolerance, ratio
        self.register_buffer("averaged", torch.zeros((), dtype=torch.long))
        self.register_buffer("losses", torch.full((max(n_converge, n_tolerance),), math.inf))
        self.register_buffer("limit", torch.tensor(math.inf))
        self.register_buffer("closed", torch.tensor(False))

    def make_room(self) -> None:
        """Register what the average was at the end of the last parts, (n, P) and (n,): for training, and in no kept model."""
        n, flat = len(self.losses), self._flat()
        self.register_buffer("ends", flat.new_zeros(n, len(flat)))
        self.register_buffer("counts", torch.zeros(n, dtype=torch.long))

    @torch.no_grad()
    def follow(self, network: Network) -> None:
        """Take the weights after a step into the average; without effect on one that is closed."""
        more = (~self.closed).long()  # no branch: a look at the device would wait for it
        share = more / (self.averaged + 1)
        for mine, theirs in zip(self.network.parameters(), network.parameters(), strict=True):
            mine.lerp_(theirs, share.to(mine.dtype))
        self.averaged += more

    @torch.no_grad()
    def look(self, loss: Tensor) -> None:
        """Take the loss at the end of a part, (), of the network that is followed."""
        if self.closed:
            return
        self.losses = self.losses.roll(-1)
        self.losses[-1] = loss
        if self.limit.isinf():
            self._keep_end()
            self._find()
        elif self.losses[-self.n_tolerance :].min() > self.limit:
            self.closed.fill_(True)
            self._go_back(self.n_tolerance)
        else:
            self._keep_end()

    def _find(self) -> None:
        last, n = self.losses[-self.n_converge :], self.n_converge
        if last[0] > last.min():
            self.averaged.zero_()  # the next part begins
            return
        self.limit.copy_(torch.maximum(self.ratio * last.mean(), last[0]))  # a mean may be rounded to below the least
        for later in range(-n + 1, 0):  # means of parts become means of all since the first
            own = self.counts[later].clone()
            self.counts[later] += self.counts[later - 1]
            share = own / self.counts[later]
            self.ends[later] = self.ends[later - 1].lerp(self.ends[later], share.to(self.ends.dtype))
        self._go_back(1)

    def _keep_end(self) -> None:
        self.ends, self.counts = self.ends.roll(-1, dims=0), self.counts.roll(-1)
        self.ends[-1], self.counts[-1] = self._flat(), self.averaged

    def _go_back(self, looks: int) -> None:
        """Let the average be what it was so many looks ago, the last being 1."""
        parameters = list(self.network.parameters())
        for mine, kept in zip(parameters, self.ends[-looks].split([p.numel() for p in parameters]), strict=True):
            mine.copy_(kept.view_as(mine))
        self.averaged.copy_(self.counts[-looks])

    def _flat(self) -> Tensor:
        return torch.cat([p.detach().flatten() for p in self.network.parameters()])
