"""What a reader must know of a store beside its numbers: what was left out, what was looked at, which code made the runs."""

from __future__ import annotations

from tlbench.store.table import Tables

NAMED = 5
"""Runs that are named; `tlbench store check` names all."""


def notes(tables: Tables) -> list[str]:
    """Say what is not as it should be, the gravest first."""
    return [*_damage(tables), *_older(tables), *_harness(tables), *_changed_code(tables)]


def _damage(tables: Tables) -> list[str]:
    lost = {key: reason for key, reason in tables.damaged.items() if key not in set(tables.runs["run_key"])}
    if not lost:
        return []
    named = "; ".join(f"{key}: {reason}" for key, reason in list(lost.items())[:NAMED])
    more = f"; and {len(lost) - NAMED} more" if len(lost) > NAMED else ""
    runs = "1 run is" if len(lost) == 1 else f"{len(lost)} runs are"
    return [f"{runs} damaged and left out (`tlbench store check` names what is wrong). {named}{more}"]


def _older(tables: Tables) -> list[str]:
    if not tables.n_older:
        return []
    return [f"{tables.n_older} runs of an older version of tlbench are left out; run their sweep again."]


def _harness(tables: Tables) -> list[str]:
    """Name runs that cannot be compared with others, because the harness itself moved the numbers of all in between."""
    revisions = tables.runs.drop_duplicates("run_key")["harness"].fillna(1).astype(int).value_counts().sort_index()
    if len(revisions) < 2:
        return []
    counts = ", ".join(f"{n} by {revision}" for revision, n in revisions.items())
    return [
        f"The runs were made by {len(revisions)} revisions of the harness ({counts}), whose numbers differ: they are other "
        "cells. Run the sweep again for those of the last one alone."
    ]


def _changed_code(tables: Tables) -> list[str]:
    """Name methods whose code changed between runs that count as the same: their `revision` was not raised."""
    done = tables.runs[(tables.runs["status"] == "done") & tables.runs["method_code"].notna()]
    codes = done.drop_duplicates("run_key").groupby(["method", "method_revision"])["method_code"].nunique()
    return [
        f"The runs of {method}, revision {int(revision)}, were made by {n} versions of its code. If a change moved its numbers, "
        "raise `revision` in its class and run its sweep again."
        for (method, revision), n in codes[codes > 1].items()
    ]


def checks(tables: Tables, *, timed: bool = False) -> str:
    """Say whether what was read is what was written."""
    if tables.checked is None:
        return "Predictions were not compared with their checksums here; `tlbench store check` does."
    found = tables.checked
    took = f", in {found.seconds:.1f} s" if timed else ""
    without = f"; {found.n_without} have none to compare with" if found.n_without else ""
    return f"Predictions of {found.n_files} runs were compared with their checksums{took}{without}."
