"""`tlbench predict`: labels and probabilities of new examples by a run's kept model."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tlbench.data.images.image_files import EXTENSIONS
from tlbench.data.new_rows import read_rows
from tlbench.errors import TlbenchError
from tlbench.running.loaded_model import LoadedModel, load_model
from tlbench.store.runs import RunStore, opened_store


def predict(run: str, files: Sequence[str], store: str, out: str | None) -> int:
    """Print (or write) a row an example, and on the terminal what the model was trained on and what it gains; 0.

    Args:
        run: a run key, the start of one, or a run's folder.
        files: images or folders of them; for data sets of arrays .npy, .npz, .csv, .parquet, .mat or .h5.
    """
    folder = Path(run)
    where = RunStore(folder.resolve().parent) if (folder / "record.json").is_file() else opened_store(store)
    model = load_model(where, where.whole_key(folder.resolve().name if (folder / "record.json").is_file() else run))
    print(model.summary(), file=sys.stderr)
    table = predicted_table(model, [Path(file) for file in files])
    if out is None:
        print(table.to_csv(index=False), end="")
        return 0
    try:
        Path(out).parent.mkdir(parents=True, exist_ok=True)
        table.to_csv(out, index=False)
    except OSError as error:
        raise TlbenchError(f"'{out}' cannot be written ({error.strerror}). Set by --out.") from error
    print(f"wrote {out}: {len(table)} rows", file=sys.stderr)
    return 0


def predicted_table(model: LoadedModel, files: Sequence[Path]) -> pd.DataFrame:
    """Return file, row, prediction, confidence and a column `p_CLASS` for each class, a row an example."""
    if model.setup.augment is not None:
        files = [image for file in files for image in _images(file)]
        proba_NC, names, rows = model.predict_proba(files), [str(f) for f in files], [0] * len(files)
    else:
        blocks = [read_rows(path, **_names(model)) for path in files]
        proba_NC = np.concatenate([model.predict_proba(block) for block in blocks])
        names = [str(path) for path, block in zip(files, blocks, strict=True) for _ in range(len(block))]
        rows = [row for block in blocks for row in range(len(block))]
    labels = np.array(model.classes, dtype=object)[proba_NC.argmax(axis=1)]
    table = pd.DataFrame({"file": names, "row": rows, "prediction": labels, "confidence": proba_NC.max(axis=1)})
    return table.join(pd.DataFrame(proba_NC, columns=[f"p_{name}" for name in model.classes]))


def _names(model: LoadedModel) -> dict[str, Any]:
    """Return what the run's reader calls the inputs and the labels of the target, and a table's columns."""
    dataset, target = model.setup.dataset, model.setup.pair.target
    shared = getattr(getattr(dataset, "reader", None), "keywords", {})
    own = dict(getattr(dataset, "files", {}).get(target, {}))
    return {name: own.get(name, shared.get(name)) for name in ("inputs", "labels", "columns")}


def _images(path: Path) -> list[Path]:
    if path.is_dir():
        found = sorted(p for p in path.rglob("*") if p.suffix.lower() in EXTENSIONS and p.is_file())
        if not found:
            raise TlbenchError(f"Folder '{path}' holds no image.")
        return found
    if not path.is_file():
        raise TlbenchError(f"File '{path}' does not exist.")
    return [path]
