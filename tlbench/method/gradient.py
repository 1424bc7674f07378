"""Methods trained by gradient descent: a source loss, and the terms that a method adds to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tlbench.classifiers.network import Network
from tlbench.errors import TlbenchError
from tlbench.method.base import Method
from tlbench.method.phases import Ascent, Phase
from tlbench.method.pools import Pools
from tlbench.method.views import TRAIN, TargetBatch

if TYPE_CHECKING:
    from tlbench.tasks import Task


@dataclass(frozen=True)
class SourceOutput:
    """A source batch after the network: features (B, F), logits (B, C), labels (B,)."""

    features: Tensor
    logits: Tensor
    labels: Tensor


@dataclass(frozen=True)
class TargetOutput:
    """An unlabelled target batch after the network: features (B, F), logits (B, C). No labels, by design.

    Attributes:
        rows: (B,) of the examples in `Task.target`.
        inputs: the views that the method asked for besides `train`, which have not passed through the network.
    """

    features: Tensor
    logits: Tensor
    rows: Tensor | None = None
    inputs: Mapping[str, Tensor] = field(default_factory=dict)


class GradientMethod(Method, nn.Module):
    """Base of gradient methods; owns forward, the classification loss and prediction.

    Args:
        network: backbone and head; the method may add modules of its own.

    Attributes:
        progress: share of the run's own length that is behind, in [0, 1); set by the trainer before each step.
        steps: of the whole run, set by the trainer; `progress * steps` are done. For schedules that count in iterations.
        started: its network came from a source model.
        label_smoothing: of the recipe, set by the trainer.
        passes: forward and backward passes of a step; more than one where phases or an ascent are overridden.
        refresh_every: steps between two looks at whole sets (`refresh`); None for none.
        looks: their number in a run, evenly spread, the first before its first step, in place of `refresh_every`.
        target_views: what of the target a step is given, `train` first; see `tlbench.method.views.VIEWS`.
        task_state: names of what `prepare` registered, which is of a task's examples and in no kept model.
        told: scalars that a step wants logged beside its terms, without a part in the loss.
        needs_target: whether the unlabelled target passes through the network in training.
        domains: of each labelled set, for batch norms with statistics of each domain.
    """

    learner = "gradient"
    needs_target = True
    passes: int = 1
    target_views: tuple[str, ...] = (TRAIN,)
    refresh_every: int | None = None
    looks: int | None = None
    domains: tuple[str, ...] = ("source", "target")

    def __init__(self, *, network: Network) -> None:
        super().__init__()
        self.network = network
        self.progress, self.steps, self.label_smoothing = 0.0, 1, 0.0
        self.started = False
        self.told: dict[str, Tensor] = {}
        self.task_state: frozenset[str] = frozenset()
        self._autocast = False

    def adaptation_terms(self, source: SourceOutput, target: TargetOutput) -> dict[str, Tensor]:
        """Return the scalars to add to the classification loss, by name, each with its weight in it."""
        raise NotImplementedError

    def phases(self, labelled: list[tuple[Tensor, Tensor]], target: TargetBatch[Tensor] | None) -> list[Phase]:
        """Return the updates of one step, in order; the last is the one that the schedule and the checkpoints count.

        The optimiser, its momentum and its rate are the same in all. Terms of one name are logged as the last of them.
        """
        return [Phase(lambda: self.losses(labelled, target))]

    def ascent(self, labelled: list[tuple[Tensor, Tensor]], target: TargetBatch[Tensor] | None) -> Ascent | None:
        """Return what is climbed before the gradient of the last phase is taken, and undone before its update; None for nothing.

        Batch norms keep their statistics meanwhile.
        """
        return None

    def prepare(self, task: Task) -> None:
        """Get ready for a task before the first step: register buffers, whose sizes are known here, before a state is loaded."""

    def refresh(self, pools: Pools) -> None:
        """Look at whole sets, before the first step and every `look_every` after it; keep what is needed in buffers."""

    def rate(self, schedule: Callable[[float], float], p: float) -> float:
        """Return the factor of the recipe's learning rates at progress p, by the recipe's schedule, which a method in parts may
        start anew."""
        return schedule(p)

    @property
    def look_every(self) -> int | None:
        """Steps of this run between two looks at whole sets; None for none."""
        return self.refresh_every if self.looks is None else max(1, round(self.steps / self.looks))

    def after_step(self) -> None:
        """Do what follows an update of the weights, such as a step of a teacher, before anyone looks at them or keeps them."""

    def losses(self, labelled: list[tuple[Tensor, Tensor]], target: TargetBatch[Tensor] | None) -> dict[str, Tensor]:
        """Return all terms of one step. The labelled sets come source first; they are one pool for the classification loss."""
        batches, domains = [inputs for inputs, _ in labelled], list(self.domains[: len(labelled)])
        adapts = self.needs_target and target is not None
        if adapts and target is not None:
            batches, domains = [*batches, target.train], [*domains, "target"]
        outputs, labels = self.network.each(batches, domains), [labels for _, labels in labelled]
        terms: dict[str, Tensor] = {}
        if labelled:
            logits = torch.cat([logits for _, logits in outputs[: len(labelled)]])
            terms["classification"] = self.classification(logits, torch.cat(labels))
        if adapts and target is not None:
            device = outputs[-1][1].device.type
            self._autocast = torch.is_autocast_enabled(device)
            # in full precision also where the network computes with less: distances of features cancel out otherwise
            with torch.autocast(device, enabled=False):
                source = _source_output(*outputs[0], labels)
                more = {name: view for name, view in target.views.items() if name != TRAIN}
                target_seen = TargetOutput(outputs[-1][0].float(), outputs[-1][1].float(), target.rows, more)
                terms |= self._named_scalars(self.adaptation_terms(source, target_seen))
        return terms

    def classification(self, logits_BC: Tensor, labels_B: Tensor) -> Tensor:
        """Return the mean cross-entropy, with the recipe's label smoothing: a reference has the same."""
        return F.cross_entropy(logits_BC, labels_B, label_smoothing=self.label_smoothing)

    def seen(self, x: Tensor, network: Network | None = None) -> tuple[Tensor, Tensor]:
        """Return float features and logits of target examples that pass by themselves, in the precision of the step.

        Args:
            network: another than the method's own, such as a teacher's.
        """
        with torch.autocast(x.device.type, enabled=self._autocast):
            ((features, logits),) = (network or self.network).each([x], ["target"])
        return features.float(), logits.float()

    def _named_scalars(self, terms: object) -> dict[str, Tensor]:
        """Return what `adaptation_terms` gave. Raises TlbenchError where it is no dict of scalars."""
        given = type(terms).__name__
        if isinstance(terms, dict):
            wrong = [name for name, term in terms.items() if not (isinstance(term, Tensor) and term.ndim == 0)]
            if not wrong:
                return terms
            term = terms[wrong[0]]
            given += f" with {type(term).__name__} of shape {tuple(getattr(term, 'shape', ()))} under '{wrong[0]}'"
        raise TlbenchError(
            f"{type(self).__name__}.adaptation_terms must return a dict of scalar tensors by name, such as "
            f'{{"means": self.weight * gap}}; it returned a {given}.'
        )

    def see(self, domain: str) -> None:
        """Let the batch norms of every network that the method has, a teacher's too, use this domain's statistics from now on."""
        for module in self.modules():
            if isinstance(module, Network):
                module.see(domain)

    @property
    def batches_per_step(self) -> int:
        """Batches of one domain that pass forward in a step, for the examples a second."""
        return self.passes * (int(self.needs_target) + len(self.target_views))

    def outputs(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return features (B, F) and class probabilities (B, C) of a batch; overridden by methods that predict otherwise."""
        features, logits = self.network(x)
        return features.float(), logits.float().softmax(dim=1)

    def predict_proba(self, x: Tensor) -> Tensor:
        """Return (B, C) class probabilities of a batch."""
        return self.outputs(x)[1]


def _source_output(features_BF: Tensor, logits_BC: Tensor, labels: list[Tensor]) -> SourceOutput:
    """Take the first labelled batch, in full precision; of a method without any, one of no row."""
    labels_B = labels[0] if labels else torch.empty(0, dtype=torch.long, device=logits_BC.device)
    n = len(labels_B)
    return SourceOutput(features_BF[:n].float(), logits_BC[:n].float(), labels_B)
