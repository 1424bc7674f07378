"""From a setup to what a run is trained on and what is trained: the data are read, the learner is built."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tlbench.data.inputs import Inputs, as_rows
from tlbench.method.base import is_gradient
from tlbench.method.reference import Reference, SupervisedEstimator
from tlbench.running.clock import Clock
from tlbench.running.kept_model import start_from
from tlbench.running.looks import raw_looks
from tlbench.running.setup import Setup
from tlbench.running.shown import shown
from tlbench.running.stage_values import Prepared
from tlbench.stream_protocol import Online
from tlbench.tasks import Hidden, Labelled, Task, load_task, map_inputs

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
        assert is_gradient(learner)
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
    network = None
    if setup.needs_torch:
        from tlbench.running.build_network import build_network

        network, task, test = build_network(setup, task, test)
    if network is not None:
        return _method(setup, task, hidden, network=network), task, test
    task, test = map_inputs(task, test, as_rows, (int(np.prod(task.input_shape)),))
    classifier = setup.made("classifier", n_classes=task.n_classes, seed=setup.config.seed)
    classifier.tuned(task.source.inputs, task.source.labels)
    return _method(setup, task, hidden, classifier=classifier), task, test


def _method(setup: Setup, task: Task, hidden: Hidden, **given: Any) -> Learner:
    """Build the method round its network or classifier; target labels leave the harness here, and only for an oracle."""
    if not issubclass(setup.method, Reference):
        return setup.learner(**given)
    reference: Reference = setup.made("method")
    examples: list[Labelled] = reference.examples(task, hidden.target_labels if reference.oracle else None)
    if setup.shape == "gradient":
        from tlbench.method.supervised_network import SupervisedNetwork

        return SupervisedNetwork(**given, examples=examples, domains=reference.domains)
    return SupervisedEstimator(**given, examples=examples)
