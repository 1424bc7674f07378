"""A stored run as a logger sees it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from tlbench.errors import TlbenchError
from tlbench.loggers import RunContent
from tlbench.loggers.writing import MODEL
from tlbench.store.reading import StoreReader


def content_of(store: StoreReader, record: dict[str, Any]) -> RunContent:
    """Return all that a live logger was told of a run; weights were kept only by that logger, next to its log."""
    key = record["run_key"]
    folder: Path = store.folder(key)
    try:
        history, predictions = (pd.read_parquet(folder / f"{name}.parquet") for name in ("history", "predictions"))
        model = folder / "logs" / MODEL
        return RunContent(record, store.config(key), history, predictions, model if model.is_file() else None)
    except (OSError, ValueError) as error:
        raise TlbenchError(f"{folder} is damaged ({error}). `tlbench store check` names what is wrong.") from error
