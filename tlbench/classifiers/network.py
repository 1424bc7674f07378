"""Backbone and head as one network, with what is fixed in it and how batch norm sees the domains."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Literal, get_args

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from tlbench.classifiers.head import Head
from tlbench.errors import TlbenchError

BatchNormMode = Literal["shared", "frozen", "per_domain"]
DOMAINS = ("source", "target")
STATISTICS = ("running_mean", "running_var", "num_batches_tracked")


class Network(nn.Module):
    """Backbone and head: (B, ...) to features (B, F) and logits (B, C).

    Args:
        fixed: parameters that are not trained; batch norms that hold one of them keep their statistics too.
        batch_norm: `shared`: all domains of a step pass in one batch; `frozen`: the backbone's batch norms keep the
            statistics that they came with; `per_domain`: each domain is normalised by its own statistics, with the affine
            part in common, and the target is tested with the target's (after Li et al., AdaBN, arXiv:1603.04779).
    """

    def __init__(
        self,
        backbone: nn.Module,
        head: Head,
        *,
        fixed: Iterable[nn.Parameter] = (),
        batch_norm: BatchNormMode = "shared",
    ) -> None:
        super().__init__()
        if batch_norm not in get_args(BatchNormMode):
            raise TlbenchError(f"backbone.batch_norm must be {', '.join(get_args(BatchNormMode))}, got '{batch_norm}'.")
        self.backbone, self.head, self.batch_norm = backbone, head, batch_norm
        fixed_ids = {id(p) for p in fixed}
        for parameter in backbone.parameters():
            if id(parameter) in fixed_ids:
                parameter.requires_grad_(False)
        inside = [m for m in backbone.modules() if isinstance(m, _BatchNorm)]
        everywhere = [m for m in self.modules() if isinstance(m, _BatchNorm)]
        self._still = [m for m in inside if batch_norm == "frozen" or any(id(p) in fixed_ids for p in m.parameters())]
        if not any(p.requires_grad for p in backbone.parameters()):
            self._still.append(backbone)  # type: ignore[arg-type]
        still = {id(m) for m in self._still}
        self._moving = [m for m in everywhere if id(m) not in still and m.track_running_stats]
        self.couples = bool(self._moving) and batch_norm != "per_domain"
        if batch_norm == "per_domain":
            self.register_buffer("seen", torch.zeros(len(DOMAINS), dtype=torch.bool))
            for module in self._moving:
                for name in STATISTICS:
                    for domain in DOMAINS:
                        module.register_buffer(f"{domain}_{name}", getattr(module, name).clone())
            self.see("source")
        self.train()  # what is still must be so from the first step on

    @property
    def feature_dim(self) -> int:
        return self.head.feature_dim

    @property
    def n_classes(self) -> int:
        return self.head.n_classes

    def fix(self, parameters: Iterable[nn.Parameter]) -> None:
        """Train these no more, wherever they are; batch norms that hold one of them keep their statistics from now on."""
        fixed = {id(p) for p in parameters}
        for parameter in self.parameters():
            if id(parameter) in fixed:
                parameter.requires_grad_(False)
        norms = [m for m in self.modules() if isinstance(m, _BatchNorm)]
        self._still += [m for m in norms if any(id(p) in fixed for p in m.parameters())]
        self.train(self.training)

    def train(self, mode: bool = True) -> Network:
        super().train(mode)
        for module in self._still:
            module.eval()
        return self

    def see(self, domain: str) -> None:
        """Let batch norms use this domain's statistics from now on; the source's where the target was never trained on."""
        if self.batch_norm != "per_domain":
            return
        assert isinstance(self.seen, Tensor)
        if self.training:
            self.seen[DOMAINS.index(domain)] = True
        elif not self.seen[DOMAINS.index(domain)]:
            domain = "source" if self.seen[0] else "target"
        for module in self._moving:
            for name in STATISTICS:
                setattr(module, name, getattr(module, f"{domain}_{name}"))

    @torch.no_grad()
    def hand_over_statistics(self) -> None:
        """Let a target that batch norms have never seen begin with the source's statistics, in a network that comes from one."""
        if self.batch_norm != "per_domain":
            return
        assert isinstance(self.seen, Tensor)
        if not self.seen[0] or self.seen[1]:
            return
        for module in self._moving:
            for name in STATISTICS:
                getattr(module, f"target_{name}").copy_(getattr(module, f"source_{name}"))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return self.head(self.backbone(x))

    def each(self, batches: Sequence[Tensor], domains: Sequence[str]) -> list[tuple[Tensor, Tensor]]:
        """Return features and logits of each batch of a step, whose domains are `source` or `target`."""
        return self._each(self, batches, domains)

    def each_below(self, batches: Sequence[Tensor], domains: Sequence[str]) -> list[Tensor]:
        """Return what the backbone alone makes of each batch, which passes as in `each`."""
        return self._each(self.backbone, batches, domains)

    def each_above(self, batches: Sequence[Tensor], domains: Sequence[str]) -> list[tuple[Tensor, Tensor]]:
        """Return what the head makes of each batch that has passed the backbone, as in `each`."""
        return self._each(self.head, batches, domains)

    def _each(self, part: nn.Module, batches: Sequence[Tensor], domains: Sequence[str]) -> list[Any]:
        if self.couples and len(batches) > 1:
            out, sizes = part(torch.cat(list(batches))), [len(batch) for batch in batches]
            if isinstance(out, Tensor):
                return list(out.split(sizes))
            return list(zip(*(one.split(sizes) for one in out), strict=True))
        outputs = []
        for batch, domain in zip(batches, domains, strict=True):
            self.see(domain)
            outputs.append(part(batch))
        return outputs
