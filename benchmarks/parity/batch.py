"""What both sides of a comparison are given: outputs of a network on two domains, and the parts that methods own."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from tlbench.backbones.small import Identity
from tlbench.classifiers.head import Head
from tlbench.classifiers.network import Network
from tlbench.method import SourceOutput, TargetOutput

D, C = 6, 4
"""Features and classes."""


class Batch:
    """Leaves in double precision, the same for one seed whichever side asks; parts are made when they are asked for.

    Attributes:
        xs, xt: features (N, D) and (M, D); zs, zt: logits (N, C) and (M, C), of a second head or view zs2, zt2.
        labels: of the source.
    """

    def __init__(self, seed: int, n: int, m: int) -> None:
        self.draws = torch.Generator().manual_seed(seed)
        self.xs, self.xt = self.drawn(n, D), self.drawn(m, D)
        self.zs, self.zt, self.zs2, self.zt2 = (self.drawn(rows, C, 3.0) for rows in (n, m, n, m))
        self.labels = torch.arange(n) % C
        self._modules: dict[str, nn.Module] = {}

    def drawn(self, rows: int, width: int, scale: float = 1.0) -> Tensor:
        return (scale * torch.randn(rows, width, generator=self.draws)).requires_grad_()

    def critic(self, width: int) -> nn.Module:
        """Return a domain classifier, (B, width) to one logit each."""
        return self._made("discriminator", lambda: nn.Sequential(nn.Linear(width, 5), nn.ReLU(), nn.Linear(5, 1)))

    def network(self, last: str = "linear", bottleneck: int = 0) -> Network:
        """Return a network whose backbone is the identity, so that features are its inputs where there is no bottleneck."""

        def make() -> Network:
            head = Head(in_dim=D, n_classes=C, bottleneck=bottleneck, dropout=0.0, last=last)  # type: ignore[arg-type]
            return Network(Identity(input_shape=(D,)), head)

        made = self._made("network", make)
        assert isinstance(made, Network)
        return made

    def _made(self, name: str, make: Callable[[], nn.Module]) -> nn.Module:
        if name not in self._modules:
            with torch.random.fork_rng():
                torch.manual_seed(7)
                self._modules[name] = make()
        return self._modules[name]

    def leaves(self) -> dict[str, Tensor]:
        """Return everything that a gradient may be of: features, logits, weights of the parts."""
        named = {"features.s": self.xs, "features.t": self.xt, "logits.s": self.zs, "logits.t": self.zt,
                 "second logits.s": self.zs2, "second logits.t": self.zt2}  # fmt: skip
        for name, module in self._modules.items():
            named |= {f"{name}.{part}": weight for part, weight in module.named_parameters()}
        return named

    @property
    def source(self) -> SourceOutput:
        return SourceOutput(self.xs, self.zs, self.labels)

    @property
    def target(self) -> TargetOutput:
        return TargetOutput(self.xt, self.zt)
