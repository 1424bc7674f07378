"""Losses and gradients of the deep methods beside those of other toolkits, on the same inputs, in double precision.

    python benchmarks/parity --tllib DIR --pytorch-adapt DIR --skada DIR --sdat DIR --mic DIR --mme DIR --cdac DIR \\
        --adatime DIR --out results/parity

Each folder is a checkout of the peer (SKADA: the folder that holds `skada/`); give those that there are. Their modules are
imported from it, and what they import in turn has to be installed. Exit status 1 where a difference is left that no stated reason
explains.
"""

from __future__ import annotations

import argparse
import sys
import warnings
from importlib import import_module
from pathlib import Path

import pandas as pd
import torch
from cases import TOLERANCE, Row, compared

PEERS = {"tllib": "of_tllib", "pytorch_adapt": "of_pytorch_adapt", "skada": "of_skada", "sdat": "of_sdat", "mic": "of_mic",
         "mme": "of_mme", "cdac": "of_cdac", "adatime": "of_adatime"}  # fmt: skip


def main() -> None:
    options = argparse.ArgumentParser(prog="benchmarks/parity", description=__doc__)
    for name in PEERS:
        options.add_argument(f"--{name.replace('_', '-')}", type=Path, metavar="DIR")
    options.add_argument("--out", type=Path, help="folder for parity.csv")
    given = options.parse_args()
    folders = {name: folder for name in PEERS if (folder := getattr(given, name)) is not None}
    if not folders:
        options.error(
            "no peer to compare with: give the folder of one or more, " + ", ".join(_option(n) for n in PEERS) + "."
        )
    for name, folder in folders.items():
        if not folder.is_dir():
            options.error(f"{_option(name)}: {folder} is no folder.")
    rows = all_rows(folders)
    table = pd.DataFrame([row.as_dict() for row in rows])
    print(as_markdown(rows))
    if given.out:
        given.out.mkdir(parents=True, exist_ok=True)
        table.to_csv(given.out / "parity.csv", index=False, float_format="%.1e")
    sys.exit(int((table.verdict == "OPEN").any()))


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def all_rows(folders: dict[str, Path]) -> list[Row]:
    """Return a row for each case of the peers that there are, by method."""
    kind = torch.get_default_dtype()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the peers' old ways
        peers = [import_module(PEERS[name]).peer(folder.resolve()) for name, folder in folders.items()]
        torch.set_default_dtype(torch.float64)
        try:
            rows = [compared(case, peer, version) for peer, version, cases in peers for case in cases]
        finally:
            torch.set_default_dtype(kind)
    return sorted(rows, key=lambda row: row.method)


def as_markdown(rows: list[Row]) -> str:
    """Return the table, with what is left after the reason where there is one."""
    lines = [
        "| method | what | peer | gradient of | loss | gradient | verdict | left | reason or remark |",
        "|" + "---|" * 9,
    ]
    for r in rows:
        numbers = [f"{x:.1e}" if x > TOLERANCE else "0" for x in (r.loss, r.gradient)][: 2 if r.gradient_of else 1]
        numbers += [""] * (2 - len(numbers))
        left = "" if r.loss_explained is None else f"{max(r.loss_explained, r.gradient_explained or 0.0):.1e}"
        cells = [r.method, r.setting, r.peer, r.gradient_of, *numbers, r.verdict, left, r.why]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
