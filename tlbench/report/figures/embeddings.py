"""Maps of the domains' features before and after training, with the numbers that a map hides."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from tlbench.report.embeddings import COLUMNS, NUMBERS
from tlbench.report.figures.style import COLOURS, SMALL, caption, checked, counted, width_of

MARKS = {"source": ("o", "none"), "target": ("^", "full")}
KIND_WORDS = {"raw": "before training (raw)", "reference": "the reference, after training", "trained": "after training"}
OTHERS, MOST = "0.75", len(COLOURS)
HOW = {"tsne": "t-SNE", "pca": "PCA"}


def embedding_maps(points: pd.DataFrame, numbers: pd.DataFrame, how: str = "tsne") -> Figure:
    """A map for each kind of features: open circles are the source, filled triangles the target, colours are classes.

    With more than seven classes the seven most frequent in the sample have colours; the others are grey.

    Args:
        points: `embeddings.embedding_map`'s.
        numbers: `embeddings.embedding_numbers`', from the full features.
        how: `tsne` or `pca`, for the axes' names.

    Raises:
        ValueError: no row, a column lacking, an example given twice, or a kind without numbers.
    """
    checked(points, COLUMNS, ["kind", "domain", "row"], "A map of features")
    checked(numbers, NUMBERS, ["kind"], "A map of features")
    kinds = list(dict.fromkeys(points["kind"]))
    if lacking := sorted(set(kinds) - set(numbers["kind"])):
        raise ValueError(f"A map of features needs numbers for each kind, lacking {', '.join(lacking)}.")
    shown = sorted(points["label"].value_counts(sort=True).index[:MOST])
    colours = dict(zip(shown, COLOURS, strict=False))
    n_others = points["label"].nunique() - len(shown)
    width = 4.6 * len(kinds) + 1.0 + width_of([*shown, "target (ORACLE colours)"], SMALL)
    figure = Figure(figsize=(width, 5.6), layout="constrained")
    panels = figure.subplots(1, len(kinds), squeeze=False)[0]
    for axes, kind in zip(panels, kinds, strict=True):
        _draw(axes, points[points["kind"] == kind], colours)
        row = next(numbers[numbers["kind"] == kind].itertuples())
        axes.set_xlabel(
            f"{HOW[how]} 1, {KIND_WORDS[kind]}, {row.width} features\ndomain told by 1-NN: {100 * row.nearest_neighbour:.0f} % "
            f"(50 %: mixed), A-distance {row.a_distance:.2f} of 2"
        )
        axes.set_ylabel(f"{HOW[how]} 2")
    figure.legend(handles=_key(colours, n_others), loc="outside right upper", frameon=False, fontsize=SMALL)
    after = " After training is after the last step, whatever the selection." if set(kinds) - {"raw"} else ""
    n = " and ".join(counted(numbers[f"n_{domain}"], f"{domain} examples") for domain in MARKS)
    warned = " Distances between groups of a t-SNE map mean little." if how == "tsne" else ""
    caption(
        figure,
        f"{n} of the training parts.{after} The numbers are from the full features, not from the map.{warned} Target labels "
        "(ORACLE) only colour the points; the method did not see them.",
    )
    return figure


def _draw(axes: Axes, own: pd.DataFrame, colours: dict[str, str]) -> None:
    for domain, (marker, fill) in MARKS.items():
        part = own[own["domain"] == domain]
        shades = [colours.get(label, OTHERS) for label in part["label"]]
        faces = "none" if fill == "none" else shades
        axes.scatter(
            part["x"], part["y"], s=16, marker=marker, facecolors=faces, edgecolors=shades, linewidths=0.8, alpha=0.8,
            label=domain,
        )  # fmt: skip
    axes.set_xticks([])
    axes.set_yticks([])
    axes.set_aspect("equal", adjustable="datalim")


def _key(colours: dict[str, str], n_others: int) -> list[Line2D]:
    found = [
        Line2D([], [], linestyle="none", marker=marker, color="black", fillstyle=fill, label=domain)  # type: ignore[arg-type]
        for domain, (marker, fill) in MARKS.items()
    ]
    found += [
        Line2D([], [], linestyle="none", marker="s", color=colour, label=name) for name, colour in colours.items()
    ]
    if n_others:
        found.append(Line2D([], [], linestyle="none", marker="s", color=OTHERS, label=f"{n_others} other classes"))
    return found
