"""Every method config, with what a toy run of it needs. A new method is picked up by its YAML alone."""

from __future__ import annotations

import importlib
from pathlib import Path

from tests.support import config_of
from tlbench.config.build import method_class
from tlbench.config.schema import RunConfig
from tlbench.paths import conf_dir

METHODS = sorted(path.stem for path in (conf_dir() / "method").glob("*.yaml"))
SHORTENED = {"rounds": "method.rounds=4"}
"""Parameters that only set how long a method takes."""


def toy_config(method: str, conf: Path, *extra: str) -> RunConfig:
    """A run of `method` on the toy data set, with shots, a bridge and no negative number only where it must."""
    text = (conf_dir() / "method" / f"{method}.yaml").read_text("utf-8")
    shorter = [override for key, override in SHORTENED.items() if f"{key}:" in text]
    needs = ["protocol.shots=2"] if _class(method).needs_shots else []
    if not _class(method).takes_negative:
        needs.append("dataset.transforms=[{rescale:{low:-20,high:0}}]")  # x / 10 + 1
    pair = "pair=L-T-R" if _class(method).needs_bridge else "pair=L-R"
    return config_of("dataset=toy", pair, f"method={method}", *shorter, *needs, *extra, config_dir=conf)


def variants(method: str) -> tuple[str, ...]:
    """Losses that bear the method's name, the names in its file's VARIANTS; ("",) where there is but one."""
    return tuple(getattr(importlib.import_module(f"baselines.{method}"), "VARIANTS", ("",)))


def learns_by_gradient(method: str) -> bool:
    return _class(method).learner == "gradient"


def is_oracle(method: str) -> bool:
    return _class(method).oracle


def _class(method: str):
    import yaml

    return method_class(
        {**yaml.safe_load((conf_dir() / "method" / f"{method}.yaml").read_text("utf-8")), "name": method}
    )
