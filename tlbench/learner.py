"""Builds what learns in a run, whichever shape its method has, and gives its checkpoints."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

import torch
from pytorch_lightning.loggers import Logger

from tlbench.backbones.small import Identity
from tlbench.classifiers.estimators import FeatureClassifier
from tlbench.classifiers.head import Network
from tlbench.config.build import build, classifier_learner, method_class, protocol_of
from tlbench.config.schema import RunConfig
from tlbench.data.domain import as_rows
from tlbench.loggers import log_curves
from tlbench.method import EstimatorMethod, GradientMethod, Reference
from tlbench.method.reference import SupervisedEstimator, SupervisedNetwork
from tlbench.seeds import torch_seed
from tlbench.selection import SOURCE_VAL, no_source_val
from tlbench.task import HeldOut, Task, map_inputs
from tlbench.training.checkpoints import Checkpoint
from tlbench.training.fit import device_of, fit_gradient
from tlbench.training.predict import frozen_features

Learner = GradientMethod | EstimatorMethod


def build_learner(config: RunConfig, task: Task, held_out: HeldOut) -> tuple[Learner, Task, HeldOut]:
    """Backbone, classifier and method; the task comes back with frozen features where the backbone is frozen.

    Weights depend on the seed alone, not on the method, so a method and its references start from the same network.
    """
    gradient = classifier_learner(config.classifier) == "gradient"
    torch_seed(config.seed, "backbone")
    backbone = build("backbone", config.backbone, drop=("mode",), input_shape=task.input_shape)
    if config.backbone["mode"] == "frozen" and config.backbone["name"] != "identity":
        device, width = device_of(config.trainer.accelerator), backbone.out_dim
        task, held_out = map_inputs(task, held_out, lambda x: frozen_features(backbone, x, device), (width,))
        backbone = Identity(input_shape=(width,))
    if not gradient:
        task, held_out = map_inputs(task, held_out, as_rows, (backbone.out_dim,))
        classifier = build("classifier", config.classifier, n_classes=task.n_classes, seed=config.seed)
        classifier.tuned(task.source.inputs, task.source.labels)
        return _with_classifier(config, task, held_out, classifier), task, held_out
    torch_seed(config.seed, "head")
    head = build("classifier", config.classifier, in_dim=backbone.out_dim, n_classes=task.n_classes)
    return _with_network(config, task, held_out, Network(backbone, head)), task, held_out


def _with_network(config: RunConfig, task: Task, held_out: HeldOut, network: Network) -> GradientMethod:
    torch_seed(config.seed, "method")
    if not issubclass(method_class(config.method), Reference):
        return build("method", config.method, network=network)
    return SupervisedNetwork(network=network, examples=_examples(config, task, held_out))


def _with_classifier(
    config: RunConfig, task: Task, held_out: HeldOut, classifier: FeatureClassifier
) -> EstimatorMethod:
    if not issubclass(method_class(config.method), Reference):
        return build("method", config.method, classifier=classifier)
    return SupervisedEstimator(classifier=classifier, examples=_examples(config, task, held_out))


def _examples(config: RunConfig, task: Task, held_out: HeldOut) -> list:
    """A reference's labelled sets; target labels leave the harness here, and only for an oracle."""
    reference = build("method", config.method)
    return reference.examples(task, held_out.target_labels if reference.oracle else None)


def rehearse(config: RunConfig) -> None:
    """Builds every part of a run without data or weights, so that a value out of range is told before anything is read.

    Raises:
        TlbenchError: a part refuses its config, or the selection needs what the protocol does not keep.
    """
    if config.selection.rule == SOURCE_VAL and not protocol_of(config).keeps_source_val:
        raise no_source_val(config.selection.name, config.protocol["name"])
    _rehearse(json.dumps([config.dataset, config.protocol, config.backbone, config.classifier, config.method]))


@lru_cache(maxsize=256)
def _rehearse(groups: str) -> None:
    dataset, protocol, backbone, classifier, method = json.loads(groups)
    build("protocol", protocol)
    shape = build("dataset", dataset, name=dataset["name"], data_dir="").input_shape
    unloaded = {**backbone, "pretrained": False} if "pretrained" in backbone else backbone
    with torch.device("meta"):
        width = build("backbone", unloaded, drop=("mode",), input_shape=shape).out_dim
    if classifier_learner(classifier) == "gradient":
        head = build("classifier", classifier, in_dim=width, n_classes=2)
        given: dict[str, Any] = {"network": Network(Identity(input_shape=(width,)), head)}
    else:
        given = {"classifier": build("classifier", classifier, n_classes=2, seed=0)}
    kind = method_class(method)
    if kind.learner == "either":
        build("method", method)
    elif kind.learner == classifier_learner(classifier):
        build("method", method, **given)


def checkpoints_of(
    learner: Learner, task: Task, held_out: HeldOut, config: RunConfig, logger: Logger | None
) -> tuple[list[Checkpoint], list[dict[str, float]]]:
    """Trains and predicts: checkpoints in order, and the terms of every step (of every round, for an estimator)."""
    if isinstance(learner, GradientMethod):
        return fit_gradient(learner, task, held_out, config, logger)
    learner.fit(task)
    val = None if task.source_val is None else learner.predict_proba(task.source_val.inputs)
    log_curves(logger, learner.history)
    return [Checkpoint(len(learner.history), learner.predict_proba(held_out.test.inputs), val)], learner.history
