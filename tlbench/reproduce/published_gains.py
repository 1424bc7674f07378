"""Each row against its matched reference, and against the row that the paper compares it with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from tlbench.findings.cells import compared, summarise
from tlbench.findings.differences import Differences
from tlbench.findings.rule import Rule
from tlbench.reproduce.published import AVERAGE
from tlbench.reproduce.recipe import Paper
from tlbench.store.record_rows import CELL
from tlbench.store.runs import RunStore
from tlbench.store.table import read_tables
from tlbench.sweeping.plan import Job, rows_of_plan

NUMBERS = ["reference", "gain", "gain_half", "p_corrected", "flag", "hole"]


def matched_gains(store: RunStore, plan: Mapping[tuple[str, str], Sequence[Job]], rule: Rule) -> pd.DataFrame:
    """Return one row per (row, part, pair) that has a reference.

    Returns:
        row, part, pair, reference, gain, gain_half, p_corrected, flag (corrected over the methods' cells of this table; with one
        run a pair, which leaves seeds out, that of the run: exact paired test on the test examples, not corrected), hole.
    """
    jobs = list({job.key: job for some in plan.values() for job in some}.values())
    runs = read_tables(store, [job.key for job in jobs], verify=True).runs
    planned = pd.DataFrame(rows_of_plan(jobs)).reindex(columns=["run_key", "cell_key", "seed", *CELL])
    known = compared(runs, rule.selection)
    cells = summarise(runs, planned, Differences(store, per_class=False).of(known), rule).set_index("cell_key")
    alone = {
        run.run_key: {"gain_half": (run.gain_high - run.gain_low) / 2, "p_corrected": run.gain_p, "flag": run.gain_flag}
        for run in known.itertuples()
    }
    job_key = {(*place, str(job.config.pair)): job.key for place, some in plan.items() for job in some if job.asked}
    rows = []
    for (part, row), some in plan.items():
        for cell, pair in dict.fromkeys((job.cell, str(job.config.pair)) for job in some if job.asked):
            found = cells.loc[cell]
            if pd.isna(found["reference"]) and not found["hole"]:
                continue
            kept = found[NUMBERS].to_dict()
            if found["n_expected"] == 1 and not found["hole"]:
                kept |= alone.get(job_key[(part, row, pair)], {})
            rows.append({"row": row, "part": part, "pair": pair, **kept})
    return pd.DataFrame(rows, columns=["row", "part", "pair", *NUMBERS])


def beside(table: pd.DataFrame, gains: pd.DataFrame, paper: Paper) -> pd.DataFrame:
    """Return one row per row of the paper that is compared with another (`over`) or has a matched reference.

    Returns:
        row, over, published_gain and got_gain (differences of the averages, points), matched_gain (mean over pairs), positive,
        negative, n_pairs (pairs flagged, and all).
    """
    averages = table[table["pair"] == AVERAGE].set_index("row")
    rows = []
    for name, row in paper.rows.items():
        own = gains[(gains["row"] == name) & (gains["hole"] == "")]
        if name not in averages.index or (row.over is None and own.empty):
            continue
        found: dict[str, object] = {"row": name, "over": row.over or ""}
        for column, of in (("published_gain", "published"), ("got_gain", "got")):
            there = row.over in averages.index
            found[column] = averages.loc[name, of] - averages.loc[row.over, of] if there else float("nan")
        flags = own["flag"].value_counts()
        found |= {"matched_gain": own["gain"].mean() if len(own) else float("nan"), "n_pairs": len(own)}
        rows.append(found | {flag: int(flags.get(flag, 0)) for flag in ("positive", "negative")})
    return pd.DataFrame(rows)
