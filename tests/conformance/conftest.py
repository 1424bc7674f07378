"""The toy data set once a process: conformance asks for the same few configs of it again and again."""

from pathlib import Path

import pytest

from tests.support import write_toy


@pytest.fixture(scope="session")
def toy_files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return write_toy(tmp_path_factory.mktemp("toy"))


@pytest.fixture
def toy(toy_files: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> Path:
    """As the fixture of other tests, which have files of their own."""
    data, conf = toy_files
    monkeypatch.setenv("TLBENCH_DATA", str(data))
    return conf
