"""The first 20 steps of every method are what they were. `make traces` renews them; CHANGELOG.md then says so."""

import os
from pathlib import Path

import numpy as np
import pytest

from tests.conformance.cases import METHODS, toy_config
from tlbench.run import ensure_run, identity_of
from tlbench.store.runs import RunStore

FOLDER = Path(__file__).parents[1] / "traces"
HEAD = "# method on the toy data set, seed 0: the terms of 20 steps, or an estimator's first 20 confidences\n"


@pytest.fixture(scope="module")
def shared(tmp_path_factory) -> str:
    """A store for all tests here: references are run once."""
    return str(tmp_path_factory.mktemp("shared"))


@pytest.mark.parametrize("method", METHODS)
def test_trace(method, toy, shared):
    config = toy_config(method, toy, "optim.steps=20", "trainer=cpu").model_copy(update={"store": shared})
    assert ensure_run(config) == "done"
    store, key = RunStore(config.store), identity_of(config)["run_key"]
    history = store.history(key)
    if len(history):
        values = [(f"{row.step:>2} {row.name}", row.value) for row in history.itertuples(index=False)]
    else:
        rows = store.predictions(key, "last").head(20)
        values = [(f"{row.id} {row.prediction}", row.confidence) for row in rows.itertuples(index=False)]
    path = FOLDER / f"{method}.txt"
    if os.environ.get("TLBENCH_RENEW_TRACES"):
        path.write_text(HEAD + "".join(f"{name} {value:.6g}\n" for name, value in values), "utf-8")
    lines = [line.rpartition(" ") for line in path.read_text("utf-8").splitlines()[1:]]
    assert [name for name, _, _ in lines] == [name for name, _ in values]
    want = np.array([float(value) for _, _, value in lines])
    np.testing.assert_allclose([value for _, value in values], want, rtol=2e-4, atol=2e-5)


def test_there_is_a_trace_for_each_method_and_no_other():
    assert sorted(path.stem for path in FOLDER.glob("*.txt")) == METHODS
