"""One run: what it is, how it learnt, how its config, predictions and confusions differ from its reference's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st
from matplotlib.figure import Figure

from tlbench.dashboard import parts
from tlbench.dashboard.configs import changed_keys
from tlbench.dashboard.filters import chosen_rows
from tlbench.dashboard.views import changes, maps
from tlbench.dashboard.views.tables import run_rows, run_words, with_class_names
from tlbench.errors import TlbenchError
from tlbench.findings.calibration import reliability_table
from tlbench.findings.confusion import confusion_table
from tlbench.findings.learning import FEWEST_CHECKPOINTS, score_table, term_table
from tlbench.findings.names import class_names, metric_title
from tlbench.reporting.figures.confusion_change import confusion_change
from tlbench.reporting.figures.learning_curves import learning_curves
from tlbench.reporting.figures.reliability import reliability

if TYPE_CHECKING:
    from tlbench.dashboard.data import Snapshot
    from tlbench.dashboard.filters import Filters


def show(found: Snapshot, filters: Filters) -> None:
    rows = chosen_rows(found.at(filters.selection), filters, found.members)
    words = {str(run.run_key): run_words(run) for run in rows.head(parts.CHOICES).itertuples()}
    held = st.session_state.get("run")
    everything = found.at(filters.selection)
    if held is not None and held not in words and held in set(everything["run_key"]):
        words[held] = run_words(next(everything[everything["run_key"] == held].itertuples()))
        if held not in set(rows["run_key"]):
            st.caption("The run below is outside the filters.")
    elif words and held is not None and held not in words:
        st.warning(f"Run {parts.literal(held)} is not here under this selection; another one is shown.")
    if len(rows) > parts.CHOICES:
        st.caption(f"{parts.CHOICES} of {len(rows)} runs are listed: narrow the filters for the others.")
    key = parts.pick("Run", "run", list(words), lambda name: words[name])
    if key is None:
        st.info("No run here under these filters and this selection.")
        return
    run = everything[everything["run_key"] == key].iloc[0]
    st.dataframe(run_rows(everything[everything["run_key"] == key]), hide_index=True, alt="The run in numbers")
    if run["status"] == "done":
        _done(found, filters, run, key)
    else:
        st.subheader("Why it is not done", anchor=False)
        st.text(f"{run['status']}: {run['reason']}")
        if trace := (found.store.record(key) or {}).get("traceback"):
            st.code(trace, language=None, wrap_lines=True)
    _config(found, run, key, words)


def _done(found: Snapshot, filters: Filters, run: pd.Series, key: str) -> None:
    rule, store = filters.selection, found.store
    mine = store.at_step(key, int(run["step"]))
    try:
        config = store.config(key)
    except TlbenchError:  # told below, where it is shown
        config = {}
    names = class_names(config.get("dataset", {}))
    depends = (found.root, found.state, key, rule)
    if (found.tables.checkpoints["run_key"] == key).sum() >= FEWEST_CHECKPOINTS:
        st.subheader("Learning curves", anchor=False)
        parts.figure("learning", depends, lambda: _curves(found, run, rule), "Scores and losses over steps")
    predictions = {str(run["method"]): [mine]}
    if isinstance(run["reference_run"], str) and store.record(run["reference_run"]) is not None:
        other = store.at_step(run["reference_run"], int(run["reference_step"]))
        predictions[str(run["reference"])] = [other]
        changes.show(config, mine, other, names)
        st.subheader("Confusions", anchor=False)
        table = confusion_table([(mine, other)], names)
        parts.figure(
            "confusion", depends, lambda: confusion_change(table, str(run["reference"]), rule), "Change of confusions"
        )
    st.subheader("Calibration", anchor=False)
    bins = reliability_table(predictions, alpha=float(run["alpha"]))
    parts.figure("calibration", depends, lambda: reliability(bins, rule), "Reliability diagram")
    maps.show(store, run, names, depends)
    st.subheader("Predictions", anchor=False)
    parts.table(with_class_names(mine, names), "predictions", "Test predictions of the run")


def _curves(found: Snapshot, run: pd.Series, rule: str) -> Figure:
    key, label = str(run["run_key"]), f"{metric_title(str(run['metric']))} (%)"
    scores = score_table(found.tables.checkpoints, found.tables.runs, key)
    return learning_curves(scores, term_table(found.store.history(key)), rule, score_label=label)


def _config(found: Snapshot, run: pd.Series, key: str, words: dict[str, str]) -> None:
    st.subheader("Config", anchor=False)
    try:
        config = found.store.config(key)
    except TlbenchError as error:
        st.text(str(error))
        return
    others = [name for name in words if name != key]
    reference = run.get("reference_run")
    if isinstance(reference, str) and found.store.record(reference) is not None:
        others = [reference, *(name for name in others if name != reference)]

    def told(name: str) -> str:
        return ("reference " if name == reference else "") + words.get(name, name)

    other = parts.pick("Compare with", "other", others, told)
    try:
        theirs = None if other is None else found.store.config(other)
    except TlbenchError as error:
        st.text(str(error))
        return
    if theirs is not None:
        changed = changed_keys(config, theirs)
        st.text(f"{len(changed)} keys differ.")
        if len(changed):
            parts.table(changed, "config", "Keys in which the two configs differ")
    with st.expander("The whole config"):
        st.json(config, expanded=1)
