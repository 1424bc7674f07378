"""docs/tutorial.md, as a reader goes through it: its files are written and its commands run, in order, in one folder."""

import re
import runpy
import shlex
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest

from tlbench.cli import main
from tlbench.command_parser import parser
from tlbench.paths import conf_dir
from tlbench.store.runs import RunStore
from tlbench.store.table import read_runs

DOCS = Path(__file__).parents[1] / "docs"
ENGLISH, CHINESE = DOCS / "tutorial.md", DOCS / "tutorial.zh.md"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)

SMALL = "optim.steps=4 optim.evaluations=2 pair=H-P seed=0"
INSTEAD: dict[str, tuple[tuple[str, ...], str]] = {
    "make demo": (
        (f"tlbench sweep method=coral {SMALL} store=results/demo/runs",
         "tlbench report --store results/demo/runs --out results/demo"),
        "328 runs, and the environment; other tests hold `sweep=demo` and the Makefile",
    ),
    "source .venv/bin/activate": ((), "the environment of the test"),
    "mkdir my_study && cd my_study": ((), "the folder of the test"),
    "tlbench run pair=H-P method=coral seed=0": ((f"tlbench run method=coral {SMALL}",), "300 steps"),
    "tlbench sweep pair=H-P,P-H method=coral,dann seed=0,1,2": (
        (f"tlbench sweep method=coral,dann {SMALL}",), "18 runs of 300 steps; their plan is made as printed"
    ),
    "tlbench sweep dataset=mine pair=day-night method=equal_moments search=equal_moments search.trials=4 seed=0,1,2 "
    "--config-dir my_conf": (
        ("tlbench sweep dataset=mine pair=day-night method=equal_moments search=equal_moments search.trials=2 seed=0,1,2 "
         "--config-dir my_conf",), "two trials fewer"
    ),
    "pip install 'tlbench[dashboard]'": ((), "a download"),
    "tlbench dashboard --store results/runs": (
        ("PARSE tlbench dashboard --store results/runs",), "serves until it is stopped; tests/browser opens it"
    ),
    "tlbench store export --wandb --project my_project": (
        ("PARSE tlbench store export --wandb --project my_project",), "a network and a key; tests/storage exports offline"
    ),
    "tlbench reproduce coral_aaai16_table1 seed=0 pair=D-W": (
        ("PARSE tlbench reproduce coral_aaai16_table1 seed=0 pair=D-W",), "needs real data; tests/reproduce runs it"
    ),
}  # fmt: skip
"""Command as printed -> what is run instead, and why. `PARSE`: only whether the command line is understood."""


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, its text, and the file that the line before it names."""

    language: str
    text: str
    file: str = ""


def blocks(page: Path) -> list[Block]:
    text, found = page.read_text("utf-8"), []
    for match in BLOCK.finditer(text):
        before = text[: match.start()].rstrip().rpartition("\n")[2]
        names = re.findall(r"`([\w/]+\.(?:py|yaml))`", before)
        found.append(Block(match[1], match[2], names[-1] if names and match[1] != "sh" else ""))
    return found


def commands(block: Block) -> list[str]:
    return [line for line in block.text.splitlines() if line and not line.startswith("#")]


def follow(page: Path) -> None:
    """Does all that the page says, in the working folder."""
    for block in blocks(page):
        if block.file:
            Path(block.file).parent.mkdir(parents=True, exist_ok=True)
            Path(block.file).write_text(block.text, "utf-8")
        for printed in commands(block) if block.language == "sh" else ():
            for command in INSTEAD[printed][0] if printed in INSTEAD else (printed,):
                execute(command)


def execute(command: str) -> None:
    first, *words = shlex.split(command)
    if first == "PARSE":
        assert parser().parse_args(words[1:]).command
    elif first == "python":
        runpy.run_path(*words)
    else:
        assert first == "tlbench"
        basic = ["hydra/launcher=basic"] if words[0] == "sweep" else []  # the same runs, in this process
        assert main([*words, *basic]) == 0, command


@pytest.fixture(scope="module")
def followed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a reader who has come to the end."""
    folder = tmp_path_factory.mktemp("tutorial")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.delenv("TLBENCH_STORE", raising=False)
        patch.setenv("TLBENCH_CACHE", str(folder / "cache"))
        follow(ENGLISH)
    return folder


@pytest.mark.slow
def test_every_command_leaves_what_the_page_says(followed):
    for report in ("demo", "first", "report", "by_iwv", "shots"):
        assert (followed / "results" / report / "report.html").stat().st_size > 10_000
    assert list((followed / "results" / "figures").rglob("*.pdf"))
    assert {path.suffix for path in (followed / "results" / "paper").iterdir()} >= {".md", ".tex"}
    assert not (followed / "results" / "paper" / "report.html").exists()
    store = RunStore(followed / "results" / "runs")
    assert {store.status(key) for key in store.run_keys()} == {"done"}


@pytest.mark.slow
def test_a_method_of_weight_zero_gains_nothing_and_seeds_of_the_own_method_differ(followed):
    zero = read_runs(RunStore(followed / "results" / "zero"))
    assert list(zero.loc[zero["method"] == "equal_moments", "gain"].unique()) == [0.0]
    runs = pd.read_csv(followed / "runs.csv")
    own = runs[(runs["method"] == "equal_moments") & (runs["selection"] == "last")]
    assert sorted(own["seed"]) == [0, 1, 2]
    assert own["gain"].max() - own["gain"].min() > 15  # what one seed says is not what another says


def test_both_languages_have_the_same_files_and_commands_in_the_same_sections():
    assert blocks(ENGLISH) == blocks(CHINESE)
    both = [re.findall(r"^## (\d)\.", page.read_text("utf-8"), re.MULTILINE) for page in (ENGLISH, CHINESE)]
    assert both == [list("12345678")] * 2
    links = [re.findall(r"\]\(([^)]+)\)", page.read_text("utf-8"))[1:] for page in (ENGLISH, CHINESE)]
    assert links[0] == links[1]


def test_every_replacement_is_of_a_printed_command_and_every_code_block_names_its_file():
    printed = {line for block in blocks(ENGLISH) if block.language == "sh" for line in commands(block)}
    assert set(INSTEAD) <= printed
    assert all(block.file for block in blocks(ENGLISH) if block.language in ("python", "yaml"))


def test_names_that_the_page_mentions_exist():
    text = ENGLISH.read_text("utf-8")
    for rule in re.findall(r"--selection (\w+)", text):
        assert (conf_dir() / "selection" / f"{rule}.yaml").is_file()
    for paper in re.findall(r"tlbench reproduce (\w+)", text):
        assert (conf_dir() / "paper" / f"{paper}.yaml").is_file()
