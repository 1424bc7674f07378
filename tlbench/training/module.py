"""The Lightning module round a gradient method."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.utilities.types import OptimizerLRSchedulerConfig
from torch import Tensor, nn

from tlbench.data.inputs import finished
from tlbench.errors import Diverged
from tlbench.loggers import log_terms
from tlbench.method.gradient import GradientMethod
from tlbench.method.phases import Ascent, Phase, climb, descend, gradients, still_statistics
from tlbench.training.batches import Batch
from tlbench.training.schedules import learning_rate
from tlbench.training.settings import OptimConfig

CHECK_EVERY = 25
"""Steps between two looks at the terms: a look waits for the device, and the first bad step is found all the same."""


class AdaptationModule(pl.LightningModule):
    """Adds the terms up, keeps their values, stops when one is not finite.

    Attributes:
        history: one {name: value} a step; the sum of the terms is not among them. The mean over the parts of a step,
            where it is worked through in `accumulate` parts.
    """

    def __init__(
        self, method: GradientMethod, optim: OptimConfig, accumulate: int = 1, *, compiled: bool = False
    ) -> None:
        super().__init__()
        self.method, self.optim_config, self.accumulate, self.compiled = method, optim, accumulate, compiled
        method.steps, method.label_smoothing = optim.steps, optim.label_smoothing
        self.history: list[dict[str, float]] = []
        self._pending: list[dict[str, Tensor]] = []
        self._climbed: list[tuple[nn.Parameter, Tensor]] = []
        self._trained: Sequence[nn.Parameter] | None = None
        self._logged = 0  # steps; a run that goes on from a kept state logs those before it, too

    def on_fit_start(self) -> None:
        if self.compiled:  # here, not before: a compiled forward does not survive the way into a spawned process
            self.method.network.compile()

    def __setattr__(self, name: str, value: Any) -> None:
        # Lightning notes the hook it is in some fifty times a step; torch's own way to set an attribute looks through
        # parameters, buffers and modules each time, a tenth of a short step
        if name == "_current_fx_name":
            object.__setattr__(self, name, value)
        else:
            super().__setattr__(name, value)

    def transfer_batch_to_device(self, batch: Batch, device: torch.device, dataloader_idx: int) -> Batch:
        """Move a batch without Lightning's look at every part of it for what it might be; here that is known."""
        if device.type == "cpu":
            return batch
        labelled, target = batch
        moved = [(x.to(device, non_blocking=True), y.to(device, non_blocking=True)) for x, y in labelled]
        if target is None:
            return moved, None
        return moved, target.each(lambda x: x.to(device, non_blocking=True), lambda r: r.to(device, non_blocking=True))

    def on_after_batch_transfer(self, batch: Batch, dataloader_idx: int) -> Any:
        """Crop, change and normalise images where they are needed, on the training device."""
        labelled, target = batch
        return [(finished(x), y) for x, y in labelled], None if target is None else target.each(finished)

    def training_step(self, batch: Any, _index: int) -> Tensor:
        self.method.progress = self.global_step / self.optim_config.steps
        *before, last = self.method.phases(*batch)
        inner: dict[str, Tensor] = {}
        for phase in before:
            inner |= self._updated(phase)
        self._climb(self.method.ascent(*batch))
        terms, self._trained = last.terms(), last.trains
        self._pending.append({name: value.detach() for name, value in (inner | terms | self.method.told).items()})
        self.method.told = {}
        if len(self._pending) == CHECK_EVERY * self.accumulate:
            self.settle_history()
        return torch.stack(list(terms.values())).sum()

    def _updated(self, phase: Phase) -> dict[str, Tensor]:
        """Do a phase before the last: its own update, by the optimiser that the step is one of."""
        optimizer = self.optimizers(use_pl_optimizer=False)
        assert isinstance(optimizer, torch.optim.Optimizer)
        optimizer.zero_grad(
            set_to_none=True
        )  # Lightning leaves the last step's gradients until after this one's forward
        terms = phase.terms()
        chosen = self.method.parameters() if phase.trains is None else phase.trains
        for parameter, gradient in gradients(torch.stack(list(terms.values())).sum(), chosen):
            parameter.grad = gradient
        optimizer.step()  # those without a gradient stay as they are, and so does what the optimiser keeps of them
        optimizer.zero_grad(set_to_none=True)
        return terms

    def _climb(self, ascent: Ascent | None) -> None:
        if ascent is None or ascent.rho == 0:
            return
        with still_statistics(self.method):
            self._climbed = climb(gradients(ascent.loss(), ascent.moves), ascent)

    def on_before_optimizer_step(self, optimizer: torch.optim.Optimizer) -> None:
        """Undo a climb, and leave only the gradients of what the last phase trains."""
        descend(self._climbed)
        self._climbed = []
        if self._trained is not None:
            kept = {id(p) for p in self._trained}
            for parameter in self.method.parameters():
                if id(parameter) not in kept:
                    parameter.grad = None

    def optimizer_step(self, *args: Any, **kwargs: Any) -> None:
        """Update, and let the method do what follows: before the callbacks that look at it or keep its state."""
        super().optimizer_step(*args, **kwargs)
        self.method.after_step()

    def settle_history(self) -> None:
        """Move pending values from the device into `history`. Raises Diverged at the first that is not finite."""
        names = sorted({name for terms in self._pending for name in terms})
        if not names:
            return
        gap = torch.full((), math.nan)
        rows = torch.stack([torch.stack([t.get(n, gap.to(self.device)).float() for n in names]) for t in self._pending])
        pending, self._pending = self._pending[:: self.accumulate], []
        rows = rows.view(-1, self.accumulate, len(names)).mean(dim=1)
        for terms, row in zip(pending, rows.tolist(), strict=True):
            values = {name: value for name, value in zip(names, row, strict=True) if name in terms}
            for name, value in values.items():
                if not math.isfinite(value):
                    raise Diverged(len(self.history), name)
            self.history.append(values)
        self._logged = log_terms(self.logger, self.history, self.optim_config.steps, self._logged)

    def configure_optimizers(self) -> OptimizerLRSchedulerConfig:
        config = self.optim_config
        optimizer = make_optimizer(config, parameter_groups(self.method, config))
        rate = learning_rate(config.schedule, config.annealing)
        scheduler = torch.optim.lr_scheduler.LambdaLR(
            optimizer, lambda step: self.method.rate(rate, min(1.0, step / config.steps))
        )
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "interval": "step"}}


def parameter_groups(method: GradientMethod, config: OptimConfig) -> list[dict[str, Any]]:
    """Return what is trained and its learning rate: all but the backbone's, and where there are any the backbone's."""
    backbone = method.network.backbone
    inside = {id(p) for p in backbone.parameters()}
    rest = [p for p in method.parameters() if id(p) not in inside and p.requires_grad]
    groups = [{"params": rest, "lr": config.lr}]
    if trained := [p for p in backbone.parameters() if p.requires_grad]:
        old = getattr(backbone, "pretrained", False) or method.started
        factor = config.backbone_lr if old else 1.0
        groups.append({"params": trained, "lr": config.lr * factor})
    return groups


def make_optimizer(config: OptimConfig, groups: list[dict[str, Any]]) -> torch.optim.Optimizer:
    """Return the optimiser that the config names, over parameter groups."""
    if config.kind == "sgd":
        return torch.optim.SGD(
            groups, momentum=config.momentum, nesterov=config.nesterov, weight_decay=config.weight_decay
        )
    kind = torch.optim.Adam if config.kind == "adam" else torch.optim.AdamW
    return kind(groups, weight_decay=config.weight_decay)
