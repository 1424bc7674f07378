"""Hand-made rows of the tables that reports are made of."""

from __future__ import annotations

import numpy as np
import pandas as pd

from tlbench.findings.evidence import Evidence
from tlbench.findings.rule import Rule
from tlbench.findings.trials import Choice
from tlbench.store.runs import RunStore
from tlbench.store.table import Tables

AXES = {"dataset": "d", "protocol": "p", "backbone": "b", "classifier": "k", "metric": "accuracy"}


def family(method: str) -> str:
    return "reference" if method in ("source_only", "target_only") else "feature"


def cell(method="dann", pair="a-b", score=60.0, gain=np.nan, flag="", **changes):
    """A row of `summarise`'s table: three seeds, no hole."""
    role = "reference" if family(method) == "reference" else "method"
    return {
        "cell_key": f"{method}/{pair}", **AXES, "pair": pair, "method": method, "family": family(method), "variant": "",
        "role": role, "setting": "closed_set", "uses_target_labels": False, "n_seeds": 3, "n_expected": 3, "hole": "",
        "score": score, "score_sd": 1.0, "score_half": 2.5, "reference": None if np.isnan(gain) else "source_only", "gain": gain,
        "gain_half": 1.0, "p_corrected": 0.01, "flag": flag, "runs_negative": 0, "runs_positive": 0, "warning": np.nan, **changes,
    }  # fmt: skip


def run(method="dann", pair="a-b", seed=0, score=0.5, selection="last", **changes):
    """A row of the tidy table: done, compared with nothing."""
    return {
        "run_key": f"{method}/{pair}/{seed}", "cell_key": f"{method}/{pair}", "status": "done", **AXES, "pair": pair,
        "method": method, "family": family(method), "seed": seed, "selection": selection, "score": score, "step": 10,
        "uses_target_labels": False, "gain": np.nan, "reference_run": None, "n_shots": 0, "reason": None, **changes,
    }  # fmt: skip


def table(*rows):
    return pd.DataFrame(list(rows))


def cells_of(runs, **changes):
    """`summarise`'s rows for the cells of some runs: every seed that is there was planned, and none is missing."""
    found = []
    for _, own in runs.groupby("cell_key", sort=False):
        first = own.iloc[0]
        about = {name: first[name] for name in ("cell_key", "pair", *AXES)}
        found.append(cell(first["method"], n_expected=own["run_key"].nunique(), **about, **changes))
    return pd.DataFrame(found)


def evidence(cells, runs=None, why=None, classes=None, unfinished=0, **tables):
    """An `Evidence` of hand-made tables; what is not given holds nothing."""
    runs = pd.DataFrame(columns=["status", "reason", "run_key"]) if runs is None else runs
    why = pd.DataFrame(columns=["cell_key", "cause", "evidence"]) if why is None else why
    classes = pd.DataFrame() if classes is None else classes
    left = Choice(frozenset(), {}, pd.DataFrame(), pd.DataFrame(index=range(unfinished)))
    # harness and method_code: what `notes` looks at
    read = runs.reindex(
        columns=[
            *dict.fromkeys([*runs.columns, "run_key", "status", "harness", "method", "method_revision", "method_code"])
        ]
    )
    whole = Tables(
        **{
            "runs": read,
            "checkpoints": pd.DataFrame(),
            "distances": pd.DataFrame(),
            "signals": pd.DataFrame(),
            "n_older": 0,
            **tables,
        }
    )
    return Evidence(Rule(), RunStore("no store"), whole, runs, left, {}, cells, classes, pd.DataFrame(), why)
