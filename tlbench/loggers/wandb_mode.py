"""Whether Weights & Biases can be had: never a question, never a long wait, and one line where it cannot."""

from __future__ import annotations

import os
import sys
from functools import cache

import requests
import wandb

REACH_SECONDS = 5.0
NOT_ONLINE = {"offline": "offline", "dryrun": "offline", "disabled": "disabled"}
"""W&B's modes without a server; all others (online, run, shared) are online."""
_gone_offline: list[str] = []
"""Why this process stopped asking the server."""


def mode() -> str:
    """Return `online`, `offline` or `disabled`, as $WANDB_MODE or `wandb offline` asks for, and online only where that works."""
    if os.environ.get("WANDB_DISABLED", "").lower() in ("true", "1"):
        return "disabled"
    asked = os.environ.get("WANDB_MODE") or str(wandb.setup().settings.mode)
    if asked in NOT_ONLINE:
        return NOT_ONLINE[asked]
    if not _gone_offline and (reason := why_unreachable(server(), os.environ.get("WANDB_API_KEY"))):
        go_offline(reason)
    return "offline" if _gone_offline else "online"


def server() -> str:
    """Return the address of the server."""
    return os.environ.get("WANDB_BASE_URL") or str(wandb.setup().settings.base_url)


@cache
def why_unreachable(address: str, _key: str | None) -> str | None:
    """Return what keeps this process from the server, or None; looked at once for each address and key."""
    try:
        requests.head(address, timeout=REACH_SECONDS)
    except requests.RequestException as error:
        return f"{address} cannot be reached ({type(error).__name__})"
    if not wandb.login(host=None, prompt=False, verify=False):
        return "no API key is set ($WANDB_API_KEY or `wandb login`)"
    return None


def go_offline(reason: object) -> None:
    """Log offline from here on in this process; say so once."""
    text = " ".join(str(reason).split())
    if not _gone_offline:
        print(f"tlbench: W&B goes on offline: {text}. `wandb sync` uploads later.", file=sys.stderr)
    _gone_offline.append(text)
    wandb.teardown()  # its service holds on to the id of a run that the server refused
