"""Maps of the features that a run kept: before training, after its reference's, after its own."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import pandas as pd
import streamlit as st
from matplotlib.figure import Figure

from tlbench.dashboard import parts
from tlbench.findings.embeddings import Layout, about_run, embedding_map, embedding_numbers, kept_features
from tlbench.reporting.figures.embedding_maps import HOW, embedding_maps
from tlbench.store.runs import RunStore


def show(store: RunStore, run: pd.Series, names: Sequence[str], depends: Hashable) -> None:
    """Show the maps and the numbers beside them; how a run keeps features, where this one has none."""
    st.subheader("Maps of features", anchor=False)
    if not store.keeps_features(run["run_key"]):
        st.text(
            "No features of this run are here: the same command with embeddings=300 does it once more and keeps some."
        )
        return
    help_ = (
        "PCA is there at once: the two directions of greatest spread. t-SNE takes some seconds and keeps neighbours."
    )
    layouts: list[Layout] = ["pca", "tsne"]
    how = st.radio("Layout", layouts, horizontal=True, key="layout", format_func=lambda name: HOW[name], help=help_)
    with st.spinner(f"Laying out {HOW[how]} ..."):
        parts.figure(
            "features", (depends, how), lambda: _maps(store, run, names, how), "Maps of source and target features"
        )


def _maps(store: RunStore, run: pd.Series, names: Sequence[str], how: Layout) -> Figure:
    features = kept_features(store, run)
    points = embedding_map(features, names, how=how)
    return embedding_maps(points, embedding_numbers(features), how, about_run(store, run))
