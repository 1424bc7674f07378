"""A closer look at the cells that lose most: which classes, what they are taken for, and what training looked like."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from tlbench.findings.names import method_name, pair_title
from tlbench.findings.number_format import hurts, plus_minus
from tlbench.findings.worst_cells import worst_cells
from tlbench.reporting.figures.style import headed
from tlbench.reporting.section import Draw, Section
from tlbench.reporting.sections.worst_cell_figures import figures_of

if TYPE_CHECKING:
    from tlbench.findings.evidence import Evidence

CAPTIONS = {
    "classes": "gain of each class",
    "confusions": "how its predictions differ from its reference's",
    "calibration": "how sure it and its reference are",
    "training": "training of its first seed",
    "features": "features of its first seed",
}


def worst_cells_section(evidence: Evidence) -> Section | None:
    """Show figures of the worst cells; None where no cell and no class loses beyond noise."""
    chosen = worst_cells(evidence.cells, evidence.classes)
    if chosen.empty:
        return None
    figures: dict[str, Draw] = {}
    captions: dict[str, str] = {}
    listed = []
    for i, cell in enumerate(chosen.itertuples(), 1):
        place = f"{method_name(cell)} on {cell.dataset}, {pair_title(cell.pair)}, {cell.protocol}"
        own, why = figures_of(cell, evidence)
        lost = plus_minus(cell.gain, cell.gain_half, signed=True)
        about = ", ".join(filter(None, [f"{lost} over {cell.reference}", hurts(cell.warning)]))
        listed.append(f"{i}: {place} ({about}){why}")
        for name, draw in own.items():
            figures[f"{i}_{name}"] = draw if name == "features" else partial(headed, draw, place)
            captions[f"{i}_{name}"] = f"{i}: {place}: {CAPTIONS[name]}."
    words = [
        "The cells that lose most beyond noise, and then those in which a class does. For each: the gain of each class; how "
        "its predictions differ from its reference's, and how sure both are; the training of its first seed, and maps of the "
        "features that it kept.",
        " ".join(f"{text}." for text in listed),
    ]
    return Section("closer", "A closer look at the greatest losses", words, None, None, figures, captions)
