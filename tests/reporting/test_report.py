import csv
import html.parser
import re
import shutil
from pathlib import Path

import pandas as pd
import pytest

from tests.findings.tables import evidence
from tests.findings.test_cells import cells_of, run
from tests.support import remove, write_toy
from tlbench.cli import main
from tlbench.reporting.analysis import Analysis
from tlbench.reporting.formats import to_latex
from tlbench.reporting.html import to_html
from tlbench.reporting.section import Section
from tlbench.store.record_rows import COLUMNS
from tlbench.store.runs import RunStore


@pytest.fixture(scope="module")
def swept_once(tmp_path_factory):
    """A store with a sweep of three seeds in it."""
    root = tmp_path_factory.mktemp("swept")
    data, conf = write_toy(root / "toy")
    command = ["sweep", "dataset=toy", "pair=L-R,R-L", "hydra/launcher=basic", "--config-dir", str(conf)]
    words = ["method=dann,coral", "seed=0,1,2", f"store={root / 'store'}", f"data_dir={data}"]
    assert main([*command, *words]) == 0
    return root / "store"


@pytest.fixture
def swept(swept_once, tmp_path):
    """A copy of that store, where a command looks for it."""
    return RunStore(shutil.copytree(swept_once, tmp_path / "store"))


def test_the_leaderboard_and_every_file_are_written(swept, capsys):
    assert main(["report", "--out", "out"]) == 0
    text = capsys.readouterr().out
    for word in ("source_only", "dann", "coral", "left-right", "gains are over source_only", "negative transfer:",
                 "Holm over the 4 gains", "≈"):  # fmt: skip
        assert word in text
    assert {p.name for p in Path("out").iterdir()} == {"report.html", "report.md", "report.tex", "runs.csv", "tables"}
    assert {p.name for p in Path("out/tables").iterdir()} >= {
        "cells.csv",
        "classes.csv",
        "selections.csv",
        "distances.csv",
        "ranks_1.csv",
    }


def test_each_figure_stands_under_its_own_caption(monkeypatch):
    rows = [run("source_only", seed=i, accuracy=0.6) for i in range(3)]
    two = {"b": lambda: "B", "c": lambda: "C"}
    sections = [
        Section("one", "One", figures={"a": lambda: "A"}),
        Section("two", "Two", figures=two, captions={"b": "two b", "c": "two c"}),
    ]
    monkeypatch.setattr("tlbench.reporting.html.as_svg", lambda figure: f"<i>{figure}</i>")
    found = Analysis(evidence(cells_of(*rows), pd.DataFrame(rows)), sections)
    shown = re.findall(r"<figcaption>([^<]*)</figcaption><i>([ABC])</i>", to_html(found, {}))
    assert shown == [("One", "A"), ("two b", "B"), ("two c", "C")]


def test_figures_drawn_in_other_processes_are_the_same(swept, monkeypatch):
    pages = []
    for many in (1, 1000):
        monkeypatch.setattr("tlbench.reporting.html.MANY", many)
        assert main(["report", "--out", str(many), "--format", "html"]) == 0
        pages.append(Path(str(many), "report.html").read_bytes())
    assert pages[0] == pages[1]
    assert pages[0].count(b"<svg") > 4


def test_the_csv_is_the_tidy_table(swept):
    assert main(["report", "--out", "out", "--format", "csv"]) == 0
    assert {p.name for p in Path("out").iterdir()} == {"runs.csv", "tables"}
    with Path("out/runs.csv").open() as file:
        rows = list(csv.DictReader(file))
    rules = {row["selection"] for row in rows}
    assert {"last", "source_val", "iwv", "mixval", "oracle"} <= rules
    assert len(rows) == 2 * 3 * 3 * len(rules) == 2 * 3 * 3 * 13
    assert list(rows[0])[: len(COLUMNS)] == COLUMNS


