"""Where a process imports from, for another one that is to find the same modules."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence


def absolute_path() -> list[str]:
    """Return where this process imports from, as a process in another folder can use it."""
    return [os.path.abspath(place) for place in sys.path]


def import_from(path: Sequence[str]) -> None:
    """Make this process import from where the sweep's does: a user's own methods lie in its folder, say."""
    sys.path[:] = [*path, *(place for place in sys.path if place not in path)]
