"""The methods that a network can be trained by, with what each needs besides its name."""

from __future__ import annotations

import yaml

from tlbench.config.build import method_class
from tlbench.listing import describe
from tlbench.paths import conf_dir


def gradient_methods() -> dict[str, list[str]]:
    """Return each method that a network can be trained by, references too, with overrides: shots for those that need some."""
    found = {}
    for name, _ in describe("method"):
        group = yaml.safe_load((conf_dir() / "method" / f"{name}.yaml").read_text("utf-8"))
        cls = method_class({**group, "name": name})
        if cls.learner != "estimator" and not cls.oracle:
            found[name] = ["protocol.shots=3"] if cls.needs_shots else []
    return found