class Page(html.parser.HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open, self.outside, self.text = [], [], ""

    def handle_starttag(self, tag, attrs):
        self.outside += [v for k, v in attrs if k in ("src", "href") and v and not v.startswith("#")]
        if tag not in ("meta", "br", "link", "img", "path", "use", "rect"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag in self.open:
            assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


def test_the_page_needs_nothing_from_outside_and_is_well_formed(swept):
    main(["report", "--out", "out", "--format", "html"])
    text = Path("out/report.html").read_text("utf-8")
    page = Page()
    page.feed(text)
    assert page.open == []
    assert page.outside == []
    assert "<script" not in text
    assert not re.search(r"url\((?!#)", text)
    assert "<svg" in text
    for word in (
        "Where does transfer help",
        "Hurt:",
        "Helped:",
        "Not complete: 0",
        "inductive",
        "selection last",
        "Would one have known",
        "How far apart",
    ):
        assert word in page.text


def test_names_and_reasons_are_escaped_on_the_page():
    rows = [run("<b>dann", "a<i>-b", seed=i, gain=-5.0 - i) for i in range(3)]
    rows.append(run("coral", "a-b", status="failed", reason="<script>alert(1)</script>"))
    cells = cells_of(*rows)
    evil = pd.DataFrame({"<u>head": ["<script>"]})
    why = pd.DataFrame({"cell_key": ["<b>dann/a<i>-b"], "cause": ["<u>data"], "evidence": ["x"]})
    section = Section("s", "<u>title", ["<script>"], evil)
    found = Analysis(evidence(cells, pd.DataFrame(rows), why), [section])
    text = to_html(found, {"store": "<u>runs"})
    assert not re.search(r"<(b>dann|i>|u>|script)", text)
    for word in (
        "&lt;b&gt;dann",
        "&lt;script&gt;",
        "&lt;u&gt;runs",
        "&lt;u&gt;head",
        "&lt;u&gt;title",
        "&lt;u&gt;data",
    ):
        assert word in text


def test_latex_escapes_and_closes_its_environments(swept):
    main(["report", "--out", "out", "--format", "latex"])
    text = Path("out/report.tex").read_text()
    assert r"source\_only" in text
    assert not re.search(r"(?<!\\)_", text)
    for name in ("table", "tabular"):
        assert text.count(rf"\begin{{{name}}}") == text.count(rf"\end{{{name}}}") == 1
    rows = [line for line in text.splitlines() if line.endswith(r"\\")]
    assert {line.count("&") for line in rows} == {3}
    assert text.count(r"\textbf") >= 2


def test_latex_marks_the_best_the_second_and_what_is_negative():
    rows = [run(m, seed=i, accuracy=a, gain=g) for i in range(3) for m, a, g in
            (("source_only", 0.6, None), ("dann", 0.7, 10.0), ("mmd", 0.5, -10.0), ("coral", 0.6, 0.0))]  # fmt: skip
    cells = cells_of(*rows)
    cells["flag"] = cells["method"].map({"mmd": "negative"}).fillna("inconclusive")
    cells.loc[cells["method"] == "source_only", "flag"] = ""
    text = to_latex(Analysis(evidence(cells, pd.DataFrame(rows))))
    (line,) = [line for line in text.splitlines() if line.startswith("a-b")]
    best, second = re.findall(r"\\textbf\{([^}]*)\}", line), re.findall(r"\\underline\{([^}]*)\}", line)
    assert [text[:2] for text in best] == ["70"]
    assert [text[:2] for text in second] == ["60", "60"]  # both, as they share the place
    assert re.search(r"\\textit\{\$-\$10.0[^}]*blacktriangledown", line)
    assert "selection last" in text
    assert "protocol p" in text


def test_markdown_rows_are_as_wide_as_their_head(swept):
    main(["report", "--out", "out", "--format", "md"])
    rows = [line for line in Path("out/report.md").read_text().splitlines() if line.startswith("|")]
    heads = [i - 1 for i, row in enumerate(rows) if row.startswith("| ---")]
    assert len(heads) >= 4  # methods at a glance, leaderboard, ranks, selections
    for start, end in zip(heads, [*heads[1:], len(rows)], strict=True):
        assert len({row.count("|") for row in rows[start:end]}) == 1
    assert heads[1] == 2 + 2
    assert heads[2] - heads[1] == 2 + 2 + 1


def test_a_report_with_holes_says_so_and_exits_1(swept, capsys):
    key = next(k for k in swept.run_keys() if swept.record(k)["method"] == "dann")
    remove(swept, key)
    assert main(["report", "--out", "out"]) == 1
    text = capsys.readouterr().out
    assert "not complete: 1 of 6 cells" in text
    assert "2 of 3 seeds (1 missing)" in text
    assert "2 of 3 seeds (1 missing)" in Path("out/report.html").read_text("utf-8")


def test_oracle_is_printed_on_whatever_used_target_labels(swept, capsys):
    main(["report", "--out", "out", "--selection", "oracle"])
    assert "ORACLE dann" in capsys.readouterr().out
    assert "ORACLE selection." in Path("out/report.html").read_text("utf-8")
    assert "ORACLE" not in "".join(m for m in [Path("out/runs.csv").read_text("utf-8")])
    main(["report", "--out", "out2"])
    leaderboard = Path("out2/report.md").read_text("utf-8").split("Accuracy and gain in percentage points")[0]
    assert "ORACLE" not in leaderboard
    selections = pd.read_csv("out2/tables/selections.csv")
    assert "oracle" in set(selections["rule"])
    assert "ORACLE" in Path("out2/report.md").read_text("utf-8").split("Would one have known")[1]


def test_variants_of_a_method_stand_apart(toy, capsys):
    command = ["sweep", "dataset=toy", "pair=L-R", "hydra/launcher=basic", "--config-dir", str(toy)]
    assert main([*command, "method=coral", "method.weight=1.0,2.0"]) == 0
    capsys.readouterr()
    assert main(["report", "--out", "out"]) == 0
    text = capsys.readouterr().out.replace("\n", " ")
    assert "coral weight=1" in text
    assert "coral weight=2" in text


def test_a_variant_without_a_run_hides_no_other(toy, tmp_path, capsys):
    command = ["sweep", "dataset=toy", "pair=L-R", "hydra/launcher=basic", "--config-dir", str(toy)]
    assert main([*command, "method=coral", "method.weight=1.0,2.0"]) == 0
    store = RunStore(tmp_path / "store")
    for key in store.run_keys():
        if store.config(key)["method"].get("weight") == 2.0:
            remove(store, key)
    capsys.readouterr()
    assert main(["report", "--out", "out"]) == 1
    text = Path("out/report.md").read_text("utf-8")
    assert "coral weight=1 | coral weight=2" in text
    assert "0 of 1 seeds (1 missing)" in text


def test_runs_compared_at_different_levels_are_not_mixed(toy, capsys):
    command = ["sweep", "dataset=toy", "pair=L-R", "hydra/launcher=basic", "--config-dir", str(toy), "method=coral"]
    assert main([*command, "seed=0"]) == main([*command, "seed=1", "alpha=0.1"]) == 0
    assert main(["report", "--out", "out"]) == 2
    assert "compared with different alphas, 0.05, 0.1" in capsys.readouterr().err
    assert main([*command, "seed=0", "alpha=0.1"]) == 0
    capsys.readouterr()
    assert main(["report", "--out", "out"]) == 0
    assert "90 % t interval" in Path("out/report.md").read_text("utf-8")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--selection", "entropi"], "Did you mean 'entropy'?"),
        (["--margin", "-1"], "--margin must be 0 or more points, got -1"),
    ],
)
def test_an_impossible_way_to_judge_is_told(arguments, message, swept, capsys):
    assert main(["report", "--out", "out", *arguments]) == 2
    assert message in capsys.readouterr().err


