"""The examples that a run loses or wins against its reference, page by page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, get_args

import pandas as pd
import streamlit as st

from tlbench.dashboard import parts
from tlbench.dashboard.examples import MOST, Change, changed_examples, images_of, target_domain
from tlbench.dashboard.views.tables import with_class_names
from tlbench.data.domain import Domain
from tlbench.errors import TlbenchError

WORDS = {"lost": "right before, wrong now", "won": "wrong before, right now"}


def show(config: dict[str, Any], mine: pd.DataFrame, other: pd.DataFrame, names: Sequence[str]) -> None:
    """Show both lists; "before" is the reference."""
    st.subheader("Examples that changed against the reference", anchor=False)
    found = {change: changed_examples(mine, other, change) for change in get_args(Change)}
    change = st.radio(
        "Change", list(found), horizontal=True, key="change", format_func=lambda c: f"{WORDS[c]} ({len(found[c])})"
    )
    examples = found[change]
    if examples.empty:
        st.text("None.")
        return
    pages = -(-len(examples) // MOST)
    page = st.number_input("Page", 1, pages, 1, key=f"page-{change}") if pages > 1 else 1
    part = examples.iloc[MOST * (page - 1) : MOST * page]
    _images(config, part, names)
    parts.table(with_class_names(examples, names), f"changed-{change}", f"Examples that are {WORDS[change]}")


@st.cache_resource(max_entries=4, show_spinner="Reading the target domain ...")
def _domain(key: str, _config: dict[str, Any]) -> Domain | None:
    return target_domain(_config)


def _images(config: dict[str, Any], examples: pd.DataFrame, names: Sequence[str]) -> None:
    if not config:
        st.text("No images: the run's config is missing.")
        return
    try:
        domain = _domain(str((config["dataset"], config["pair"], config.get("augment"))), config)
        images = [] if domain is None else images_of(domain, examples)
    except TlbenchError as error:
        st.text(f"No images: {error}")
        return
    if images:
        st.caption("True class: the reference's prediction → this run's.")
    with st.container(horizontal=True):
        for image, example in zip(images, with_class_names(examples, names).itertuples(), strict=False):
            words = f"{example.label}: {example.reference_prediction} → {example.prediction}"
            with st.container(width=110):
                st.image(image, alt=f"{example.id}, {words}")
                st.text(words)
