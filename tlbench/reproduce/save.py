"""What `tlbench reproduce` leaves in a folder."""

from __future__ import annotations

import datetime
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from tlbench.environment import code_version
from tlbench.reproduce.claimed_table import Verdict, claimed, succeeded
from tlbench.reproduce.page import page
from tlbench.reproduce.published_gains import beside
from tlbench.reproduce.recipe import Paper
from tlbench.sweep.sweeper import Outcome


def write(
    folder: Path,
    name: str,
    paper: Paper,
    runs: pd.DataFrame,
    table: pd.DataFrame,
    found: Mapping[str, Verdict],
    gains: pd.DataFrame,
    said: pd.DataFrame,
    made: pd.DataFrame,
    status: Mapping[str, Any],
) -> None:
    """README.md, status.json, claimed_got.svg, and a CSV of each table that has rows."""
    # matplotlib takes a second to import, and a part of a table draws nothing
    from tlbench.report.figures.claimed_and_got import claimed_and_got
    from tlbench.report.figures.style import as_svg

    folder.mkdir(parents=True, exist_ok=True)
    text = page(name, paper, table, found, gains, beside(table, gains, paper), said, runs, status, made)
    (folder / "README.md").write_text(text, "utf-8")
    tables = {"reproduced": table, "runs": runs, "gains": gains, "claims": said, "decomposition": made}
    for file, values in tables.items():
        if len(values):
            values.round(4).to_csv(folder / f"{file}.csv", index=False)
    (folder / "status.json").write_text(json.dumps(status, indent=1) + "\n", "utf-8")
    if len(both := claimed(table, paper)):
        (folder / "claimed_got.svg").write_text(as_svg(claimed_and_got(both)), "utf-8")


def status_of(outcome: Outcome, found: Mapping[str, Verdict]) -> dict[str, Any]:
    records = [
        record for job in outcome.jobs if (record := outcome.store.record(job.key)) and record["status"] == "done"
    ]
    about = (
        {name: records[0][name] for name in ("versions", "hardware")} if records else {"versions": {}, "hardware": {}}
    )
    return {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "code": code_version(),
        **about,
        "runs": len(records),
        "seconds": round(sum(record["costs"]["seconds"] for record in records), 1),
        "rows": {row: verdict.word for row, verdict in found.items()},
        "reproduced": succeeded(found),
    }
