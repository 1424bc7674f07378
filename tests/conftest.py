"""Fixtures; every test gets a store and a working folder of its own, the made data set is shared."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hypothesis import HealthCheck, settings

from tests import composing
from tests.support import write_toy

DATA = os.environ.get("TLBENCH_DATA")
torch.set_num_threads(1)
# a busy machine is no failure: no example has a time to keep
settings.register_profile("untimed", settings.default, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if DATA is None or not Path(DATA).is_dir():
        absent = pytest.mark.skip(reason="real data are absent: TLBENCH_DATA names no folder")
        for item in items:
            if item.get_closest_marker("data"):
                item.add_marker(absent)


def pytest_collection_finish() -> None:
    gc.freeze()  # what imports made stays, half a million objects; looking through them again and again is a tenth of the time
    gc.set_threshold(20_000, 20, 20)


@pytest.fixture(scope="session", autouse=True)
def _composed_once() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ConfigLoaderImpl, "_load_configuration_impl", composing.remembered)
        yield


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    monkeypatch.setenv("TLBENCH_STORE", str(tmp_path / "store"))
    monkeypatch.delenv("TLBENCH_DATA", raising=False)


@pytest.fixture
def real_data(monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of real data; use it with @pytest.mark.data."""
    assert DATA is not None
    folder = Path(DATA).resolve()
    monkeypatch.setenv("TLBENCH_DATA", str(folder))
    return folder


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The toy data set on disk, $TLBENCH_DATA pointing at it; returns the config folder that names it."""
    data, conf = write_toy(tmp_path / "toy")
    monkeypatch.setenv("TLBENCH_DATA", str(data))
    return conf
