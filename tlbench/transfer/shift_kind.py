"""The name of the shift between two domains, by what of p(x), p(y), p(x | y), p(y | x) differs (`shift_tests`). ORACLE."""

from __future__ import annotations

import math
from collections.abc import Mapping

SHIFT_NAMES = {
    "oracle_labels_p": "ORACLE: chance of such a difference of the class shares where there is none",
    "oracle_inside_p": "ORACLE: the same of the differences inside the classes",
    "oracle_outputs_p": "ORACLE: the same of what the labels say of the domain, given the features",
    "oracle_directions": "ORACLE: similarity of the directions along which the classes differ, 1: the same",
}
LEVEL = 0.01
"""Of each test."""
TURNED = 0.5
"""Similarity of the classes' directions below which they are others."""


def kind_of_shift(found: Mapping[str, float | None]) -> str | None:
    """Name the shift by `mmd_p` and SHIFT_NAMES, or by means of these over seeds; None where one of them is not known.

    Returns:
        `none` (none is seen), `concept`: p(x) and p(y) agree, p(y | x) does not. `label`: p(y) differs, p(x | y) does not.
        `subspace`: p(x) differs, and classes differ along other directions. `covariate`: p(x) differs, p(y | x) is not seen to.
        `mixed`: more than one of these.
    """
    values = [found.get(name) for name in ("mmd_p", *SHIFT_NAMES)]
    known = [value for value in values if value is not None and not math.isnan(value)]
    if len(known) < len(values):
        return None
    inputs, labels, inside, outputs = (p < LEVEL for p in known[:4])
    if not inputs and not labels:
        return "concept" if outputs else "none"
    if labels and not inside:
        return "label"
    if inputs and known[4] < TURNED:
        return "subspace"
    return "covariate" if inputs and not outputs else "mixed"
