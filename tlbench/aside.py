"""Files are written aside and put into place at one stroke: they are there whole or not at all."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tlbench.errors import TlbenchError


def unique(prefix: str) -> str:
    """Return a name that no other process gives. Files of tempfile would be readable by their owner alone, whatever the umask."""
    return f"{prefix}-{uuid.uuid4().hex[:12]}"


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a name beside `path` to write to; it takes its place when the block ends, and is removed where it fails.

    Raises:
        TlbenchError: it cannot be written: the disk is full, say.
    """
    aside = path.with_name(f"{unique(f'.{path.name}')}.part")
    try:
        yield aside
        os.replace(aside, path)
    except BaseException as error:
        aside.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise not_written(path, error) from error
        raise


def not_written(path: Path, error: OSError) -> TlbenchError:
    """Return the error of a file or folder that cannot be written."""
    reason = error.strerror or type(error).__name__
    where = "choose another place by store=... or $TLBENCH_STORE (caches: $TLBENCH_CACHE)"
    return TlbenchError(f"'{path}' cannot be written ({reason}). Make room, or {where}.")
