"""A record as text, and the checksums by which damage is seen.

A record ends with the checksum of all that stands before it, so that a number edited by hand is seen; it holds the checksums of
the run's other files, so that files of another run in their place are.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

SCHEMA = 3
"""Of the records that are written."""
READABLE = (2, 3)
"""Records of another schema are left alone. Those of 2 carry no checksums."""
NETWORK, ESTIMATOR = "model.safetensors", "model.skops"
"""A kept model: of a network, of an estimator."""
CONFIG, TABLE, TERMS, FEATURES = "config.yaml", "predictions.parquet", "history.parquet", "features.npz"
OUTLOOKS = "outlooks.npz"
FILES = (CONFIG, TABLE, TERMS, OUTLOOKS, FEATURES, NETWORK, ESTIMATOR)
"""What a record holds a checksum of, where the run has it. Logs are the loggers' own."""
COSTS = ("seconds", "train_seconds", "peak_memory_mb", "examples_per_second")
"""Of a record's `costs`, those that tables and loggers have."""
SEAL = ', "checksum": "'


def sealed_record(record: Mapping[str, Any]) -> str:
    """Return the record as JSON with its checksum as the last entry. Raises ValueError for a number that is not finite."""
    body = json.dumps(dict(record), allow_nan=False)
    return f'{body[:-1]}{SEAL}{checksum(body.encode())}"}}'


def opened_record(text: str) -> dict[str, Any]:
    """Return the record that a text holds, its own checksum left out.

    Raises:
        ValueError: it is no record, or another text than the one that was sealed.
    """
    record = json.loads(text)
    if not isinstance(record, dict) or "status" not in record:
        raise ValueError("it is no record of a run")
    seal = record.pop("checksum", None)
    if seal is None and record.get("schema", 0) > 2:
        raise ValueError("its checksum is gone")
    if seal is not None and checksum((text[: text.rfind(SEAL)] + "}").encode()) != seal:
        raise ValueError("it was changed after it was written: its checksum does not fit")
    return record


def warning_of(record: Mapping[str, Any], step: int, reference_step: int) -> Mapping[str, Any] | None:
    """Return the probability and the version of the warning that a record has of two checkpoints, its run's and the primary
    reference's; None where none was made."""
    for found in record.get("warnings", []):
        if (found["step"], found["reference_step"]) == (step, reference_step):
            told: Mapping[str, Any] | None = found["warning"]
            return told
    return None


def checksum(part: bytes | Path) -> str:
    """Compute the SHA-256 of bytes, or of a file. Raises OSError."""
    if isinstance(part, bytes):
        return hashlib.sha256(part).hexdigest()
    with open(part, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def checksums(parts: Mapping[str, bytes | Path]) -> dict[str, str]:
    """Compute the checksum of each of FILES that a run has."""
    return {name: checksum(parts[name]) for name in FILES if name in parts}
