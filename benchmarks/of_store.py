"""What benchmarks on the runs of an atlas are told: a store, numbers of their own, and where a table goes."""

from __future__ import annotations

import argparse
from pathlib import Path

import pandas as pd


def options(text: str | None, **numbers: int) -> argparse.Namespace:
    """Read --store, --out, and an option for each of these numbers with its default."""
    parser = argparse.ArgumentParser(description=text, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--store", required=True)
    for name, default in numbers.items():
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--out")
    return parser.parse_args()


def leave(told: pd.DataFrame, out: str | None, name: str) -> None:
    """Print a table, and write it into a folder if one is named."""
    print(told.to_string(index=False))
    if out is not None:
        told.to_csv(Path(out) / name, index=False)
