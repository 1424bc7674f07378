"""The key of a config out of a store."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tlbench.config.keys import HARNESS, run_key
from tlbench.config.schema import checked
from tlbench.errors import TlbenchError


def key_of_stored(config: Mapping[str, Any], record: Mapping[str, Any]) -> str | None:
    """Compute the run key that a stored config has with the fingerprint and the revision of its record; no data are read.

    None where it cannot be told: the run is of another revision of the harness, this version does not take such a config, or a
    file of weights that is a part of the key is gone.
    """
    if record.get("harness") != HARNESS:
        return None
    try:
        return run_key(checked(dict(config)), record["data_fingerprint"], record["method_revision"])
    except (TlbenchError, OSError):
        return None
