"""The tables of a store in one file, so that a store of 100,000 runs is read without opening 100,000 records.

Keyed by run key with the record's time and size. What has changed, is new or was read while it was still fresh is read from its
folder, what is gone is left out: the tables are those of the folders, with an index or without.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tlbench.aside import replacing
from tlbench.store.reading import Damaged, StoreReader

FILE = "index.parquet"
FRESH_NS = 2_000_000_000
"""A record this young may be written again with the same time and size (clocks of file systems tick slowly)."""
TABLES = ("runs", "checkpoints", "distances", "signals", "files")
Rows = dict[str, list[dict[str, Any]]]
"""Rows of each of TABLES that one record gives."""
RowsOf = Callable[[dict[str, Any]], Rows | None]
"""From a record to its rows; None for a record of another version."""


@dataclass(frozen=True)
class Index:
    """Rows of a store as they were at some time; grows by `updated`. A program that looks again and again keeps it.

    Attributes:
        stamps: time (ns) and size of each record that was read; (0, 0) where it was too fresh to be trusted.
        older: of these, the runs that another version of tlbench left.
        tables: by name, a column `_key` and those of the rows.
        damaged: run key to what is wrong with its record, of the runs that no row is of. Looked at anew each time.
    """

    stamps: Mapping[str, tuple[int, int]]
    older: frozenset[str]
    tables: Mapping[str, pa.Table]
    damaged: Mapping[str, str] = field(default_factory=dict)

    def updated(self, store: StoreReader, rows_of: RowsOf, keys: Sequence[str] | None = None) -> Index:
        """Return the index of the store as it is now, or of these runs of it alone."""
        began = time.time_ns()
        now = store.stamps() if keys is None else _some(store, keys)
        known = {key for key, stamp in now.items() if self.stamps.get(key) == stamp}
        older, found, stamps, damaged = set(self.older & known), [], {}, {}
        for key, stamp in now.items():
            if key in known:
                stamps[key] = stamp
                continue
            try:
                record = store.record(key)
            except (Damaged, OSError) as error:  # one torn record costs no other run its place
                damaged[key] = str(error)
                continue
            if record is None:  # gone since
                continue
            stamps[key] = (0, 0) if stamp[0] > began - FRESH_NS else stamp
            if (rows := rows_of(record)) is None:
                older.add(key)
            else:
                found.append((key, rows))
        if not found and len(known) == len(self.stamps):
            return replace(self, stamps=stamps, older=frozenset(older), damaged=damaged)
        kept = {name: _only(table, known, len(self.stamps)) for name, table in self.tables.items()}
        tables = {name: _joined(kept.get(name), found, name) for name in TABLES}
        return Index(stamps, frozenset(older), tables, damaged)

    def only(self, keys: Set[str]) -> Index:
        """Return the same of these runs alone."""
        tables = {name: _only(table, set(keys), len(self.stamps)) for name, table in self.tables.items()}
        return Index({key: self.stamps[key] for key in keys}, self.older & keys, tables)

    def frame(self, name: str) -> pd.DataFrame:
        """Return one of the tables, runs in the order of their keys."""
        table = self.tables.get(name)
        if table is None or not table.num_rows:
            return pd.DataFrame()
        keys = table["_key"].combine_chunks().dictionary_encode()
        words = np.array(keys.dictionary.to_pylist())
        ranks = np.empty(len(words), int)
        ranks[np.argsort(words)] = np.arange(len(words))
        order = ranks[keys.indices.to_numpy()]
        if (np.diff(order) < 0).any():
            table = table.take(pa.array(np.argsort(order, kind="stable")))
        return table.drop_columns("_key").to_pandas()


EMPTY = Index({}, frozenset(), {})


def _some(store: StoreReader, keys: Sequence[str]) -> dict[str, tuple[int, int]]:
    return {key: stamp for key in keys if (stamp := store.stamp(key)) is not None}


def _only(table: pa.Table, keys: set[str], known: int) -> pa.Table:
    if len(keys) == known:
        return table
    return table.filter(pc.is_in(table["_key"], value_set=pa.array(sorted(keys), pa.string())))


def _joined(kept: pa.Table | None, found: Sequence[tuple[str, Rows]], name: str) -> pa.Table:
    rows = [{"_key": key, **row} for key, rows in found for row in rows[name]]
    new = pa.Table.from_struct_array(pa.array(rows)) if rows else None
    parts = [part for part in (kept, new) if part is not None and part.num_rows]
    if not parts:
        return pa.table({"_key": pa.array([], pa.string())})
    return pa.concat_tables(parts, promote_options="permissive")


def read_index(store: StoreReader, layout: str) -> Index:
    """Read the index that `write_index` left; EMPTY where there is none, it is damaged, or of another layout."""
    try:
        return opened_index(store, layout)
    except (OSError, pa.ArrowException, KeyError):
        return EMPTY


def opened_index(store: StoreReader, layout: str) -> Index:
    """Do as `read_index`. Raises OSError, pyarrow.ArrowException or KeyError for a file that is damaged or not there."""
    with pq.ParquetFile(store.root / FILE, page_checksum_verification=True) as file:
        if (file.schema_arrow.metadata or {}).get(b"layout") != layout.encode():
            return EMPTY
        heads = file.read(columns=["key", "time", "size", "older"])
        # one after the other, so that only one of them is there twice
        tables = {name: _flat(heads["key"], file.read(columns=[name])[name]) for name in TABLES}
    runs = heads.to_pydict()
    stamps = {k: (t, s) for k, t, s in zip(runs["key"], runs["time"], runs["size"], strict=True)}
    older = frozenset(k for k, old in zip(runs["key"], runs["older"], strict=True) if old)
    return Index(stamps, older, tables)


def _flat(keys: pa.ChunkedArray, lists: pa.ChunkedArray) -> pa.Table:
    lists = lists.combine_chunks()
    if pa.types.is_null(lists.type.value_type):
        return pa.table({"_key": pa.array([], pa.string())})
    values = lists.flatten()
    owner = pc.take(keys.combine_chunks(), pc.list_parent_indices(lists))
    return pa.table({"_key": owner, **dict(zip([f.name for f in values.type], values.flatten(), strict=True))})


def write_index(store: StoreReader, index: Index, layout: str) -> Path:
    """Write the index at one stroke, one row a run."""
    keys = sorted(index.stamps)
    columns: dict[str, Any] = {
        "key": pa.array(keys, pa.string()),
        "time": pa.array([index.stamps[key][0] for key in keys], pa.int64()),
        "size": pa.array([index.stamps[key][1] for key in keys], pa.int64()),
        "older": pa.array([key in index.older for key in keys], pa.bool_()),
    }
    place = {key: i for i, key in enumerate(keys)}
    columns |= {name: _nested(index.tables.get(name), place) for name in TABLES}
    table = pa.table(columns).replace_schema_metadata({"layout": layout})
    with replacing(store.root / FILE) as aside:
        pq.write_table(table, aside, write_page_checksum=True)
    return store.root / FILE


def _nested(table: pa.Table | None, place: Mapping[str, int]) -> pa.ListArray:
    """Return a list of rows for each run."""
    if table is None or not table.num_rows:
        return pa.array([[] for _ in place], pa.list_(pa.null()))
    owner = np.array([place[key] for key in table["_key"].to_pylist()])
    rows = table.drop_columns("_key").take(pa.array(np.argsort(owner, kind="stable"))).combine_chunks()
    values = pa.StructArray.from_arrays([c.combine_chunks() for c in rows.columns], fields=list(rows.schema))
    ends = np.concatenate([[0], np.cumsum(np.bincount(owner, minlength=len(place)))])
    return pa.ListArray.from_arrays(pa.array(ends, pa.int32()), values)


def layout_of(*modules: str) -> str:
    """Name what the code of some modules makes of a record: an index of other code is not read."""
    return hashlib.sha256(b"".join(Path(module).read_bytes() for module in modules)).hexdigest()[:16]
