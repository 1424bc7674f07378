"""What is looked at beside a run: features of both domains before and after training, and how a learner is looked at."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from tlbench.data.inputs import LazyInputs, dense
from tlbench.method.base import is_gradient
from tlbench.method.estimator import EstimatorMethod
from tlbench.selection.view import Seen
from tlbench.training.domains import Sampled, flat, sampled
from tlbench.training.validator_probe import Outputs

if TYPE_CHECKING:
    from tlbench.data.inputs import Inputs
    from tlbench.method.gradient import GradientMethod
    from tlbench.running.setup import Setup
    from tlbench.running.stage_values import Learner, Prepared
    from tlbench.tasks import Task


def raw_looks(setup: Setup, task: Task, learner: Learner) -> dict[str, Sampled]:
    """Return the inputs, or what a backbone as it came makes of images.

    Distances only in a run that is itself the reference of its recipe, since all others have the same; for maps in every run, so
    that each has its own of before and after.
    """
    config = setup.config
    wanted = {"distances": 0 if config.reference_names else config.distances, "embeddings": config.embeddings}
    look = _look_of_backbone(setup, task, learner) if is_gradient(learner) else flat
    found = {what: sampled(task, n, config.seed, rows=look) for what, n in wanted.items() if n}
    if found and is_gradient(learner):
        learner.train()  # Lightning trains in the mode that it finds: the reference's batch norms must move as a method's do
    return found


def _look_of_backbone(setup: Setup, task: Task, learner: GradientMethod) -> Callable[[Inputs], np.ndarray]:
    from tlbench.backbones.cut import Tail  # torch, which estimators do without
    from tlbench.training.device import device_of
    from tlbench.training.predict import frozen_features

    backbone = learner.network.backbone
    if not isinstance(task.source.inputs, LazyInputs) and not isinstance(backbone, Tail):
        return flat
    return partial(frozen_features, backbone, device=device_of(setup.config.trainer.accelerator))


def outputs_of(run: Prepared) -> Outputs:
    """Return a function that looks at a learner as it is now: at its features and class probabilities."""
    learner = run.learner
    if is_gradient(learner):
        from tlbench.training.look import Look

        return Look(learner.to(run.device).eval(), run.device, run.setup.config.optim.steps)
    return lambda inputs, domain: _seen(learner, inputs, domain)


def _seen(learner: EstimatorMethod, inputs: Inputs, domain: str) -> Seen:
    features, probabilities = learner.seen(inputs, domain)
    return Seen(dense(features), probabilities)


def trained_looks(run: Prepared) -> dict[str, Sampled]:
    """Return the features that a run has learnt; nothing where it learns none."""
    config, learner = run.setup.config, run.learner
    if isinstance(learner, EstimatorMethod) and type(learner).features is EstimatorMethod.features:
        return {}
    if (
        not len(run.task.source) or not run.task.target.shape[0]
    ):  # not shown to the method: nothing to set beside the other
        return {}
    wanted = {"distances": config.distances, "embeddings": config.embeddings}
    return {what: sampled(run.task, n, config.seed, outputs=outputs_of(run)) for what, n in wanted.items() if n}
