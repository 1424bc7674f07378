"""Every recipe composes, and a small part of each committed table comes out again."""

import json

import pytest

from tests.support import rehearsed
from tlbench.cli import main
from tlbench.listing import describe
from tlbench.paths import results_dir
from tlbench.reproduce.command import same_table
from tlbench.reproduce.published import AVERAGE, published, read_table
from tlbench.reproduce.recipe import load
from tlbench.sweeping.driver import sweeper
from tlbench.sweeping.overrides import key_of
from tlbench.sweeping.recipes import dataset_like

PAPERS = [name for name, _ in describe("paper")]
PARTS = {  # small enough for a test
    "jda_iccv13": ["dataset=office_caltech10", "pair=dslr-webcam"],
    "coral_aaai16_table1": ["pair=webcam-dslr", "seed=0,3"],
    "coral_aaai16_table3": ["pair=dslr-webcam"],
    "dann_jmlr16_table1": ["--row", "SVM", "--row", "SVM, C by cross-validation", "pair=kitchen-electronics"],
    "dann_jmlr16_table1_msda": ["--row", "NN on the counts", "pair=kitchen-electronics,electronics-kitchen"],
    "easytl_surf": ["pair=dslr-webcam"],
    "jpda_surf": ["pair=webcam-dslr"],
    "meda_surf": ["--row", "JGSA", "--row", "ARTL", "--row", "MEDA", "pair=dslr-webcam"],
    "meda_digits": ["--row", "1NN"],
    "tradaboost_icml07": ["--part", "surf 1", "pair=webcam-dslr", "seed=0"],
}


@pytest.mark.parametrize("name", PAPERS)
def test_recipes_are_whole(name):
    paper, claims = load(name), published(name)
    with sweeper(["hydra.sweeper.quiet=true"], None) as machine:
        for grids in paper.grids([]).values():
            for grid in grids:
                own = [o for o in grid.arguments if key_of(o) not in ("pair", "seed")]
                pair = (grid.pairs or [dataset_like(machine.composer, own).pairs[0]])[0]
                rehearsed(machine.composer.run_config([*own, f"pair={pair}"]))
    for part, row in paper.grids([]):
        if paper.rows[row].published is not None:
            mine = claims[(claims["row"] == paper.rows[row].published) & (claims["pair"] != AVERAGE)]
            assert part in set(mine["part"])
            assert not mine.duplicated(["part", "pair"]).any()
    for row in paper.rows.values():
        for pairs in row.per_pair.values():
            listed = [pair for some in pairs.values() for pair in some]
            assert len(listed) == len(set(listed))
    assert paper.needs.minutes > 0 or paper.needs.gpu_hours > 0


@pytest.mark.data
@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(PARTS))
def test_a_part_of_the_committed_table_comes_out_again(name, real_data, tmp_path):
    """From the recipe, to the digit: the same draws, the same numbers."""
    out = tmp_path / "out"
    words = [*PARTS[name], f"data_dir={real_data}", "hydra/launcher=basic", "--store", str(tmp_path / "s")]
    main(["reproduce", name, *words, "--out", str(out)])
    key = ["row", "part", "pair", "seed"]
    got, want = (read_table(folder / "runs.csv").set_index(key)["score"] for folder in (out, results_dir() / name))
    got = got[got.index.isin(want.index)]  # an override is for every part: digits were not asked for
    assert len(got) > 1
    assert got.to_dict() == pytest.approx(want.reindex(got.index).to_dict(), abs=0.3)
    status = json.loads((out / "status.json").read_text())
    assert set(status["rows"]) == set(got.index.get_level_values("row"))


@pytest.mark.parametrize("name", sorted(PARTS))
def test_the_committed_page_is_that_of_its_tables(name):
    """Numbers of the page are those of the CSVs beside it, and the verdicts hold for them."""
    folder = results_dir() / name
    text, table = (folder / "README.md").read_text("utf-8"), read_table(folder / "reproduced.csv")
    for row in table[(table["pair"] == AVERAGE) & table["published"].notna()].itertuples():
        halves = {f"{row.published + rounding:.2f} → {row.got:.2f}" for rounding in (-1e-6, 1e-6)}  # 76.275 in the CSV
        assert any(half in text for half in halves)
    runs = read_table(folder / "runs.csv").groupby(["row", "part", "pair"])["score"].mean()
    cells = table[table["pair"] != AVERAGE].set_index(["row", "part", "pair"])["got"]
    assert cells.to_dict() == pytest.approx(runs.to_dict(), abs=1e-3)
    assert json.loads((folder / "status.json").read_text())["reproduced"]
    paper = load(name)
    for words in (paper.protocol, *paper.departures, *paper.findings, *(row.page for row in paper.rows.values())):
        assert words in text


def test_an_unknown_paper_names_the_nearest(capsys):
    assert main(["reproduce", "coral_aaai16_table2"]) == 2
    assert "Did you mean 'coral_aaai16_table" in capsys.readouterr().err


def test_the_list_says_what_each_needs_and_what_came_of_it(capsys):
    assert main(["list", "papers"]) == 0
    text = capsys.readouterr().out
    for name in PAPERS:
        assert name in text
    assert "reproduced on" in text


@pytest.mark.parametrize(
    ("overrides", "same"),
    [([], True), (["trainer=gpu", "data_dir=/d", "logger=none"], True), (["trainer=ddp"], False),
     (["trainer.precision=bf16-mixed"], False), (["data_dir=/d", "seed=0"], False)],
)  # fmt: skip
def test_where_a_table_is_run_makes_it_no_other_table(overrides, same):
    assert same_table(overrides) == same


def test_a_row_called_na_is_a_row(tmp_path):
    (tmp_path / "x.csv").write_text("row,part,pair,value\nNA,surf,a-b,1.5\n,surf,a-b,\n")
    table = read_table(tmp_path / "x.csv")
    assert table["row"].tolist() == ["NA", ""]
    assert table["value"].isna().tolist() == [False, True]
    assert {"NA", "CORAL"} <= set(published("coral_aaai16_table1")["row"])
