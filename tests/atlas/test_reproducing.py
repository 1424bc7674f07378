"""`tlbench reproduce atlas`: parts, what is there already, and what is written."""

import pytest

from tlbench.atlas.atlas_file import FILE, read_atlas
from tlbench.atlas.command import chosen_parts
from tlbench.cli import main
from tlbench.errors import TlbenchError
from tlbench.paths import results_dir

TINY = """\
# atlas_tiny: a part for a test
grids:
  - - dataset=gaussian_shifts
    - dataset.size=80
    - pair=S-V,S-L
    - method=sa,coral_linear
    - classifier=logistic
    - seed=0
"""


@pytest.fixture
def conf(tmp_path):
    (tmp_path / "conf" / "sweep").mkdir(parents=True)
    (tmp_path / "conf" / "sweep" / "atlas_tiny.yaml").write_text(TINY)
    return str(tmp_path / "conf")


def test_a_part_is_run_written_and_not_run_again(conf, tmp_path, capsys):
    out = tmp_path / "out"
    words = [
        "reproduce",
        "atlas",
        "--part",
        "tiny",
        "--config-dir",
        conf,
        "--store",
        str(tmp_path / "s"),
        "hydra/launcher=basic",
    ]
    assert main([*words, "--out", str(out)]) == 0
    rows = read_atlas(out)
    assert sorted(rows["method"]) == ["coral_linear", "coral_linear", "sa", "sa", "source_only", "source_only"]
    assert "6 runs, 4 cells" in (out / "README.md").read_text("utf-8")
    capsys.readouterr()
    assert main(words) == 0
    said = capsys.readouterr()
    assert "6 runs (2 of them references that the methods need), 6 are there." in said.err
    assert "nothing is written without --out" in said.out


def test_a_dry_run_writes_nothing(conf, tmp_path, capsys):
    out = tmp_path / "out"
    words = ["reproduce", "atlas", "--part", "tiny", "--config-dir", conf, "--store", str(tmp_path / "s"), "--dry-run"]
    assert main([*words, "--out", str(out)]) == 0
    assert "6 runs, 2 of them as references: 6 missing." in capsys.readouterr().out
    assert not out.exists()


def test_a_part_that_is_none_is_answered_with_the_nearest():
    with pytest.raises(TlbenchError, match="Did you mean 'mushroom'"):
        chosen_parts(["mushrom"])
    assert {"pacs", "tuned", "gaussian_shifts"} <= set(chosen_parts(None))
    assert chosen_parts(["pacs", "har"]) == ["har", "pacs"]


@pytest.mark.slow
@pytest.mark.skipif(not (results_dir() / "atlas" / FILE).exists(), reason="results/atlas is not there")
def test_a_part_of_the_committed_atlas_comes_out_again(tmp_path):
    words = [
        "sweep=atlas_gaussian_shifts",
        "pair=S-V",
        "method=sa,coral_linear,prior_em",
        "seed=0",
        "classifier=logistic",
    ]
    assert main(["sweep", *words, f"store={tmp_path / 's'}", "hydra/launcher=basic"]) == 0
    assert main(["atlas", "add", str(tmp_path / "s"), "--out", str(tmp_path / "out")]) == 0
    got, want = (
        read_atlas(folder).drop_duplicates("run_key").set_index("run_key")
        for folder in (tmp_path / "out", results_dir() / "atlas")
    )
    shared = got.index.intersection(want.index)
    assert len(shared) > 5
    assert got.loc[shared, "gain"].to_dict() == pytest.approx(want.loc[shared, "gain"].to_dict(), abs=0.3, nan_ok=True)
