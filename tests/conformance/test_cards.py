"""Every method has its card in docs/methods, and the card says what the config, the code and the results say."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conformance.cases import METHODS, variants
from tlbench.paths import conf_dir

ROOT = Path(__file__).parents[2]
CARDS = ROOT / "docs" / "methods"
SHARED = {"references", "weighting"}
"""Pages about several methods."""


def card(method: str) -> str:
    return (CARDS / f"{method}.md").read_text("utf-8")


def parameters(method: str) -> dict[str, Any]:
    config = yaml.safe_load((conf_dir() / "method" / f"{method}.yaml").read_text("utf-8"))
    return {name: value for name, value in config.items() if name not in ("_target_", "recipe")}


def rows(text: str) -> list[list[str]]:
    lines = [re.split(r"(?<!\\)\|", line.strip().strip("|")) for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line] for line in lines]


def says(cell: str, value: Any) -> bool:
    """Whether the cell of a table gives the value of a YAML key: 10 for 10.0, `linear`, a list as 0.25 0.5."""
    cell = cell.strip("`")
    if isinstance(value, list):
        return [yaml.safe_load(word) for word in cell.strip("[]").replace(",", " ").split()] == value
    return bool(yaml.safe_load(cell) == value)


def test_a_card_for_each_method_and_no_other():
    assert {path.stem for path in CARDS.glob("*.md")} == set(METHODS) | SHARED


@pytest.mark.parametrize("method", METHODS)
def test_it_opens_with_the_name_and_has_a_command_and_the_departures(method):
    text = card(method)
    assert text.startswith(f"# {method}: ")
    assert re.search(rf"^ +tlbench (run|sweep) .*method=\S*\b{method}\b", text, re.MULTILINE)
    assert re.search(r"^## Departures from the papers?\n\n1\. ", text, re.MULTILINE)


@pytest.mark.parametrize("method", METHODS)
def test_it_names_each_parameter_with_its_default(method):
    found = {row[0].strip("`"): row[1:] for row in rows(card(method)) if row[0].startswith("`")}
    for name, value in parameters(method).items():
        assert name in found, f"{method}.md has no row for `{name}`"
        default, meaning = found[name][:2]
        assert says(default, value), f"{method}.md says {name} = {default}, the config {value}"
        assert meaning


@pytest.mark.parametrize("method", METHODS)
def test_it_names_each_variant(method):
    names = variants(method)
    assert ("variant" in parameters(method)) == (len(names) > 1)
    for variant in names:
        assert f"`{variant}`" in card(method) or not variant, variant


@pytest.mark.parametrize("method", METHODS)
def test_it_explains_each_entry_of_the_history(method):
    trace = (ROOT / "tests" / "traces" / f"{method}.txt").read_text("utf-8").splitlines()[1:]
    names = {line.split()[1] for line in trace} - {"classification"}  # the source loss, the same of every network
    explained = [re.sub(r"<\w+>", r"\\w+", word) for word in re.findall(r"`(?:train/)?([\w<>]+)`", card(method))]
    for name in names:  # a digit is an estimator's prediction; `chosen_<source>` stands for an entry of each source
        assert name.isdigit() or any(re.fullmatch(word, name) for word in explained), name


@pytest.mark.parametrize("method", METHODS)
def test_accuracies_beside_the_papers_are_those_of_the_results(method):
    for line in card(method).splitlines():
        got = re.findall(r"[\d.]+ → [\d.]+", line)
        page = re.search(r"\]\((\S+/README\.md)\)", line)
        pages = [CARDS / page[1]] if page else sorted((ROOT / "results").glob("*/README.md"))
        for pair in got:
            assert any(pair in path.read_text("utf-8") for path in pages), f"{method}.md: {pair}"


def test_what_a_cell_says():
    assert says("10", 10.0)
    assert says("`linear`", "linear")
    assert says("0.25 0.5 1", [0.25, 0.5, 1.0])
    assert says("`null`", None)
    assert not any([says("1", 10.0), says("linear", "primal"), says("0.25 0.5", [0.25, 0.5, 1.0]), says("-", 1.0)])
