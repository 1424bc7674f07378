"""What `tlbench advise` writes and takes back: predictions, examples to label, labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from tlbench.advising.looking import Looked
from tlbench.aside import not_written, replacing
from tlbench.errors import TlbenchError, unknown

TO_LABEL = "to_label.csv"
COLUMNS = ["example", "label", "method"]


@dataclass(frozen=True)
class Labels:
    """Labels (class numbers) of examples of the target, by what their user calls them, chosen for a method."""

    method: str
    examples: list[str]
    labels: list[int]


def write_predictions(
    out: Path, names: Sequence[str], vote_NC: np.ndarray, classes: Sequence[str], looks: Sequence[Looked]
) -> Path:
    """Write the vote's class and confidence of each example, and what each model says; return the file's path."""
    said = np.array(classes, dtype=object)
    own = {look.method: said[look.says_NC[:, : len(classes)].argmax(axis=1)] for look in looks}
    table = pd.DataFrame(
        {"example": names, "vote": said[vote_NC.argmax(axis=1)], "confidence": vote_NC.max(axis=1).round(4), **own}
    )
    return _written(table, out / "predictions.csv")


def write_to_label(
    out: Path, names: Sequence[str], rows: np.ndarray, look: Looked, reference: Looked, classes: Sequence[str]
) -> str:
    """Write the chosen examples with an empty column for labels; return what to do with them."""
    if not len(rows):
        return f"{look.method} and {reference.method} say the same of every example: there is nothing to label."
    table = pd.DataFrame({"example": [names[row] for row in rows], "label": "", "method": look.method})
    path = _written(table, out / TO_LABEL)
    return (
        f"Label these {len(rows)} examples, on which {look.method} and {reference.method} disagree, in the column `label` of "
        f"{path} ({', '.join(classes[:4])}{', ...' if len(classes) > 4 else ''}), and give the same command with --labels {path} "
        "in place of --label. Rows of a file are counted from 0, below its header."
    )


def refuse_filled(out: Path) -> None:
    """Raise TlbenchError where the folder has a choice with labels in it, which another choice would write over."""
    path = out / TO_LABEL
    if path.exists() and (read_choice(path)["label"] != "").any():
        raise TlbenchError(
            f"{path} holds labels, and --label would write over them. Give --labels {path}, or another --out."
        )


def read_labels(path: Path, classes: Sequence[str]) -> Labels:
    """Read what was labelled; rows without a label are left out.

    Raises:
        TlbenchError: it is no such file, a label in it is unknown, an example is there twice, or it is of two choices.
    """
    table = read_choice(path)
    table = table[table["label"] != ""]
    if table.empty:
        raise TlbenchError(f"'{path}' holds no label. Write a class into the column `label`.")
    numbers = {name: n for n, name in enumerate(classes)}
    if odd := sorted(set(table["label"]) - set(numbers)):
        raise unknown("label", odd[0], list(numbers), f"--labels {path}")
    if twice := table.loc[table["example"].duplicated(), "example"].tolist():
        raise TlbenchError(f"'{path}' has '{twice[0]}' more than once. Keep one row of each example.")
    if len(methods := sorted(set(table["method"]))) > 1:
        raise TlbenchError(f"'{path}' was chosen for {' and '.join(methods)}. Give the choice of one method.")
    return Labels(methods[0], table["example"].tolist(), [numbers[name] for name in table["label"]])


def read_choice(path: Path) -> pd.DataFrame:
    """Read a choice of examples to label, texts only. Raises TlbenchError where it is no such file."""
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
    except (OSError, ValueError, pd.errors.ParserError) as error:
        raise TlbenchError(
            f"'{path}' cannot be read ({error}). Set by --labels; --label 10 writes such a file."
        ) from error
    if lost := [name for name in COLUMNS if name not in table]:
        raise TlbenchError(f"'{path}' has no column '{lost[0]}'. `tlbench advise --label 10` writes such a file.")
    return table


def _written(table: pd.DataFrame, path: Path) -> Path:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise not_written(path, error) from error
    with replacing(path) as aside:
        table.to_csv(aside, index=False)
    return path
