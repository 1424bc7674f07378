"""From runs to cells: seeds summarised, gaps named, flags corrected."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from tlbench.errors import TlbenchError
from tlbench.findings.differences import CellDifferences
from tlbench.findings.judgement import judge
from tlbench.findings.names import natural
from tlbench.findings.rule import Rule
from tlbench.store.plans import Planned
from tlbench.store.record_rows import CELL, SETTING
from tlbench.store.setting_columns import names_of
from tlbench.transfer.crossed_gain import spread
from tlbench.transfer.setting import SETTINGS, setting_of_record

USED = ["seed", "score", "uses_target_labels", "reference", "gain", "gain_flag", "draws"]
BLOCK = ["dataset", "protocol", "backbone", "classifier", "metric"]
NAMED = ["cell_key", *CELL, "variant", "uses_target_labels"]
"""What a table on cells needs to name one."""


def compared(runs: pd.DataFrame, selection: str) -> pd.DataFrame:
    """Return the rows of a tidy table that have a gain under this selection."""
    return runs[(runs["status"] == "done") & (runs["selection"] == selection) & runs["gain"].notna()]


def summarise(
    runs: pd.DataFrame,
    plan: pd.DataFrame,
    differences: Mapping[str, CellDifferences],
    rule: Rule,
    variants: Mapping[str, str] | None = None,
) -> pd.DataFrame:
    """Return one row per cell, from one row per run.

    A cell with a planned, failed or skipped seed that is not done is a hole: it gets counts and reasons, no mean.

    Args:
        runs: tidy table (`read_runs`); score in [0, 1], gains in points.
        plan: runs that sweeps have planned (`Planned.runs`).
        differences: by cell key, of the cells that have gains.
        variants: cell_key to words that tell apart cells with the same axes.

    Returns:
        The columns of CELL, variant, setting, cell_key, role (`method` or `reference`), uses_target_labels; n_seeds, n_expected,
        hole (words, or ""); score, score_sd, score_half (of the metric, over seeds); reference, gain, gain_sd, gain_half
        (percentage points), basis (what is random: `seeds and examples`, or `examples` where no seed changes anything), draws
        (whether another seed could give other predictions),
        p, p_corrected, n_tests (gains that the correction is over), flag; runs_negative, runs_positive (runs flagged by
        themselves); warning (mean over seeds of the probability of a gain below 0; nan where a seed has none).

    Raises:
        TlbenchError: a cell has a seed twice.
    """
    done = runs[(runs["status"] == "done") & (runs["selection"] == rule.selection)]
    _refuse_doubles(done)
    axes = ["run_key", "cell_key", "seed", *CELL]
    everything = pd.concat([runs[axes], plan[axes]], ignore_index=True).drop_duplicates("run_key")
    settings = _settings(runs, plan)
    of_cell = _by_cell(done.reindex(columns=["cell_key", *USED]).sort_values(["cell_key", "seed"]))
    bad_of_cell = _by_cell(runs.loc[runs["status"] != "done", ["cell_key", "status", "uses_target_labels"]])
    with_runs = set(runs.loc[runs["status"] == "done", "cell_key"])
    n_expected = everything.groupby("cell_key")["seed"].nunique()
    rows = []
    for row in everything.drop_duplicates("cell_key")[["cell_key", *CELL]].to_dict("records"):
        key = row["cell_key"]
        own, bad = of_cell.get(key, []), bad_of_cell.get(key, [])
        row["variant"] = (variants or {}).get(str(key), "")
        row[SETTING] = settings.get(key) or setting_of_record(row)
        numbers = _numbers(own, bad, int(n_expected[key]), rule.alpha)
        if not own and key in with_runs:
            numbers["hole"] = f"no checkpoint by {rule.selection} under this protocol"
        rows.append({**row, **numbers})
    cells = pd.DataFrame(rows)
    if cells.empty:
        return cells
    cells["role"] = np.where(cells["family"] == "reference", "reference", "method")
    told = cells["cell_key"].map(_warnings(done)).where(cells["hole"] == "")
    judged = _judged(cells, differences, rule).assign(warning=told, counted=cells["variant"].map(natural))
    return judged.sort_values([*BLOCK, "pair", "method", "counted"], ignore_index=True).drop(columns="counted")


def _settings(runs: pd.DataFrame, plan: pd.DataFrame) -> dict[Any, str]:
    """Return the setting of each cell whose runs, or whose plan, say it."""
    told = [part[["cell_key", SETTING]].dropna() for part in (runs, plan) if SETTING in part]
    return dict(pd.concat(told).drop_duplicates("cell_key").itertuples(index=False, name=None)) if told else {}


def _warnings(done: pd.DataFrame) -> pd.Series:
    """Return the mean warning of each cell all of whose runs have one."""
    known = done.reindex(columns=["cell_key", "warning"]).astype({"warning": float}).groupby("cell_key")["warning"]
    return known.mean().where(known.count() == known.size())


def by_setting(cells: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    """Divide cells of one protocol and recipe by their setting, in the order of `tlbench list settings`.

    A reference stands beside the methods of every setting that is compared with it.
    """
    if SETTING not in cells:
        return [("closed_set", cells)]
    reference = cells["role"] == "reference"
    methods = cells[~reference]
    order = {name: number for number, name in enumerate(SETTINGS)}
    names = sorted(methods[SETTING].unique(), key=lambda name: (order.get(name, len(order)), name))
    parts, placed = [], set[Any]()
    for name in names:
        pairs = methods.loc[methods[SETTING] == name, "pair"]
        own = cells[(cells[SETTING] == name) | (reference & cells["pair"].isin(pairs))]
        placed |= set(own["cell_key"])
        parts.append((str(name), own))
    rest = cells[~cells["cell_key"].isin(placed)]  # references of pairs that no method was tried on
    return [*parts, *((str(name), own) for name, own in rest.groupby(SETTING, sort=False))]


def sources_of(cells: pd.DataFrame) -> np.ndarray:
    """Tell for each cell whether its pair has `one source` or `several sources`, or is one of the `chains` over bridges."""
    return np.array([kind_of_pair(pair) for pair in cells["pair"]], dtype=object)


def kind_of_pair(pair: str) -> str:
    """Tell what kind of task a pair is: these are averaged and ranked apart."""
    return "chains" if pair.count("-") > 1 else "several sources" if "+" in pair else "one source"


def _refuse_doubles(done: pd.DataFrame) -> None:
    doubles = done[done.duplicated(["cell_key", "seed"], keep=False)].sort_values(["cell_key", "seed"])
    if len(doubles):
        told = [f"{r.method} {r.dataset} {r.pair} seed {r.seed}: {r.run_key}" for r in doubles.head(20).itertuples()]
        more = f"; and {len(doubles) - 20} more" if len(doubles) > 20 else ""
        raise TlbenchError(
            f"{len(doubles)} runs are there twice, and such a table is not averaged. Delete one folder of each (a copied folder "
            f"has the run key of its original in its record): {'; '.join(told)}{more}."
        )


def _by_cell(runs: pd.DataFrame) -> dict[Any, list[Any]]:
    """Return the rows of each cell: a table of its own for each of a thousand cells takes longer than all that is read of it."""
    found: dict[Any, list[Any]] = {}
    for row in runs.itertuples(index=False):
        found.setdefault(row.cell_key, []).append(row)
    return found


def _numbers(own: Sequence[Any], bad: Sequence[Any], n_expected: int, alpha: float) -> dict[str, Any]:
    """Return what needs no look at other cells, from the rows of a cell's runs that are done, and of those that are not."""
    row: dict[str, Any] = {
        **dict.fromkeys(["score", "score_sd", "score_half", "gain", "gain_sd", "gain_half", "p"], np.nan),
        "n_seeds": len(own),
        "n_expected": n_expected,
        "uses_target_labels": any(bool(run.uses_target_labels) for run in own or bad),
        "hole": _hole(own, n_expected, bad),
        "reference": None,
        "basis": "",
        "runs_negative": sum(run.gain_flag == "negative" for run in own),
        "draws": not own or any(pd.isna(run.draws) or bool(run.draws) for run in own),  # None: not known
        "runs_positive": sum(run.gain_flag == "positive" for run in own),
    }
    if row["hole"]:
        return row
    s = spread([100 * run.score for run in own], alpha)
    row |= {"score": s.mean, "score_sd": s.sd, "score_half": s.half}
    if all(pd.isna(run.reference) for run in own):
        return row
    s = spread([run.gain for run in own], alpha)
    return row | {"reference": own[0].reference, "gain": s.mean, "gain_sd": s.sd}


