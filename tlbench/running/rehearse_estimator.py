"""Classifier and method of an estimator run, built without data."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tlbench.errors import TlbenchError, say_once
from tlbench.method.mapped import MappedMethod

if TYPE_CHECKING:
    from tlbench.running.setup import Setup


def rehearse_estimator(setup: Setup, width: int) -> None:
    """Build both. Raises TlbenchError where one refuses its config, or the method needs more features than `width`."""
    name = setup.config.method["name"]
    with one_line(f"method '{name}' with classifier '{setup.config.classifier['name']}'"):
        classifier = setup.made("classifier", n_classes=2, seed=0)
        if setup.method.learner not in ("either", setup.shape):
            return
        built = setup.learner(**({} if setup.method.learner == "either" else {"classifier": classifier}))
    if isinstance(built, MappedMethod) and built.dim > (most := built.most(width)):
        if most < 1:
            raise TlbenchError(f"method={name} needs more features than the {width} that there are.")
        say_once(f"method.dim={built.dim} of {name} is more than {width} features allow; it takes {most}.")


@contextmanager
def one_line(what: str) -> Iterator[None]:
    """Raise TlbenchError where a part cannot be made, one of 10^20 weights, say."""
    try:
        yield
    except (RuntimeError, OverflowError, MemoryError) as error:
        raise TlbenchError(f"{what} cannot be built: {' '.join(str(error).split())[:200]}") from error
