"""Weights & Biases without a server: no question, no long wait, one line."""

import os
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
import requests
import wandb

from tests.store.test_table import record
from tlbench.loggers import RunContent, close, wandb_mode
from tlbench.loggers.wandb import wandb_logger

CONFIG = {"dataset": {"name": "d"}, "backbone": {"name": "b"}, "method": {"name": "m"}}


@pytest.fixture(autouse=True)
def _fresh(monkeypatch, tmp_path):
    """A process that has not yet asked, with a key that no server knows, and no settings of the user's."""
    monkeypatch.setattr(wandb_mode, "_gone_offline", [])
    for name in ("WANDB_MODE", "WANDB_DISABLED"):
        monkeypatch.delenv(name, raising=False)
    for name, value in (
        ("WANDB_API_KEY", "a" * 40),
        ("NETRC", str(tmp_path / "none")),
        ("WANDB_CONFIG_DIR", str(tmp_path)),
    ):
        monkeypatch.setenv(name, value)
    wandb_mode.why_unreachable.cache_clear()
    wandb.teardown()  # it has read the environment of the tests before


def closed_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def test_a_server_that_cannot_be_reached_costs_a_moment_and_a_line(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("WANDB_BASE_URL", f"http://127.0.0.1:{closed_port()}")
    started = time.perf_counter()
    for _ in range(2):
        assert wandb_mode.mode() == "offline"
    assert time.perf_counter() - started < 10
    error = capsys.readouterr().err.strip().splitlines()
    assert len(error) == 1
    assert "W&B goes on offline" in error[0]
    assert "cannot be reached" in error[0]
    logger = wandb_logger(
        run=RunContent(record(group="", run_key="abcd"), CONFIG), folder=tmp_path / "logs", project="p"
    )
    close(logger, ok=True)
    assert list(tmp_path.glob("logs/wandb/offline-run-*-abcd"))


def test_without_a_key_nobody_is_asked(monkeypatch, capsys):
    monkeypatch.delenv("WANDB_API_KEY")
    monkeypatch.setattr(requests, "head", lambda *_, **__: None)
    monkeypatch.setattr(wandb, "login", lambda **given: given["prompt"])
    assert wandb_mode.mode() == "offline"
    assert "no API key is set" in capsys.readouterr().err


class Refuses(BaseHTTPRequestHandler):
    """Is there, and lets nobody in."""

    def _refuse(self):
        self.send_response(401)
        self.end_headers()

    do_GET = do_POST = do_HEAD = _refuse

    def log_message(self, *_):
        pass


def test_a_server_that_refuses_the_key_sends_the_run_offline(monkeypatch, tmp_path, capsys):
    server = HTTPServer(("127.0.0.1", 0), Refuses)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("WANDB_BASE_URL", f"http://127.0.0.1:{server.server_port}")
    started = time.perf_counter()
    run = RunContent(record(group="", run_key="abce"), CONFIG)
    close(wandb_logger(run=run, folder=tmp_path / "logs", project="p", init_timeout=5.0), ok=True)
    server.shutdown()
    assert time.perf_counter() - started < 30
    assert capsys.readouterr().err.count("W&B goes on offline") == 1
    assert list(tmp_path.glob("logs/wandb/offline-run-*-abce"))


@pytest.mark.parametrize(("asked", "found"), [("offline", "offline"), ("dryrun", "offline"), ("disabled", "disabled")])
def test_what_is_asked_for_needs_no_server(monkeypatch, asked, found):
    monkeypatch.setenv("WANDB_MODE", asked)
    monkeypatch.setattr(requests, "head", None)
    assert wandb_mode.mode() == found


def test_files_wait_beside_a_folder_that_will_be_moved(monkeypatch, tmp_path):
    from tlbench.loggers import wandb as module

    monkeypatch.setattr(module, "STAGED", [""])
    monkeypatch.delenv("WANDB_DATA_DIR", raising=False)
    for name, place in ((".aside/k/logs-1", tmp_path), ("out", tmp_path / "out")):
        (tmp_path / name).mkdir(parents=True)
        module.stage(tmp_path / name)
        assert os.environ["WANDB_DATA_DIR"] == str(place / ".wandb-files")
    monkeypatch.setenv("WANDB_DATA_DIR", "mine")
    module.stage(tmp_path / "out")
    assert os.environ["WANDB_DATA_DIR"] == "mine"
