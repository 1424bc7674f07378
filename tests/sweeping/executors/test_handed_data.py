"""A process that is handed arrays reads no file of them, and finds the same run."""

from __future__ import annotations

import pickle
import shutil
from types import SimpleNamespace

import numpy as np
import pytest

from tests.support import config_of
from tlbench.errors import TlbenchError
from tlbench.running import setup
from tlbench.running.ensure import ensure
from tlbench.running.setup import Setup, _dataset
from tlbench.store.runs import RunStore
from tlbench.sweeping.executors import handed_data
from tlbench.sweeping.executors.handed_data import data_of, take_handed


@pytest.fixture
def arrays(tmp_path):
    rng = np.random.default_rng(0)
    for name, by in (("left", 0.0), ("right", 0.5), ("far", 3.0)):
        (tmp_path / "data").mkdir(exist_ok=True)
        labels = np.arange(60) % 3
        np.savez(tmp_path / "data" / f"{name}.npz", x=rng.normal(size=(60, 4)) + labels[:, None] + by, y=labels)
    return tmp_path / "data"


def config(arrays, store):
    paths = ",".join(f"{name}:{arrays / f'{name}.npz'}" for name in ("left", "right", "far"))
    return config_of(
        "dataset=arrays", f"dataset.paths={{{paths}}}", "pair=left-right", "method=coral_linear", f"store={store}",
        "validators=0", "distances=0", "classifier=linear_svm", "backbone=identity",
    )  # fmt: skip


def test_what_is_handed_is_used_and_leaves_the_same_run(arrays, tmp_path, monkeypatch):
    given = Setup.of(config(arrays, tmp_path / "one"))
    assert ensure(given) == "done"
    (handed,) = data_of([SimpleNamespace(setup=given)], lambda name, data: (name, pickle.loads(pickle.dumps(data))))
    assert sorted(handed.domains) == ["left", "right"]
    assert list(handed.fingerprints) == ["left,right"]
    elsewhere = given.config.model_copy(update={"store": str(tmp_path / "two")})
    shutil.rmtree(arrays)
    _dataset.cache_clear()
    with pytest.raises((TlbenchError, OSError)):
        _ = Setup.of(elsewhere).key
    monkeypatch.setattr(setup, "_GIVEN", {})
    monkeypatch.setattr(handed_data, "_TAKEN", {})
    take_handed(handed, lambda kept: kept[1])
    take_handed(handed, lambda kept: pytest.fail("what is there is not fetched again"))
    other = Setup.of(elsewhere)
    assert other.key == given.key
    other.dataset.check("left")
    with pytest.raises((TlbenchError, OSError)):
        other.dataset.load("far")
    assert ensure(other) == "done"
    one, two = RunStore(tmp_path / "one"), RunStore(tmp_path / "two")
    for key in one.run_keys():
        assert one.every_prediction(key).equals(two.every_prediction(key))


def test_a_data_set_is_handed_once_for_all_runs_of_a_batch(arrays, tmp_path):
    kept = []
    setups = [Setup.of(config(arrays, tmp_path / "one").model_copy(update={"seed": seed})) for seed in range(3)]
    data_of([SimpleNamespace(setup=setup) for setup in setups], lambda name, domain: kept.append(name))
    assert len(kept) == 3  # the data set and two domains
