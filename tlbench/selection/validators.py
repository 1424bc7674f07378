"""The label-free validators by name. Each gives one number per model; higher is better; docs/validators.md has more."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tlbench.selection import target_only, with_source
from tlbench.selection.view import View

NEEDS = {"iwv": "source_val", "dev": "source_val", "mixval": "mixed", "circular": "source"}
"""The part of a view that may be missing and without which a validator has no score."""


def _weighted(function: Callable[..., float]) -> Callable[[Any], float]:
    return lambda v: function(v.source_val.probabilities_NC, v.source_val_labels, v.weights_V)


def _of_predictions(function: Callable[..., float]) -> Callable[[View], float]:
    return lambda v: function(v.target.probabilities_NC)


def _circular(v: Any) -> float:
    return with_source.circular(v.source.features_ND, v.source_labels, v.target.features_ND, v.target.probabilities_NC)


def _mixval(v: Any) -> float:
    return target_only.mixval(v.target.probabilities_NC, v.mixed)


VALIDATORS: dict[str, Callable[[View], float]] = {
    "iwv": _weighted(with_source.iwv),
    "dev": _weighted(with_source.dev),
    "entropy": _of_predictions(target_only.entropy),
    "diversity": _of_predictions(target_only.diversity),
    "im": _of_predictions(target_only.im),
    "bnm": _of_predictions(target_only.bnm),
    "snd": _of_predictions(target_only.snd),
    "class_cluster": lambda v: target_only.class_cluster(v.target.features_ND, v.target.probabilities_NC),
    "mixval": _mixval,
    "circular": _circular,
}
"""Name -> score of a `View`, in the order of every table."""


def scores(view: View) -> dict[str, float]:
    """Score a model by every validator that the view allows, each finite; higher is better.

    `iwv` and `dev` are left out without source validation examples, `circular` without source examples, `mixval` without mixed
    inputs.
    """
    allowed = (name for name in VALIDATORS if getattr(view, NEEDS.get(name, "target")) is not None)
    return {name: VALIDATORS[name](view) for name in allowed}
