"""The atlas as a file: a Parquet table of a few MB, words coded by dictionaries, numbers in 32 bits."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from tlbench.aside import replacing
from tlbench.atlas.atlas_rows import COUNTS, TRUTHS, WORDS, ordered
from tlbench.errors import TlbenchError
from tlbench.paths import results_dir

FILE = "atlas.parquet"
KEY = ["run_key", "rule"]
"""What no two rows share: a run as a default, and as the choice of a rule."""


def atlas_folder(out: str | None) -> Path:
    """Return where the atlas lies: `results/atlas` of a checkout, or what `--out` says."""
    return results_dir() / "atlas" if out is None else Path(out)


def read_atlas(folder: Path) -> pd.DataFrame:
    """Return the rows of the atlas in a folder; no rows where it holds none. Raises TlbenchError for a file that is damaged."""
    path = folder / FILE
    if not path.exists():
        return ordered(pd.DataFrame())
    try:
        table = pq.read_table(path)
    except (pa.ArrowException, OSError) as error:
        raise TlbenchError(f"{path} is damaged ({error}). Take it from its repository again.") from error
    rows = table.to_pandas()
    return rows.assign(**{name: rows[name].astype(object) for name in WORDS if name in rows})


def write_atlas(folder: Path, rows: pd.DataFrame) -> Path:
    """Write the rows of the atlas, whole or not at all; return the file.

    Raises:
        ValueError: two rows have one KEY.
    """
    if (doubles := rows.duplicated(KEY)).any():
        raise ValueError(
            f"Each run stands in the atlas once, got {rows.loc[doubles, KEY[0]].head().tolist()} more often."
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise TlbenchError(f"'{folder}' cannot be a folder ({error.strerror}). Set by --out.") from error
    rows, path = ordered(rows), folder / FILE
    arrays = [pa.array(_plain(rows[name]), _kind(str(name))) for name in rows]
    with replacing(path) as aside:
        pq.write_table(pa.Table.from_arrays(arrays, names=list(rows)), aside, compression="zstd", compression_level=19)
    return path


def _kind(name: str) -> pa.DataType:
    if name in WORDS:
        return pa.dictionary(pa.int32(), pa.string())
    return pa.int32() if name in COUNTS else pa.bool_() if name in TRUTHS else pa.float32()


def _plain(values: pd.Series) -> list[object]:
    return [None if pd.isna(value) else value for value in values]