def test_correction_and_margin_are_those_of_the_command_and_are_printed(swept, capsys):
    assert main(["report", "--out", "out", "--correction", "bh", "--margin", "2.5", "--selection", "entropy"]) == 0
    text = " ".join(capsys.readouterr().out.split())
    for word in ("Benjamini-Hochberg over the 4 gains", "within ±2.5 points", "selection entropy"):
        assert word in text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(["--store", "nowhere"], "Store 'nowhere' does not exist"), (["--store", "."], "holds no runs")],
)
def test_a_store_that_is_not_there_is_told(arguments, message, capsys):
    assert main(["report", *arguments]) == 2
    assert message in capsys.readouterr().err


def test_a_folder_that_cannot_be_written_is_told(swept, capsys):
    Path("file").write_text("")
    assert main(["report", "--out", "file"]) == 2
    assert "cannot be written" in capsys.readouterr().err


def test_twenty_variants_of_a_method_fit_a_terminal_and_are_folded_in_every_format(toy, capsys):
    """The page's width is measured in a browser, tests/browser."""
    command = [
        "sweep",
        "dataset=toy",
        "pair=L-R",
        "protocol=transductive",
        "hydra/launcher=basic",
        "--config-dir",
        str(toy),
    ]
    weights = ",".join(f"{0.1 * i:.1f}" for i in range(1, 21))
    assert (
        main([*command, "method=coral", "optim.steps=1", "validators=0", "distances=0", f"method.weight={weights}"])
        == 0
    )
    capsys.readouterr()
    assert main(["report", "--out", "out"]) == 0
    lines = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
    assert max(len(line) for line in lines if line.startswith(("┏", "│", "┃"))) <= 120
    text = Path("out/report.md").read_text("utf-8")
    tables = [line for line in text.splitlines() if line.startswith("| pair")]
    names = [name for line in tables for name in line.strip("| ").split(" | ")[1:]]
    assert len(tables) > 1
    assert names == ["source_only", *(f"coral weight={0.1 * i:g}" for i in range(1, 21))]
    assert Path("out/report.tex").read_text("utf-8").count(r"\begin{tabular}") == len(tables)
    page = Path("out/report.html").read_text("utf-8")
    assert page.count("<thead><tr><th>pair</th>") == len(tables)
