"""From a setup to what a run is trained on and what is trained: the data are read, the learner is built."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tlbench.classifiers.network import Network
from tlbench.data.inputs import Inputs, as_rows
from tlbench.method import GradientMethod, Reference
from tlbench.method.reference import SupervisedEstimator, SupervisedNetwork
from tlbench.running.backbone import trained_part
from tlbench.running.clock import Clock
from tlbench.running.kept_model import start_from
from tlbench.running.looks import raw_looks
from tlbench.running.setup import Setup
from tlbench.running.shown import shown
from tlbench.running.stage_values import Prepared
from tlbench.seeds import torch_seed
from tlbench.stream_protocol import Online
from tlbench.tasks import Hidden, Labelled, Task, load_task, map_inputs
from tlbench.training.device import set_arithmetic

if TYPE_CHECKING:
    from tlbench.running.stage_values import Learner


def prepare(setup: Setup, start: Path | None = None) -> tuple[Prepared, Hidden]:
    """Read the data and build the learner; what only the judge may see comes apart.

    Weights depend on the seed alone, not on the method, so a method and its references start from the same network.

    Args:
        start: file of the source model that the run starts from; None: the network is as it was drawn.
    """
    clock, seed = Clock(), setup.config.seed
    task, test, hidden = load_task(
        setup.dataset, setup.pair, setup.protocol, seed, setup.augment, n_outputs=setup.n_outputs
    )
    clock.lap("load")
    learner, task, test = build_learner(setup, task, test, hidden)
    if start is not None:
        assert isinstance(learner, GradientMethod)
        start_from(learner, start)
    clock.lap("build")
    raw = raw_looks(setup, task, learner)
    clock.lap("distances")
    task = shown(setup, task, learner)
    clock.lap("build")
    protocol = setup.protocol
    stream = protocol.stream(hidden.labels, seed) if isinstance(protocol, Online) else None
    return Prepared(setup, task, test, learner, raw, clock.laps, stream), hidden


def build_learner(setup: Setup, task: Task, test: Inputs, hidden: Hidden) -> tuple[Learner, Task, Inputs]:
    """Build backbone, classifier and method; task and test come back with the features of what of the backbone is frozen."""
    config, gradient = setup.config, setup.shape == "gradient"
    set_arithmetic(config.trainer)
    backbone, fixed, task, test = trained_part(setup, task, test)
    if not gradient:
        task, test = map_inputs(task, test, as_rows, (int(np.prod(task.input_shape)),))
        classifier = setup.made("classifier", n_classes=task.n_classes, seed=config.seed)
        classifier.tuned(task.source.inputs, task.source.labels)
        return _method(setup, task, hidden, classifier=classifier), task, test
    torch_seed(config.seed, "head")
    head = setup.made("classifier", in_dim=backbone.out_dim, n_classes=task.n_classes)
    how = config.backbone.get("batch_norm", "shared")
    network = Network(backbone, head, fixed=fixed, batch_norm=how)
    torch_seed(config.seed, "method")
    return _method(setup, task, hidden, network=network), task, test


def _method(setup: Setup, task: Task, hidden: Hidden, **given: Any) -> Learner:
    """Build the method round its network or classifier; target labels leave the harness here, and only for an oracle."""
    if not issubclass(setup.method, Reference):
        return setup.learner(**given)
    reference: Reference = setup.made("method")
    examples: list[Labelled] = reference.examples(task, hidden.target_labels if reference.oracle else None)
    if setup.shape == "gradient":
        return SupervisedNetwork(**given, examples=examples, domains=reference.domains)
    return SupervisedEstimator(**given, examples=examples)
