"""What a figure looks like once drawn: texts and where they are."""

from __future__ import annotations

from unittest import mock

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.transforms import Bbox

NEAR = 0.5
"""Pixels by which two boxes may touch: letters are narrower than their boxes."""


def drawn(figure: Figure) -> tuple[list[Text], list[Bbox]]:
    """Every text that drawing the figure puts on it, and its box (ticks outside an axis are there, and are not drawn)."""
    found: dict[int, Text] = {}
    draw = Text.draw

    def noted(self, renderer, *rest, **more):
        if self.get_visible() and self.get_text().strip():
            found[id(self)] = self
        return draw(self, renderer, *rest, **more)

    canvas = FigureCanvasAgg(figure)
    with mock.patch.object(Text, "draw", noted):
        canvas.draw()
    texts = list(found.values())
    return texts, [Text.get_window_extent(text, canvas.get_renderer()) for text in texts]  # of the letters, no arrow


def boxes(figure: Figure, texts: list[Text]) -> list[Bbox]:
    """Boxes of some texts of a figure."""
    known = dict(zip(map(id, (found := drawn(figure))[0]), found[1], strict=True))
    return [known[id(text)] for text in texts]


def assert_whole_and_apart(figure: Figure) -> None:
    """No text is cut by the figure's edge, and none lies on another."""
    texts, found = drawn(figure)
    whole = figure.bbox
    for box, text in zip(found, texts, strict=True):
        inside = whole.x0 <= box.x0 < box.x1 <= whole.x1 and whole.y0 <= box.y0 < box.y1 <= whole.y1
        assert inside, f"cut: {text.get_text()!r}"
    order = sorted(range(len(found)), key=lambda i: found[i].x0)
    for place, i in enumerate(order):
        for j in order[place + 1 :]:
            if found[j].x0 > found[i].x1 - NEAR:
                break
            up, down = max(found[i].y0, found[j].y0), min(found[i].y1, found[j].y1)
            assert up > down - NEAR, f"{texts[i].get_text()!r} on {texts[j].get_text()!r}"


def words(figure: Figure) -> str:
    """The line under a figure."""
    return figure.get_supxlabel().replace("\n", " ")


def places(line) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in zip(*line.get_data(), strict=True)]
