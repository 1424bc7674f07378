"""`tlbench dashboard`: checks what it is given, then serves `app.py` with Streamlit on this machine alone."""

from __future__ import annotations

import ipaddress
import os
import secrets
import socket
from contextlib import redirect_stdout
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from tlbench.errors import TlbenchError
from tlbench.store.mirroring import is_address
from tlbench.store.runs import opened_store

STORE, TOKEN = "TLBENCH_DASHBOARD_STORE", "TLBENCH_DASHBOARD_TOKEN"
"""Environment variables that `app.py` reads: an argument would show the token to every user of the machine."""
PORT = 8501


def serve(store: str, host: str = "127.0.0.1", port: int | None = None) -> int:
    """Serve until it is interrupted; 0.

    Args:
        store: folder of runs; may be empty, or filled while it is watched.
        host: address to listen on; any but this machine's own needs the token that is printed.
        port: 0 for a free one; None for 8501.

    Raises:
        TlbenchError: no Streamlit, no store, or a port that cannot be had.
    """
    if find_spec("streamlit") is None:
        raise TlbenchError("The dashboard needs Streamlit: pip install 'tlbench[dashboard]'.")
    where = opened_store(store).where
    port = free_port(host, PORT if port is None else port)
    token = "" if is_local(host) else secrets.token_urlsafe(24)
    os.environ[STORE], os.environ[TOKEN] = where if is_address(where) else str(Path(where).resolve()), token
    print(f"tlbench dashboard of '{store}': {address(host, port, token)}  (Ctrl+C ends it)", flush=True)
    _start(options(host, port))
    return 0


def is_local(host: str) -> bool:
    """Tell whether only this machine reaches the address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def free_port(host: str, port: int) -> int:
    """Return the port, or a free one for 0. Raises TlbenchError where it cannot be had."""
    if not 0 <= port <= 65535:
        raise TlbenchError(f"Port {port} is none: 0 to 65535. Set by --port.")
    try:
        family, _, _, _, where = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(where)
            return int(probe.getsockname()[1])
    except OSError as error:
        raise TlbenchError(
            f"Port {port} of {host} cannot be had ({error.strerror}). Set by --port and --host; --port 0 takes a free one."
        ) from error


def address(host: str, port: int, token: str) -> str:
    """Return what to open in the browser."""
    name = socket.gethostname() if host in ("0.0.0.0", "::") else host
    name = f"[{name}]" if ":" in name else name
    return f"http://{name}:{port}/" + (f"?token={token}" if token else "")


def options(host: str, port: int) -> dict[str, Any]:
    """Return Streamlit's settings: nothing leaves the machine, nothing is opened, watched or offered beside the dashboard."""
    return {
        "browser.gatherUsageStats": False,
        "browser.serverAddress": host if is_local(host) else "",
        "client.toolbarMode": "minimal",
        "client.showErrorDetails": "type",
        "global.developmentMode": False,
        "logger.hideWelcomeMessage": True,
        "server.address": host,
        "server.fileWatcherType": "none",
        "server.headless": True,
        "server.port": port,
    }


def _start(settings: dict[str, Any]) -> None:
    from streamlit.web import bootstrap

    flags = {name.replace(".", "_"): value for name, value in settings.items() if value != ""}
    bootstrap.load_config_options(flag_options=flags)
    # Streamlit says that it stops before it does, and does not stop where nobody is left to hear it
    with open(os.devnull, "w", encoding="utf-8") as nowhere, redirect_stdout(nowhere):
        bootstrap.run(str(Path(__file__).with_name("app.py")), False, [], flags)
