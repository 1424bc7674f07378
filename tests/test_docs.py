"""What README.md and docs/ say: links lead somewhere, commands are understood."""

import json
import re
import shlex
from pathlib import Path

import h5py
import pytest

from tests.support import jobs_of
from tests.trees import image_folder
from tlbench.command_parser import LISTED, parser
from tlbench.paths import conf_dir
from tlbench.sweeping.driver import sweeper

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "results" / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
WITH_COMMANDS = [page for page in PAGES if not page.name.startswith("tutorial")]  # tests/test_tutorial.py runs those
REAL = ("caltech10", "amazon_reviews", "mnist_usps")


def commands(page: Path) -> list[list[str]]:
    lines = [line.strip().strip("`") for line in page.read_text("utf-8").splitlines()]
    found = [shlex.split(line, comments=True) for line in lines if re.match(r"tlbench +(run|sweep) ", line)]
    apart = ("--config-dir", "...", "dataset=hub")  # the hub needs a network
    return [words[2:] for words in found if not any(word in words for word in apart)]


@pytest.fixture
def _data_of_the_examples():
    """What the own-data commands of docs/usage.md name, in the working folder."""
    image_folder(Path("my_images"))
    image_folder(Path("images"), domains=("x", "y"))
    for name in ("a", "b"):
        Path(f"{name}.txt").write_text("x/class 0/bild_00ä.jpg 0\nx/class 1/bild_00ä.jpg 1\n")
        Path(f"{name}.csv").write_text("u,v,kind\n1,2,cat\n3,4,dog\n")
        with h5py.File(f"{name}.h5", "w") as file:
            file[{"a": "Xs", "b": "Xt"}[name]], file[{"a": "Ys", "b": "Yt"}[name]] = [[1.0, 2.0], [3.0, 4.0]], [10, 1]


def ids(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", PAGES, ids=ids)
def test_links_lead_somewhere(page):
    for link in re.findall(r"\]\(([^)#]+)", page.read_text("utf-8")):
        assert link.startswith("https://") or (page.parent / link).exists(), link


@pytest.mark.usefixtures("_data_of_the_examples")
@pytest.mark.parametrize("page", [p for p in WITH_COMMANDS if commands(p)], ids=ids)
def test_commands_are_understood(page):
    for words in commands(page):
        if not any(name in " ".join(words) for name in REAL):
            assert jobs_of(*words)


@pytest.mark.data
@pytest.mark.usefixtures("real_data")
@pytest.mark.parametrize("page", [p for p in WITH_COMMANDS if commands(p)], ids=ids)
def test_commands_on_real_data_are_understood(page):
    for words in commands(page):
        if any(name in " ".join(words) for name in REAL):
            assert jobs_of(*words)


@pytest.mark.parametrize("page", WITH_COMMANDS, ids=ids)
def test_every_command_line_is_one_that_the_command_takes(page):
    """Also those that are not planned here: report, show, predict, store, ..."""
    lines = [line.strip() for line in page.read_text("utf-8").splitlines()]
    for line in lines:
        if not re.match(r"tlbench +[a-z-]", line) or "..." in line or line.endswith("\\"):
            continue
        words = shlex.split(line.partition("&&")[0].partition(" > ")[0], comments=True)[1:]
        options, rest = parser().parse_known_args(words)
        assert not any(word.startswith("-") for word in rest), line
        assert not rest or hasattr(options, "overrides"), line


def test_commands_for_those_who_come_from_elsewhere_are_composed():
    text = (ROOT / "docs" / "coming_from.md").read_text("utf-8")
    found = [words for words in re.findall(r"`tlbench (?:run|sweep) ([^`]+)`", text) if "..." not in words]
    assert found
    for words in found:
        with sweeper(["hydra.sweeper.quiet=true"], None) as machine:
            machine.composer.run_config(shlex.split(words))


def test_the_python_of_the_page_on_python_runs():
    """Its blocks one after the other, each sweep in this process."""
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "python.md").read_text("utf-8"), re.DOTALL)
    names: dict[str, object] = {}
    for block in blocks:
        exec(block.replace("tl.sweep(", 'tl.sweep("hydra/launcher=basic", '), names)
    assert len(names["runs"]) == 2 * 3 * (1 + 2 * 2)
    assert names["model"].classes == tuple("0123456789")


def test_every_list_that_the_page_on_usage_names_is_there_and_every_group_is_named():
    text = (ROOT / "docs" / "usage.md").read_text("utf-8")
    for group in (path.name for path in conf_dir().iterdir() if path.is_dir() and path.name != "sweep"):
        assert f"`{group}`" in text
    table = text[text.index("| group |") : text.index("What a command leaves open")]
    for name in re.findall(r"\| `(\w+s)` \|", table):
        assert name in LISTED


@pytest.mark.slow
def test_the_notebook_runs_from_top_to_bottom(monkeypatch):
    monkeypatch.setenv("MPLBACKEND", "agg")
    cells = json.loads((ROOT / "docs" / "notebook.ipynb").read_text("utf-8"))["cells"]
    names: dict[str, object] = {}
    for cell in cells:
        if cell["cell_type"] == "code":
            exec("".join(cell["source"]), names)
    assert len(names["runs"]) == 2 * 6
    assert set(names["cells"]["flag"]) <= {"", "positive", "negative", "no_effect", "inconclusive"}
    lines = names["ax"].get_lines()
    assert sorted(lines[0].get_xdata()) == [2, 5, 10, 20, 40]
    assert names["proba"].shape == (len(names["task"].target), 10)
    assert (names["mapped"].predict(names["X_target"]) == names["y"]).mean() > 0.6
