"""Predictions and history of a run as bytes of Parquet, and back."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

PREDICTIONS = ["step", "row", "id", "group", "label", "prediction", "confidence"]
HISTORY = ["step", "name", "value"]


def table_of(data: bytes, columns: Sequence[str]) -> pa.Table:
    """Return some columns of a table. Raises OSError or ValueError where it is damaged or has none of that name."""
    with pq.ParquetFile(
        pa.BufferReader(data)
    ) as file:  # read_table makes a data set of every file first, which takes longer
        return file.read(columns=list(columns), use_threads=False)


def bytes_of(table: pd.DataFrame | None, columns: Sequence[str]) -> bytes:
    """Return what `DataFrame.to_parquet` writes, column by column, without its look at the whole: a third of the time."""
    if table is None:
        table = pd.DataFrame(columns=list(columns))
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table({name: pa.array(table[name], from_pandas=True) for name in columns}), sink)
    return sink.getvalue().to_pybytes()
