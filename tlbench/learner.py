"""Builds what learns in a run, whichever shape its method has, and gives its checkpoints."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch
from torch import nn

from tlbench.backbones.alexnet import AlexNet
from tlbench.backbones.fitted import FittedBackbone, check_fitted
from tlbench.backbones.small import Identity
from tlbench.backbones.timm_model import TimmBackbone, check_pixels, check_size
from tlbench.classifiers.estimators import FeatureClassifier
from tlbench.classifiers.network import Network
from tlbench.config.build import augment_of, build, classifier_learner, dataset_of, method_class, protocol_of
from tlbench.config.schema import Group, RunConfig
from tlbench.data.domain import Inputs, as_rows
from tlbench.data.images.rows import ImageRows
from tlbench.errors import TlbenchError, say_once
from tlbench.loggers import log_terms
from tlbench.method import EstimatorMethod, GradientMethod, MappedMethod, Reference
from tlbench.method.reference import SupervisedEstimator, SupervisedNetwork
from tlbench.seeds import torch_seed
from tlbench.selection.rules import LAST, NEED_SOURCE_VAL, ORACLE, SOURCE_VAL, no_such_rule
from tlbench.selection.view import Seen
from tlbench.task import HeldOut, Task, map_inputs
from tlbench.training.checkpoints import Checkpoint, Look
from tlbench.training.device import device_of, set_arithmetic
from tlbench.training.domains import features_of_domains, measure_domains
from tlbench.training.frozen import HOW, built_backbone, is_frozen, on_features
from tlbench.training.predict import frozen_features
from tlbench.training.probe import Outputs, make_probe

if TYPE_CHECKING:
    from pytorch_lightning.loggers import Logger

Learner = GradientMethod | EstimatorMethod
MOST_WEIGHTS = 10**10
"""Of a network; 40 GB, and more than anything trained here has by far."""


def build_learner(config: RunConfig, task: Task, held_out: HeldOut) -> tuple[Learner, Task, HeldOut]:
    """Backbone, classifier and method; the task comes back with frozen features where the backbone is frozen.

    Weights depend on the seed alone, not on the method, so a method and its references start from the same network.
    A frozen backbone under random augmentation stays in the network: its features change from step to step.
    """
    set_arithmetic(config.trainer)
    gradient = classifier_learner(config.classifier) == "gradient"
    augmented = isinstance(task.source.inputs, ImageRows) and not task.source.inputs.augment.is_plain
    if is_frozen(config.backbone) and not (gradient and augmented):
        task, held_out = on_features(config, task, held_out)
        backbone: nn.Module = Identity(input_shape=task.input_shape)
    else:
        backbone = built_backbone(config.backbone, config.seed, task.input_shape)
    if not gradient:
        task, held_out = map_inputs(task, held_out, as_rows, (int(np.prod(task.input_shape)),))
        classifier = build("classifier", config.classifier, n_classes=task.n_classes, seed=config.seed)
        classifier.tuned(task.source.inputs, task.source.labels)
        return _with_classifier(config, task, held_out, classifier), task, held_out
    torch_seed(config.seed, "head")
    head = build("classifier", config.classifier, in_dim=backbone.out_dim, n_classes=task.n_classes)
    how = config.backbone.get("batch_norm", "shared")
    network = Network(backbone, head, fixed=fixed_parameters(backbone, config.backbone), batch_norm=how)
    return _with_network(config, task, held_out, network), task, held_out


def fixed_parameters(backbone: nn.Module, group: Group) -> list[nn.Parameter]:
    """Those that are not trained: all of them, or all but those of the last k stages."""
    if group["mode"] == "finetune":
        return []
    if group["mode"] == "frozen":
        return list(backbone.parameters())
    stages = backbone.stages() if isinstance(backbone, AlexNet | TimmBackbone) else []
    last = int(group.get("last_k", 0))
    if not 1 <= last <= len(stages):
        raise TlbenchError(
            f"backbone.mode=last_k trains the last backbone.last_k stages, but backbone '{group['name']}' has "
            f"{len(stages)} and last_k is {last}."
        )
    return [p for stage in stages[: len(stages) - last] for p in stage]


def _with_network(config: RunConfig, task: Task, held_out: HeldOut, network: Network) -> GradientMethod:
    torch_seed(config.seed, "method")
    if not issubclass(method_class(config.method), Reference):
        return build("method", config.method, network=network)
    reference = build("method", config.method)
    examples = _examples(reference, task, held_out)
    return SupervisedNetwork(network=network, examples=examples, domains=reference.domains)


def _with_classifier(
    config: RunConfig, task: Task, held_out: HeldOut, classifier: FeatureClassifier
) -> EstimatorMethod:
    if not issubclass(method_class(config.method), Reference):
        return build("method", config.method, classifier=classifier)
    examples = _examples(build("method", config.method), task, held_out)
    return SupervisedEstimator(classifier=classifier, examples=examples)


def _examples(reference: Reference, task: Task, held_out: HeldOut) -> list:
    """A reference's labelled sets; target labels leave the harness here, and only for an oracle."""
    return reference.examples(task, held_out.target_labels if reference.oracle else None)


