"""Every figure, drawn large: no text is cut by an edge or lies on another, and each says what it must."""

import ast
from pathlib import Path

import pytest
from matplotlib import pyplot

import tlbench.reporting.figures
from tests.reporting.figures.drawn import assert_whole_and_apart, words
from tests.reporting.figures.many import FIGURES

FOLDER = Path(tlbench.reporting.figures.__file__).parent
SAYS_NO_SELECTION = {
    "claimed_and_got",
    "label_efficiency",
    "rank_diagram",
    "selection_rules",
    "selection_rules_few",
} | {name for name in FIGURES if name.startswith("settings_scatter")}


@pytest.mark.parametrize("name", FIGURES)
def test_texts_are_whole_and_apart_and_say_what_is_shown(name):
    figure = FIGURES[name]()
    assert_whole_and_apart(figure)
    assert not [axes for axes in figure.axes if axes.get_title()]
    assert figure.get_suptitle() == ""
    assert ("election" in words(figure)) == (name not in SAYS_NO_SELECTION)
    assert pyplot.get_fignums() == []


def test_every_figure_is_drawn_here():
    files = {path.stem for path in FOLDER.glob("*.py")} - {"__init__", "style"}
    assert files == {next((f for f in files if name.startswith(f)), name) for name in FIGURES}


def test_no_figure_knows_pyplot():
    for path in FOLDER.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            names = [node.module] if isinstance(node, ast.ImportFrom) else []
            names += [a.name for a in node.names] if isinstance(node, ast.Import | ast.ImportFrom) else []
            assert not any("pyplot" in str(name) for name in names), path
