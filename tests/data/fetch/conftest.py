from __future__ import annotations

import io
from collections.abc import Iterator

import pytest
from rich.console import Console

from tests.data.fetch.server import Server, running
from tlbench.data.fetch import download as module


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setattr(module, "PAUSE", 0)
    with running() as server:
        yield server


@pytest.fixture
def console() -> Console:
    """Its text is `console.file.getvalue()`."""
    return Console(file=io.StringIO(), width=300)
