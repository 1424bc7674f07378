"""Maps of the features that a run kept: before training, after its reference's, after its own."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Literal

import pandas as pd
import streamlit as st
from matplotlib.figure import Figure

from tlbench.dashboard import parts
from tlbench.errors import TlbenchError
from tlbench.report.embeddings import embedding_map, embedding_numbers, kept_features
from tlbench.report.figures.embeddings import HOW, embedding_maps
from tlbench.results.store import RunStore


def show(store: RunStore, run: pd.Series, names: Sequence[str], depends: Hashable) -> None:
    """The maps and the numbers beside them; how a run keeps features, where this one has not."""
    st.subheader("Maps of features", anchor=False)
    if not store.keeps_features(run["run_key"]):
        st.text("This run kept no features: embeddings=300 on the command line of a run or sweep keeps some.")
        return
    how: Literal["tsne", "pca"] = st.radio(
        "Layout", ["pca", "tsne"], horizontal=True, key="layout", format_func=lambda name: HOW[name],
        help="PCA is there at once and keeps distances; t-SNE takes some seconds and keeps neighbours.",
    )  # fmt: skip
    try:
        features = kept_features(store, run)
    except TlbenchError as error:
        st.text(str(error))
        return
    with st.spinner(f"Laying out {HOW[how]} ..."):
        parts.figure(
            "features", (depends, how), lambda: _maps(features, names, how), "Maps of source and target features"
        )


def _maps(features: dict, names: Sequence[str], how: Literal["tsne", "pca"]) -> Figure:
    return embedding_maps(embedding_map(features, names, how=how), embedding_numbers(features), how)
