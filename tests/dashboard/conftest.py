"""One small store for all tests of the dashboard's logic, and the app over it without a browser."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.dashboard.stores import add_failed, add_plan, sweep
from tlbench.store.runs import RunStore

pytest.importorskip("streamlit")
from streamlit.testing.v1 import AppTest

import tlbench.dashboard
from tlbench.dashboard.command import STORE, TOKEN

APP = Path(tlbench.dashboard.__file__).with_name("app.py")
MAIN = sys.modules["__main__"]


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two pairs, two methods and their reference, two seeds: 12 runs; a failed one; a second plan that lacks one."""
    root = tmp_path_factory.mktemp("dashboard") / "runs"
    sweep(root, "pair=P-H,P-R", "method=coral_linear,pca", "seed=0,1", "embeddings=20", "tags=[first]")
    done = RunStore(root).run_keys()
    add_failed(root)
    add_plan(root, "<b>second", done[:3], seed=7)
    return root


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch) -> Callable[..., AppTest]:
    """Opens the app over a store at a query, and runs it once."""

    def opened(root: Path, wanted: str = "", **query: str) -> AppTest:
        monkeypatch.setenv(STORE, str(root))
        monkeypatch.setenv(TOKEN, wanted)
        test = AppTest.from_file(str(APP), default_timeout=120)
        for name, value in query.items():
            test.query_params[name] = value
        return test.run()

    return opened


@pytest.fixture(autouse=True)
def _main_stays() -> Iterator[None]:
    """Streamlit runs the app as `__main__` and leaves it there: processes that a later test spawns would run it again."""
    yield
    sys.modules["__main__"] = MAIN
