"""What a method does not see can be noise: its predictions stay equal to the bit."""

import dataclasses

import numpy as np
import pytest

from tests.conformance.cases import METHODS, class_of, takes_stream, toy_config
from tests.conformance.test_methods import predictions
from tests.support import ensure_run, remove
from tlbench.method.base import PARTS
from tlbench.running import prepare as preparing
from tlbench.running.setup import Setup
from tlbench.store.runs import RunStore
from tlbench.tasks import Labelled

BLIND = [
    (method, part)
    for method in METHODS
    for part in sorted(PARTS - class_of(method).sees)
    if not (part == "shots" and takes_stream(method))
]
RNG = np.random.default_rng(0)


def noise(examples: Labelled | None) -> Labelled | None:
    if examples is None:
        return None
    inputs = RNG.normal(size=examples.inputs.shape).astype(examples.inputs.dtype)
    return Labelled(inputs, RNG.permutation(examples.labels))


def without(task, part):
    if part == "source":
        return dataclasses.replace(task, source=noise(task.source), source_val=noise(task.source_val))
    if part == "shots":
        return dataclasses.replace(task, shots=noise(task.shots))
    return dataclasses.replace(task, target=RNG.normal(size=task.target.shape).astype(task.target.dtype))


@pytest.fixture(scope="module")
def stores(tmp_path_factory):
    """One for what is run on the true parts and one for what is run on noise, in which references are run once, on true parts."""
    return tmp_path_factory.mktemp("given"), tmp_path_factory.mktemp("noise")


@pytest.mark.parametrize(("method", "part"), BLIND)
def test_noise_in_a_part_that_a_method_does_not_see_changes_no_prediction(method, part, toy, stores, monkeypatch):
    shots = ["protocol.shots=2"] if part == "shots" or class_of(method).needs_shots else []
    config = toy_config(method, toy, *shots)
    want = predictions(config, stores[0])
    setup = Setup.of(config.model_copy(update={"store": str(stores[1])}))
    if (store := RunStore(stores[1])).status(setup.key) is not None:
        remove(store, setup.key)  # of another part
    before = [*setup.references.values(), *([setup.source_model] if setup.source_model else [])]
    assert {ensure_run(other.config) for other in before} == {"done"}  # stage one has the true parts
    seen = []
    load = preparing.load_task

    def noisy(*given, **how):
        task, test, hidden = load(*given, **how)
        seen.append(without(task, part))
        return seen[-1], test, hidden

    monkeypatch.setattr(preparing, "load_task", noisy)
    got = predictions(config, stores[1])
    assert len(seen) == 1
    for name in want:
        np.testing.assert_array_equal(want[name], got[name])