def rehearse(config: RunConfig) -> None:
    """Builds every part of a run without data or weights, so that a value out of range is told before anything is read.

    Raises:
        TlbenchError: a part refuses its config, or the selection needs what the protocol does not keep.
    """
    rule = config.selection.rule
    lacks_val = rule in NEED_SOURCE_VAL and not protocol_of(config).keeps_source_val
    if lacks_val or (rule not in (LAST, SOURCE_VAL, ORACLE) and not config.validators):
        raise no_such_rule(config.selection.name, config.protocol["name"])
    parts = ("protocol", "augment", "backbone", "classifier", "method")
    augment, backbone = augment_of(config), config.backbone
    if augment is not None and backbone.get("pretrained") and not backbone.get("weights") and "model" in backbone:
        check_pixels(backbone["model"], augment.mean, augment.sd)
    changing = augment is not None and not augment.is_plain and classifier_learner(config.classifier) == "gradient"
    _rehearse(json.dumps({part: getattr(config, part) for part in parts}), input_shape_of(config), changing)


def input_shape_of(config: RunConfig) -> tuple[int, ...]:
    """Shape of one example as the backbone gets it. Raises TlbenchError where data set and augment do not fit."""
    dataset, augment = dataset_of(config), augment_of(config)
    if dataset.input_shape and augment is not None:
        raise TlbenchError(
            f"augment={config.augment['name']} is for images in files, but dataset={config.dataset['name']} holds arrays. "
            "Use augment=none."
        )
    if not dataset.input_shape and augment is None:
        raise TlbenchError(
            f"dataset={config.dataset['name']} holds images in files: choose an augment, such as augment=office."
        )
    return dataset.input_shape if augment is None else augment.input_shape


@lru_cache(maxsize=256)
def _rehearse(groups: str, shape: tuple[int, ...], changing: bool) -> None:
    group = json.loads(groups)
    build("protocol", group["protocol"])
    backbone, classifier = group["backbone"], group["classifier"]
    unloaded = {
        **backbone,
        **{key: value for key, value in (("pretrained", False), ("weights", None)) if key in backbone},
    }
    with _one_line(f"backbone '{backbone['name']}'"), torch.device("meta"):
        model = build("backbone", unloaded, drop=HOW, input_shape=shape)
    if isinstance(model, FittedBackbone):
        check_fitted(backbone["name"], backbone["mode"], augmented=changing)
    else:
        check_size(model, backbone["name"], shape)
    try:
        with torch.device("meta"):
            _rehearse_learner(group, model)
    except RuntimeError:  # it works out what has no values on the meta device
        with _one_line(f"method '{group['method']['name']}' with classifier '{classifier['name']}'"):
            _rehearse_learner(group, model)


def _rehearse_learner(group: Group, model: nn.Module) -> None:
    """Classifier and method on the features of a backbone."""
    backbone, classifier, method = group["backbone"], group["classifier"], group["method"]
    width = int(cast(Any, model).out_dim)
    if classifier_learner(classifier) == "gradient":
        head = build("classifier", classifier, in_dim=width, n_classes=2)
        how = backbone.get("batch_norm", "shared")
        _check_count(
            Network(model, head, fixed=fixed_parameters(model, backbone), batch_norm=how), "backbone, classifier"
        )
        given: dict[str, Any] = {"network": Network(Identity(input_shape=(width,)), head)}
    else:
        given = {"classifier": build("classifier", classifier, n_classes=2, seed=0)}
    kind = method_class(method)
    if kind.learner not in ("either", classifier_learner(classifier)):
        return
    built = build("method", method, **({} if kind.learner == "either" else given))
    if isinstance(built, nn.Module):
        _check_count(built, f"method={method['name']}")
    if isinstance(built, MappedMethod) and built.dim > (most := built.most(width)):
        if most < 1:
            raise TlbenchError(f"method={method['name']} needs more features than the {width} that there are.")
        say_once(f"method.dim={built.dim} of {method['name']} is more than {width} features allow; it takes {most}.")


