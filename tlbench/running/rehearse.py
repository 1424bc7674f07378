"""Every part of a run is built without data or weights, so that a value out of range is told before anything is read."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import torch
from torch import nn

from tlbench.backbones.fitted import FittedBackbone, check_fitted
from tlbench.backbones.small import Identity
from tlbench.backbones.stages import HOW, fixed_parameters
from tlbench.backbones.timm_model import check_pixels, check_size
from tlbench.classifiers.network import Network
from tlbench.errors import TlbenchError, say_once
from tlbench.method import GradientMethod, MappedMethod
from tlbench.running.setup import Setup
from tlbench.selection.rules import LAST, NEED_SOURCE, NEED_SOURCE_VAL, ORACLE, SOURCE_VAL, no_such_rule, unseen_by
from tlbench.training.settings import TrainerConfig

MOST_WEIGHTS = 10**10
"""Of a network; 40 GB, and more than anything trained here has by far."""
PARTS = ("protocol", "augment", "backbone", "classifier", "method")
_rehearsed: set[str] = set()
"""What was built without complaint: the runs of a sweep differ in pairs and seeds."""


def rehearse(setup: Setup) -> None:
    """Raise TlbenchError where a part refuses its config, or the selection needs what the protocol does not keep."""
    config, augment, backbone = setup.config, setup.augment, setup.config.backbone
    _say_of_unknown(setup)
    rule = config.selection.rule
    lacks_val = rule in NEED_SOURCE_VAL and not setup.protocol.keeps_source_val
    lacks_source = rule in NEED_SOURCE and not setup.sees_source
    lacks_target = rule not in (LAST, SOURCE_VAL, ORACLE) and not setup.sees_target
    if (lacks_source or lacks_target) and not setup.protocol.hides_source:
        raise unseen_by(config.selection.name, config.method["name"], "source" if lacks_source else "target")
    if lacks_source or lacks_val or (rule not in (LAST, SOURCE_VAL, ORACLE) and not config.validators):
        raise no_such_rule(config.selection.name, config.protocol)
    if augment is not None and backbone.get("pretrained") and not backbone.get("weights") and "model" in backbone:
        check_pixels(backbone["model"], augment.mean, augment.sd)
    shape = setup.input_shape
    hardware = config.trainer.devices, config.trainer.accumulate, config.trainer.precision
    mark = json.dumps([shape, hardware, *(getattr(config, part) for part in PARTS)])
    if mark not in _rehearsed:
        _rehearse(setup, shape)
        _rehearsed.add(mark)


def _say_of_unknown(setup: Setup) -> None:
    """Say where a metric counts what a run will hardly ever say; no refusal, as a method may move an output without examples."""
    metric = setup.dataset.metric
    if metric.name in ("hos", "unk") and setup.protocol.reject is None and not setup.says_unknown:
        say_once(
            f"{setup.config.method['name']} has no example of the unknown class and hardly ever says it, so its "
            f"{metric.title} is 0 or near it. Set protocol.reject=entropy for a rule that says it."
        )


def unloaded(backbone: dict[str, Any]) -> dict[str, Any]:
    """Return what a backbone config has in place of its weights, where only its shape matters."""
    return {key: value for key, value in (("pretrained", False), ("weights", None)) if key in backbone}


def _rehearse(setup: Setup, shape: tuple[int, ...]) -> None:
    config = setup.config
    backbone, classifier, method = config.backbone, config.classifier, config.method
    with _one_line(f"backbone '{backbone['name']}'"), torch.device("meta"):
        model = setup.made("backbone", changed=unloaded(backbone), drop=HOW, input_shape=shape)
    if isinstance(model, FittedBackbone):
        private = setup.protocol.hides_source
        check_fitted(
            backbone["name"], backbone["mode"], augmented=setup.changes_images, kept=config.keep_model, private=private
        )
    else:
        check_size(model, backbone["name"], shape)
    try:
        with torch.device("meta"):
            _rehearse_learner(setup, model)
    except RuntimeError:  # it works out what has no values on the meta device
        with _one_line(f"method '{method['name']}' with classifier '{classifier['name']}'"):
            _rehearse_learner(setup, model)


def _rehearse_learner(setup: Setup, model: nn.Module) -> None:
    """Build classifier and method on the features of a backbone."""
    backbone, name, width = setup.config.backbone, setup.config.method["name"], int(cast(Any, model).out_dim)
    if setup.shape == "gradient":
        head = setup.made("classifier", in_dim=width, n_classes=2)
        fixed = fixed_parameters(model, backbone)
        whole = Network(model, head, fixed=fixed, batch_norm=backbone.get("batch_norm", "shared"))
        _check_count(whole, "backbone, classifier")
        given: dict[str, Any] = {"network": Network(Identity(input_shape=(width,)), head)}
    else:
        given = {"classifier": setup.made("classifier", n_classes=2, seed=0)}
    if setup.method.learner not in ("either", setup.shape):
        return
    built = setup.learner(**({} if setup.method.learner == "either" else given))
    if isinstance(built, nn.Module):
        _check_count(built, f"method={name}")
    if isinstance(built, GradientMethod):
        check_passes(built, name, setup.config.trainer)
    if isinstance(built, MappedMethod) and built.dim > (most := built.most(width)):
        if most < 1:
            raise TlbenchError(f"method={name} needs more features than the {width} that there are.")
        say_once(f"method.dim={built.dim} of {name} is more than {width} features allow; it takes {most}.")


def _check_count(module: nn.Module, what: str) -> None:
    """Raise TlbenchError for more weights than any machine trains, before they are allocated."""
    if (count := sum(p.numel() for p in module.parameters())) > MOST_WEIGHTS:
        raise TlbenchError(
            f"{what} would have {count:.1e} weights, and {MOST_WEIGHTS:.0e} is the most. Set smaller widths."
        )


def check_passes(method: GradientMethod, name: str, trainer: TrainerConfig) -> None:
    """Raise TlbenchError where a step of several updates would be spread over devices or parts, or scaled.

    What a method keeps of whole sets is not shared between devices.
    """
    if method.look_every is not None and trainer.devices > 1:
        raise TlbenchError(
            f"method={name} keeps what it saw of whole sets, which trainer.devices={trainer.devices} would not share. Set "
            "trainer.devices=1."
        )
    if method.passes == 1:
        return
    for setting, value, plain in (("devices", trainer.devices, 1), ("accumulate", trainer.accumulate, 1)):
        if value != plain:
            raise TlbenchError(
                f"A step of method={name} is more than one update, which trainer.{setting}={value} would take apart. "
                f"Set trainer.{setting}={plain}."
            )
    if trainer.precision == "16-mixed":
        raise TlbenchError(
            f"A step of method={name} is more than one update, and trainer.precision=16-mixed scales the gradient of one. Use "
            "trainer.precision=bf16-mixed or 32-true."
        )


@contextmanager
def _one_line(what: str) -> Iterator[None]:
    """Raise TlbenchError where torch cannot make a part, of 10^20 weights, say."""
    try:
        yield
    except (RuntimeError, OverflowError, MemoryError) as error:
        raise TlbenchError(f"{what} cannot be built: {' '.join(str(error).split())[:200]}") from error
