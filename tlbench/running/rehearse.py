"""Every part of a run is built without data or weights, so that a value out of range is told before anything is read."""

from __future__ import annotations

import json

import numpy as np

from tlbench.errors import say_once
from tlbench.running.rehearse_estimator import rehearse_estimator
from tlbench.running.setup import Setup
from tlbench.selection.rules import LAST, NEED_SOURCE, NEED_SOURCE_VAL, ORACLE, SOURCE_VAL, no_such_rule, unseen_by

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
        from tlbench.backbones.timm_model import check_pixels

        check_pixels(backbone["model"], augment.mean, augment.sd)
    shape = setup.input_shape
    hardware = config.trainer.devices, config.trainer.accumulate, config.trainer.precision
    mark = json.dumps([shape, hardware, *(getattr(config, part) for part in PARTS)])
    if mark not in _rehearsed:
        if setup.needs_torch:
            from tlbench.running.rehearse_network import rehearse_network

            rehearse_network(setup, shape)
        else:
            rehearse_estimator(setup, int(np.prod(shape)))
        _rehearsed.add(mark)


def _say_of_unknown(setup: Setup) -> None:
    """Say where a metric counts what a run will hardly ever say; no refusal, as a method may move an output without examples."""
    metric = setup.dataset.metric
    if metric.name in ("hos", "unk") and setup.protocol.reject is None and not setup.says_unknown:
        say_once(
            f"{setup.config.method['name']} has no example of the unknown class and hardly ever says it, so its "
            f"{metric.title} is 0 or near it. Set protocol.reject=entropy for a rule that says it."
        )
