"""Backbone, head or classifier and method of a run with a network, built on torch's meta device."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import torch
from torch import nn

from tlbench.backbones.fitted import FittedBackbone, check_fitted
from tlbench.backbones.how_trained import HOW, unloaded
from tlbench.backbones.small import Identity
from tlbench.backbones.stages import fixed_parameters
from tlbench.backbones.timm_model import check_size
from tlbench.classifiers.network import Network
from tlbench.errors import TlbenchError
from tlbench.method.gradient import GradientMethod
from tlbench.running.rehearse_estimator import one_line, rehearse_estimator

if TYPE_CHECKING:
    from tlbench.running.setup import Setup
    from tlbench.training.settings import TrainerConfig

MOST_WEIGHTS = 10**10
"""Of a network; 40 GB, and more than anything trained here has by far."""


def rehearse_network(setup: Setup, shape: tuple[int, ...]) -> None:
    """Build backbone, classifier and method. Raises TlbenchError where one refuses its config, or would be too large."""
    config, backbone = setup.config, setup.config.backbone
    with one_line(f"backbone '{backbone['name']}'"), torch.device("meta"):
        model = setup.made("backbone", changed=unloaded(backbone), drop=HOW, input_shape=shape)
    if isinstance(model, FittedBackbone):
        private = setup.protocol.hides_source
        check_fitted(
            backbone["name"], backbone["mode"], augmented=setup.changes_images, kept=config.keep_model, private=private
        )
    else:
        check_size(model, backbone["name"], shape)
    if setup.shape != "gradient":
        rehearse_estimator(setup, int(cast(Any, model).out_dim))
        return
    try:
        with torch.device("meta"):
            _rehearse_learner(setup, model)
    except RuntimeError:  # it works out what has no values on the meta device
        with one_line(f"method '{config.method['name']}' with classifier '{config.classifier['name']}'"):
            _rehearse_learner(setup, model)


def _rehearse_learner(setup: Setup, model: nn.Module) -> None:
    """Build head and method on the features of a backbone."""
    backbone, name, width = setup.config.backbone, setup.config.method["name"], int(cast(Any, model).out_dim)
    head = setup.made("classifier", in_dim=width, n_classes=2)
    fixed = fixed_parameters(model, backbone)
    whole = Network(model, head, fixed=fixed, batch_norm=backbone.get("batch_norm", "shared"))
    _check_count(whole, "backbone, classifier")
    if setup.method.learner not in ("either", setup.shape):
        return
    given = {} if setup.method.learner == "either" else {"network": Network(Identity(input_shape=(width,)), head)}
    built = setup.learner(**given)
    if isinstance(built, GradientMethod):
        _check_count(built, f"method={name}")
        check_passes(built, name, setup.config.trainer)


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