def _judged(cells: pd.DataFrame, differences: Mapping[str, CellDifferences], rule: Rule) -> pd.DataFrame:
    """Return the cells with intervals, p-values and flags; methods and references are corrected apart."""
    known = cells["gain"].notna()
    own = cells[known]
    found = [differences[key] for key in own["cell_key"]]
    said = judge(found, rule, gains=own["gain"].to_numpy(), families=own["role"].tolist())
    basis = ["examples" if cell.whole.seed_var == 0 else "seeds and examples" for cell in found]

    def column(values: Sequence[Any] | np.ndarray, otherwise: object) -> pd.Series:
        return pd.Series(values, own.index).reindex(cells.index, fill_value=otherwise)

    judged = cells.assign(
        gain_half=column(said.half, np.nan), p=column(said.p, np.nan), p_corrected=column(said.p_corrected, np.nan)
    )
    n_tests = judged.groupby("role")["p"].transform("count")
    return judged.assign(n_tests=n_tests, flag=column(said.flag, ""), basis=column(basis, ""))


def _hole(own: Sequence[Any], n_expected: int, bad: Sequence[Any]) -> str:
    """Tell what keeps a cell from a mean: runs that are not there, or gains that are not, or not over one reference."""
    if len(own) < n_expected:
        states = [f"{count} {status}" for status, count in Counter(run.status for run in bad).most_common()]
        if missing := n_expected - len(own) - len(bad):
            states.append(f"{missing} missing")
        return f"{len(own)} of {n_expected} seeds ({', '.join(states)})"
    wanted = list(dict.fromkeys("none" if pd.isna(run.reference) else run.reference for run in own))
    if len(wanted) > 1:
        return f"seeds compared with different references ({', '.join(sorted(wanted))}): run the sweep again"
    if without := sum(not pd.isna(run.reference) and pd.isna(run.gain) for run in own):
        return f"{without} of {n_expected} seeds lack their reference {wanted[0]}"
    return ""


def variant_names(runs: pd.DataFrame, plans: Planned) -> dict[str, str]:
    """Return words for cells that no axis tells apart: the settings in which they differ, such as `weight=2`.

    Cells that are planned and have no run yet count too. Cells that differ in no setting that changes a score (they kept other
    validators, say, or are of two revisions) have the start of their key besides.
    """
    found: dict[str, str] = {}
    every = pd.concat([runs[["run_key", "cell_key", *CELL]], plans.runs[["run_key", "cell_key", *CELL]]])
    for _, same in every.drop_duplicates("cell_key").groupby([*BLOCK, "method"], dropna=False):
        if not same.duplicated("pair").any():
            continue
        cells = same["cell_key"].tolist()
        named = same.assign(words=names_of([plans.configs[cell] for cell in cells]))
        twice = named.duplicated(["pair", "words"], keep=False)
        for cell, words, alike in zip(cells, named["words"], twice, strict=True):
            found[str(cell)] = " ".join([words, f"cell {str(cell)[:6]}"]).strip() if alike else words
    return found