def _check_count(module: nn.Module, what: str) -> None:
    """Raises TlbenchError for more weights than any machine trains, before they are allocated."""
    if (count := sum(p.numel() for p in module.parameters())) > MOST_WEIGHTS:
        raise TlbenchError(
            f"{what} would have {count:.1e} weights, and {MOST_WEIGHTS:.0e} is the most. Set smaller widths."
        )


@contextmanager
def _one_line(what: str) -> Iterator[None]:
    """Raises TlbenchError where torch cannot make a part, of 10^20 weights, say."""
    try:
        yield
    except (RuntimeError, OverflowError, MemoryError) as error:
        raise TlbenchError(f"{what} cannot be built: {' '.join(str(error).split())[:200]}") from error


def checkpoints_of(
    learner: Learner,
    task: Task,
    held_out: HeldOut,
    config: RunConfig,
    logger: Logger | None,
    resume: Path | None = None,
) -> tuple[list[Checkpoint], list[dict[str, float]]]:
    """Trains and predicts: checkpoints in order, and the terms of every step (of every round, for an estimator).

    Args:
        resume: file in which a gradient method keeps its state, and from which it goes on.
    """
    if isinstance(learner, GradientMethod):
        from tlbench.training.fit import fit_gradient  # brings Lightning, which closed forms do without

        return fit_gradient(learner, task, held_out, config, logger, resume)
    learner.fit(task)
    val = None if task.source_val is None else learner.predict_proba(task.source_val.inputs, "source")
    probe = make_probe(task, config.validators, config.seed)
    scores = {} if probe is None else probe.scores(outputs_of(learner, config))
    log_terms(logger, learner.history, len(learner.history))
    test = learner.predict_proba(held_out.test.inputs, "target")
    return [Checkpoint(len(learner.history), test, val, scores)], learner.history


def outputs_of(learner: Learner, config: RunConfig) -> Outputs:
    """How a learner as it is now is looked at: features and class probabilities."""
    if isinstance(learner, GradientMethod):
        device = device_of(config.trainer.accelerator)
        return Look(learner.to(device).eval(), device, config.optim.steps)
    estimator = learner

    def look(inputs: Inputs, domain: str) -> Seen:
        rows = estimator.features(inputs, domain)
        dense = rows if isinstance(rows, np.ndarray) else rows.toarray()
        return Seen(dense, estimator.predict_proba(inputs, domain))

    return look


def distances_of(
    learner: Learner, task: Task, held_out: HeldOut, config: RunConfig, *, trained: bool
) -> dict[str, dict[str, Any]]:
    """Distances of the two domains, by what they are measured in.

    Args:
        trained: False, before training: `raw`, the inputs, or what a backbone as it came makes of images; only in a run
            that is itself the reference of its recipe, since all others have the same. True, after it: `trained`, the
            features that the run has learnt, where it learns any.
    """
    if not config.distances or (not trained and config.reference_names):
        return {}
    return _of_domains(learner, task, held_out, config, measure_domains, config.distances, trained=trained)


def embeddings_of(
    learner: Learner, task: Task, held_out: HeldOut, config: RunConfig, *, trained: bool
) -> dict[str, np.ndarray]:
    """Features that a run keeps for maps, as `RunStore.features` gives them; nothing where `embeddings` is 0.

    Args:
        trained: as in `distances_of`, but every run has `raw` ones, so that each has its own map of before and after.
    """
    if not config.embeddings:
        return {}
    found = _of_domains(learner, task, held_out, config, features_of_domains, config.embeddings, trained=trained)
    kept: dict[str, np.ndarray] = {}
    for kind, parts in found.items():
        kept |= {name if "label" in name else f"{kind}_{name}": values for name, values in parts.items()}
    return kept


def _of_domains(
    learner: Learner,
    task: Task,
    held_out: HeldOut,
    config: RunConfig,
    look: Callable[..., Any],
    examples: int,
    *,
    trained: bool,
) -> dict[str, Any]:
    """What `look` says of the domains' features, by the kind of features; empty where a run learns none."""
    seed = config.seed
    if trained and isinstance(learner, EstimatorMethod) and type(learner).features is EstimatorMethod.features:
        return {}
    if trained:
        return {"trained": look(task, held_out, examples, seed, outputs=outputs_of(learner, config))}
    if isinstance(task.source.inputs, ImageRows) and isinstance(learner, GradientMethod):
        backbone, device = learner.network.backbone, device_of(config.trainer.accelerator)
        found = look(task, held_out, examples, seed, rows=lambda x: frozen_features(backbone, x, device))
        learner.train()  # Lightning trains in the mode that it finds: the reference's batch norms must move as a method's do
        return {"raw": found}
    return {"raw": look(task, held_out, examples, seed)}
