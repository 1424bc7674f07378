"""Maps of the domains' features before and after training, with the numbers that a map hides."""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from tlbench.findings.embeddings import COLUMNS, NUMBERS, About
from tlbench.reporting.figures.style import COLOURS, SMALL, caption, checked, counted, width_of

MARKS = {"source": ("o", "none"), "target": ("^", "full")}
OTHERS, MOST = "0.75", len(COLOURS)
UNKNOWN = About()
HOW = {"tsne": "t-SNE", "pca": "PCA"}
LABELS = {
    "none": "Target labels (ORACLE) only colour the points; the method did not see them.",
    "shots": "Target labels (ORACLE) colour the points; of them the method saw those of the shots.",
    "all": "ORACLE: the method was trained on the target labels that colour the points.",
}


def embedding_maps(points: pd.DataFrame, numbers: pd.DataFrame, how: str = "tsne", about: About = UNKNOWN) -> Figure:
    """Draw a map for each kind of features: open circles are the source, filled triangles the target, colours are classes.

    With more than seven classes the seven most frequent in the sample have colours; the others are grey.

    Args:
        points: `embeddings.embedding_map`'s.
        numbers: `embeddings.embedding_numbers`', from the full features.
        how: `tsne` or `pca`, for the axes' names.
        about: what the map is of, for the names of the panels and the line under the figure.

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
    panel = max(4.6, width_of([f"{HOW[how]} 1: {_named(kind, about)}" for kind in kinds], 9) + 0.3)
    width = panel * len(kinds) + 1.0 + width_of([*shown, "target (ORACLE colours)"], SMALL)
    figure = Figure(figsize=(width, 5.6), layout="constrained")
    panels = figure.subplots(1, len(kinds), squeeze=False)[0]
    for axes, kind in zip(panels, kinds, strict=True):
        _draw(axes, points[points["kind"] == kind], colours)
        row = next(numbers[numbers["kind"] == kind].itertuples())
        axes.set_xlabel(
            f"{HOW[how]} 1: {_named(kind, about)}\n{row.width} features; domain told by 1-NN: "
            f"{100 * row.nearest_neighbour:.0f} % (50 %: mixed)\nproxy A-distance {row.a_distance:.2f} of 2",
            parse_math=False,
        )
        axes.set_ylabel(f"{HOW[how]} 2")
    figure.legend(handles=_key(colours, n_others), loc="outside right upper", frameon=False, fontsize=SMALL)
    after = f" Features after the last step{_reported(about)}." if set(kinds) - {"raw"} else ""
    where = f"{about.where}. " if about.where else ""
    n = " and ".join(counted(numbers[f"n_{domain}"], f"{domain} examples") for domain in MARKS)
    warned = " Distances between groups of a t-SNE map mean little." if how == "tsne" else ""
    caption(
        figure,
        f"{where}{n} of the training parts, each panel laid out by itself.{after} The numbers are from the full features, not "
        f"from the map, A-distances of one split.{warned} {LABELS[about.labels]}",
    )
    return figure


def _named(kind: str, about: About) -> str:
    if kind == "raw":
        return "before training"
    return f"{about.method if kind == 'trained' else about.reference}, after training"


def _reported(about: About) -> str:
    return "" if about.step is None else f"; selection {about.selection} reports step {about.step}"


def _draw(axes: Axes, own: pd.DataFrame, colours: dict[str, str]) -> None:
    for domain, (marker, fill) in MARKS.items():
        part = own[own["domain"] == domain]
        shades = [colours.get(label, OTHERS) for label in part["label"]]
        faces = "none" if fill == "none" else shades
        look: dict[str, Any] = {"marker": marker, "facecolors": faces, "edgecolors": shades, "label": domain}
        axes.scatter(part["x"], part["y"], s=16, linewidths=0.8, alpha=0.8, **look)
    axes.set(xticks=[], yticks=[])
    axes.set_aspect("equal", adjustable="datalim")


def _key(colours: dict[str, str], n_others: int) -> list[Line2D]:
    looks = [
        {"label": name, "marker": mark, "color": "black", "fillstyle": fill} for name, (mark, fill) in MARKS.items()
    ]
    others = {f"{n_others} other classes": OTHERS} if n_others else {}
    looks += [{"label": name, "marker": "s", "color": colour} for name, colour in [*colours.items(), *others.items()]]
    return [Line2D([], [], linestyle="none", **look) for look in looks]  # type: ignore[arg-type]
