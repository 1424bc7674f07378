"""Libraries that only some loggers need."""

from __future__ import annotations

from importlib.util import find_spec

from tlbench.errors import TlbenchError


def need(module: str, logger: str) -> None:
    """Raise TlbenchError with the command that installs it where a library is missing."""
    if find_spec(module) is None:
        raise TlbenchError(
            f"logger={logger} needs the library '{module}', which is not installed: pip install 'tlbench[{logger}]'."
        )
