"""What `tlbench reproduce` leaves in a folder."""

from __future__ import annotations

import datetime
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tlbench.environment import code_version
from tlbench.reproduce.claimed_table import Verdict, claimed_numbers, succeeded
from tlbench.reproduce.page import Results, page
from tlbench.reproduce.published_gains import beside
from tlbench.reproduce.recipe import Paper
from tlbench.sweeping.sweeper import Outcome


def write(folder: Path, name: str, paper: Paper, found: Results, status: Mapping[str, Any]) -> None:
    """Write README.md, status.json, claimed_got.svg, and a CSV of each table that has rows."""
    # matplotlib takes a second to import, and a part of a table draws nothing
    from tlbench.reporting.figures.claimed_and_got import claimed_and_got
    from tlbench.reporting.figures.style import as_svg

    folder.mkdir(parents=True, exist_ok=True)
    text = page(name, paper, found, beside(found.table, found.gains, paper), status)
    (folder / "README.md").write_text(text, "utf-8")
    tables = {"reproduced": found.table, "runs": found.runs, "gains": found.gains, "claims": found.claims}
    for file, values in {**tables, "decomposition": found.parts}.items():
        if len(values):
            values.round(4).to_csv(folder / f"{file}.csv", index=False)
    (folder / "status.json").write_text(json.dumps(status, indent=1) + "\n", "utf-8")
    if len(both := claimed_numbers(found.table, paper)):
        (folder / "claimed_got.svg").write_text(as_svg(claimed_and_got(both)), "utf-8")


def status_of(outcome: Outcome, found: Mapping[str, Verdict]) -> dict[str, Any]:
    """Return what status.json holds of the runs, their origin and what came of the rows."""
    every = map(outcome.store.record, (job.key for job in outcome.jobs))
    records = [record for record in every if record and record["status"] == "done"]
    return {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "code": code_version(),
        **{name: records[0][name] if records else {} for name in ("versions", "hardware")},
        "runs": len(records),
        "seconds": round(sum(record["costs"]["seconds"] for record in records), 1),
        "rows": {row: verdict.word for row, verdict in found.items()},
        "reproduced": succeeded(found),
    }
