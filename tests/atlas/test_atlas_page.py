"""The page and the guide: made from the table, number by number."""

import re

import pandas as pd
import pytest

from tests.atlas.by_hand import row, table
from tlbench.atlas.atlas_cells import atlas_cells
from tlbench.atlas.atlas_file import FILE, read_atlas, write_atlas
from tlbench.atlas.atlas_page import page
from tlbench.atlas.atlas_words import Atlas, in_texts, lines_of
from tlbench.atlas.guide import BLOCKS, MARK, renewed
from tlbench.atlas.holes import COLUMNS, read_holes
from tlbench.atlas.leave import write_pages
from tlbench.errors import TlbenchError
from tlbench.paths import results_dir

ATLAS = results_dir() / "atlas"
GUIDE = results_dir().parent / "docs" / "atlas.md"
NO_HOLES = pd.DataFrame(columns=COLUMNS)
HOLE = dict.fromkeys(COLUMNS, "") | {
    "method": "m",
    "dataset": "d",
    "run_key": "gone",
    "status": "failed",
    "reason": "no room",
}


@pytest.fixture
def small():
    rows = [
        row(f, g, method=m, dataset=f)
        for f, gains in {"x": (2, -1), "y": (4, -3)}.items()
        for m, g in zip("ab", gains, strict=True)
    ]
    return table(
        *rows,
        row("x", -5, method="a", dataset="x", source_shares=0.3),
        row("x", 6, method="a", dataset="x", tuned=True, rule="im", n_trials=6),
    )


def atlas(rows, holes=NO_HOLES):
    return Atlas(rows, atlas_cells(rows), holes, pd.DataFrame())


def test_the_page_says_what_the_table_says(small):
    text = page(atlas(small, pd.DataFrame([HOLE])))
    assert "6 runs, 6 cells" in text
    assert "below 0 in 50 % of the cells" in text
    assert "| a | feature | closed_set | 2 | 2 | 0 | 0 | 0 | +3.0 | +2.1 |" in text
    assert "| b | feature | closed_set | 2 | 2 | 100 | 0 | 0 | -2.0 | -2.9 |" in text
    assert "| a | 1 | +2.0 | -5.0 | -7.0 | 0 | 100 |" in text  # class shares
    assert "| all | 1 | 100 | +2.0 | +6.0 | +4.0 | 0 | 0 |" in text  # tuning
    assert "A search of 6 trials" in text
    assert "| a | 1.0 | 1.0 to 1.0 | +3.0 |" in text
    assert "| m | d | failed | 1 | no room |" in text


def test_parts_without_anything_to_say_say_so(small):
    text = page(atlas(small[:2]))
    for words in ("Too few families", "No search is in the atlas", "No fine-tuned network", "None: every run"):
        assert words in text


def test_numbers_as_texts():
    found = pd.DataFrame([{"a": 12.4, "a_half": 3.6, "b": 1234, "c": float("nan"), "d": -0.04}])
    columns = {"A": ("a", "percent"), "B": ("b", "count"), "C": ("c", "gain"), "D": ("d", "gain"), "E": ("a", "area")}
    assert lines_of(in_texts(found, columns))[2] == "| 12 ± 4 | 1,234 | – | 0.0 | 12.40 ± 3.60 |"


def test_the_guide_is_renewed_between_its_marks_and_nowhere_else(small):
    text = "before\n<!-- atlas: in_short -->\nold\n<!-- end -->\nbehind\n"
    found = renewed(text, atlas(small))
    assert found.startswith("before\n<!-- atlas: in_short -->\nOver 4 cells")
    assert "Never adapting scores 50.0 %, always 50.5, and who knew the sign beforehand 51.5" in found
    assert found.endswith("<!-- end -->\nbehind\n")
    assert "old" not in found
    assert renewed(found, atlas(small)) == found
    with pytest.raises(TlbenchError, match="in_shrt"):
        renewed(text.replace("in_short", "in_shrt"), atlas(small))


def test_every_block_of_the_guide_has_its_mark():
    text = GUIDE.read_text("utf-8")
    assert set(re.findall(MARK.pattern, text, re.DOTALL)) == set(BLOCKS)


def test_files_of_a_folder(small, tmp_path):
    folder = tmp_path / "atlas"
    write_pages(folder, small, pd.DataFrame([HOLE]))
    assert {p.name for p in folder.iterdir()} == {
        "README.md",
        "gains.svg",
        "holes.csv",
    }  # one sign a family: no foresight
    assert read_holes(folder)["run_key"].tolist() == ["gone"]
    write_pages(folder, pd.concat([small, table(row("x", 1, run_key="gone"))], ignore_index=True))
    assert read_holes(folder).empty
    assert "None: every run" in (folder / "README.md").read_text("utf-8")


def test_the_table_keeps_what_it_is_given_in_32_bits(small, tmp_path):
    path = write_atlas(tmp_path, small)
    found = read_atlas(tmp_path)
    assert found["gain"].tolist() == small["gain"].tolist()
    assert found["gain"].dtype == "float32"
    assert found["run_key"].tolist() == small["run_key"].tolist()
    assert found["seed"].tolist() == small["seed"].tolist()
    with pytest.raises(ValueError, match="run0"):
        write_atlas(tmp_path, pd.concat([small, small[small["run_key"] == "run0"]]))
    path.write_bytes(b"no parquet")
    with pytest.raises(TlbenchError, match="damaged"):
        read_atlas(tmp_path)


def test_the_same_run_is_kept_as_default_and_as_a_rules_choice(tmp_path):
    both = table(row("x", 1, run_key="a"), row("x", 1, run_key="a", tuned=True, rule="im"))
    write_atlas(tmp_path, both)
    assert read_atlas(tmp_path)["rule"].tolist() == ["", "im"]


@pytest.mark.skipif(not (ATLAS / FILE).exists(), reason="results/atlas is not there")
def test_the_committed_page_and_guide_are_those_of_the_committed_table():
    rows = read_atlas(ATLAS)
    fine_tuned = pd.read_csv(results_dir() / "frozen_lite0" / "fine_tuned.csv")
    found = Atlas(rows, atlas_cells(rows), read_holes(ATLAS), fine_tuned)
    assert (ATLAS / "README.md").read_text("utf-8") == page(found)
    text = GUIDE.read_text("utf-8")
    assert renewed(text, found) == text
