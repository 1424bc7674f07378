"""The command: what it refuses, and to whom it listens."""

import socket

import pytest

from tlbench.cli import main
from tlbench.dashboard import command


def told(capsys, *arguments):
    assert main(["dashboard", *arguments]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    return error


@pytest.fixture
def started(monkeypatch):
    settings = {}
    monkeypatch.setattr(command, "_start", settings.update)
    for name in (command.STORE, command.TOKEN):
        monkeypatch.setenv(name, "")
    return settings


def test_no_store(capsys, tmp_path):
    assert "does not exist" in told(capsys, "--store", str(tmp_path / "none"))
    (tmp_path / "file").touch()
    assert "is no folder" in told(capsys, "--store", str(tmp_path / "file"))


def test_no_streamlit(capsys, tmp_path, monkeypatch):
    monkeypatch.setattr(command, "find_spec", lambda name: None)
    assert "pip install 'tlbench[dashboard]'" in told(capsys, "--store", str(tmp_path))


def test_port_in_use_and_out_of_range(capsys, tmp_path, started):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        assert "in use" in told(capsys, "--store", str(tmp_path), "--port", str(other.getsockname()[1]))
    assert "Port 70000" in told(capsys, "--store", str(tmp_path), "--port", "70000")


def test_this_machine_alone_needs_no_token_and_sends_nothing(capsys, tmp_path, started):
    assert main(["dashboard", "--store", str(tmp_path), "--port", "0"]) == 0
    assert "token" not in capsys.readouterr().out
    assert started["server.address"] == "127.0.0.1"
    assert started["browser.gatherUsageStats"] is False
    assert started["server.headless"] is True
    assert command.os.environ[command.TOKEN] == ""


def test_another_address_needs_a_new_token_each_time(capsys, tmp_path, started):
    seen = set()
    for _ in range(2):
        assert main(["dashboard", "--store", str(tmp_path), "--port", "0", "--host", "0.0.0.0"]) == 0
        token = command.os.environ[command.TOKEN]
        assert capsys.readouterr().out.count(f"?token={token}") == 1
        assert len(token) >= 32
        seen.add(token)
    assert len(seen) == 2


@pytest.mark.parametrize(("host", "local"), [("127.0.0.1", True), ("::1", True), ("localhost", True), ("0.0.0.0", False),
                                             ("10.0.0.1", False), ("example.org", False)])  # fmt: skip
def test_is_local(host, local):
    assert command.is_local(host) is local
