"""Learning curves of one run: scores, label-free validators with what they chose, loss terms."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tlbench.findings.learning import SCORES, TERMS
from tlbench.findings.names import rule_name
from tlbench.reporting.figures.style import COLOURS, DASHES, SMALL, caption, checked, look_of, width_of
from tlbench.selection.rules import ORACLE, SOURCE_VAL

LABELS = {ORACLE: "target test (ORACLE: its labels)", SOURCE_VAL: "source validation"}
WIDE_RANGE = 20


def learning_curves(
    scores: pd.DataFrame, terms: pd.DataFrame, selection: str, *, score_label: str = "accuracy (%)"
) -> Figure:
    """Draw, above, source and target scores, a line at the checkpoint that `selection` chose. Below: validators, loss terms.

    Validators have units of their own: each is drawn from its worst (0) to its best checkpoint (1), the chosen one ringed.

    Args:
        scores: `learning.score_table`'s.
        terms: `learning.term_table`'s; may have no row, which leaves the panel out.
        selection: the rule of the report.

    Raises:
        ValueError: no row of scores, a column lacking, a rule given twice at one step.
    """
    checked(scores, SCORES, ["rule", "step"], "A learning curve")
    if len(terms):
        checked(terms, TERMS, ["name", "step"], "A curve of loss terms")
    validators = scores[scores["kind"] == "validator"]
    heights = [3.0, *([3.0] if len(validators) else []), *([2.4] if len(terms) else [])]
    names = [*LABELS.values(), *validators["rule"], *terms["name"]]
    figure = Figure(figsize=(6.5 + width_of(names, SMALL), sum(heights) + 0.6), layout="constrained")
    panels = list(figure.subplots(len(heights), 1, sharex=True, squeeze=False, height_ratios=heights)[:, 0])
    _scores(panels[0], scores[scores["kind"] == "score"], score_label)
    if len(validators):
        _validators(panels[1], validators)
    if len(terms):
        _terms(panels[-1], terms)
    chosen = scores[(scores["rule"] == selection) & scores["chosen"]]["step"]
    for axes in panels:
        for step in chosen[:1]:
            axes.axvline(step, color="0.35", linestyle=(0, (4, 3)), linewidth=1, zorder=0)
        axes.grid(axis="y", color="0.92", linewidth=0.6)
        axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1.0), frameon=False, fontsize=SMALL, handlelength=3)
    panels[-1].set_xlabel("training step")
    caption(figure, _words(scores, chosen, selection, bool(len(terms))))
    return figure


def _curve(axes: Axes, own: pd.DataFrame, values: np.ndarray, i: int, label: str) -> None:
    look = look_of(i)
    axes.plot(own["step"], values, linestyle=DASHES[i % len(DASHES)], linewidth=1.2, markersize=4, label=label, **look)
    picked = own["chosen"].to_numpy(bool)
    ring = {"markersize": 11, "markerfacecolor": "none", "markeredgecolor": look["color"], "markeredgewidth": 1.3}
    axes.plot(own["step"][picked], values[picked], linestyle="none", marker="o", label="_chosen", **ring)


def _scores(axes: Axes, scores: pd.DataFrame, score_label: str) -> None:
    for i, (rule, label) in enumerate(LABELS.items()):
        own = scores[scores["rule"] == rule].sort_values("step")
        if len(own):
            _curve(axes, own, own["score"].to_numpy(float), i, label)
    axes.set_ylabel(score_label)


def _validators(axes: Axes, validators: pd.DataFrame) -> None:
    for i, (rule, own) in enumerate(validators.groupby("rule", sort=False)):
        own = own.sort_values("step")
        values = own["score"].to_numpy(float)
        low, reach = values.min(), np.ptp(values)
        _curve(axes, own, (values - low) / reach if reach > 0 else np.full(len(values), 0.5), i, str(rule))
    axes.set_ylabel("validator, worst (0)\nto best (1) checkpoint")
    axes.set_ylim(-0.08, 1.08)


def _terms(axes: Axes, terms: pd.DataFrame) -> None:
    for i, (name, own) in enumerate(terms.groupby("name", sort=False)):
        look = {"color": COLOURS[i % len(COLOURS)], "linestyle": DASHES[i % len(DASHES)]}
        axes.plot(own["step"], own["value"], linewidth=1.2, label=str(name), **look)
    sizes = terms.groupby("name")["value"].median().abs()
    if (terms["value"] > 0).all() and sizes.max() > WIDE_RANGE * sizes.min():
        axes.set_yscale("log")
    axes.set_ylabel("loss term")


def _words(scores: pd.DataFrame, chosen: pd.Series, selection: str, terms: bool) -> str:
    n, steps = scores["step"].nunique(), f"step {int(chosen.iloc[0])}" if len(chosen) else "no checkpoint"
    means = " Loss terms: as weighted in the sum, means of neighbouring steps." if terms else ""
    return (
        f"One run, {n} checkpoints. Rings: what each rule chose; dashed line: {steps}, chosen by selection "
        f"{rule_name(selection)}. The target's curve is ORACLE: it needs target labels, and no other rule sees it.{means}"
    )
