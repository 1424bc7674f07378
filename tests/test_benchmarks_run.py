"""Benchmarks that no other test runs, in small: their numbers mean nothing here, that they run to the end does."""

import runpy
import sys
from pathlib import Path

import pandas as pd
import pytest

FOLDER = Path(__file__).parents[1] / "benchmarks"
TINY = ["backbone=timm", "backbone.name=test_resnet"]

pytestmark = pytest.mark.slow


@pytest.fixture
def benchmark(monkeypatch, capsys):
    """Run a script with arguments; return what it printed."""

    def run(name: str, *arguments: str) -> str:
        monkeypatch.setattr(sys, "argv", [name, *arguments])
        monkeypatch.syspath_prepend(str(FOLDER))
        script = FOLDER / name if (FOLDER / name).is_dir() else FOLDER / f"{name}.py"
        runpy.run_path(str(script), run_name="__main__")
        return capsys.readouterr().out

    return run


def test_a_training_step_beside_a_bare_loop_with_phases_a_climb_and_a_teacher(benchmark):
    """The script itself holds both sides to equal weights."""
    told = benchmark("training_step", "--no-images", "--steps", "3", "--repeats", "1",
                     "--methods", "mcd", "sdat", "self_ensembling")  # fmt: skip
    assert [line.split()[0] for line in told.splitlines()[2:]] == ["mcd", "sdat", "self_ensembling"]


def test_a_large_store_is_the_same_with_an_index_and_its_planted_faults_are_found(benchmark):
    """The script itself compares the tables of the index with those of the runs."""
    told = benchmark("store", "--runs", "120")
    (line,) = [line for line in told.splitlines() if line.startswith("planted faults")]
    assert line.split()[-4:] == ["10", "of", "10,", "10"]
    (line,) = [line for line in told.splitlines() if line.startswith("files and folders")]
    assert float(line.split()[-1]) < 2


def test_the_smoke_of_a_gpu_agrees_with_itself_on_a_processor(benchmark, tmp_path):
    benchmark("gpu_smoke", "--accelerator", "cpu", "--network", *TINY, "--steps", "3", "--batch", "4", "--methods", "dann", "mme",
              "--out", str(tmp_path))  # fmt: skip
    table = pd.read_csv(tmp_path / "gpu_smoke.csv")
    assert list(table.method) == ["dann", "mme"]
    assert (table.apart == 0).all()
    assert table.as_on_cpu.all()
    assert (table.images_s_bf16 > 0).all()


def test_a_comparison_with_no_peer_says_what_to_give(benchmark, capsys, tmp_path):
    with pytest.raises(SystemExit, match="2"):
        benchmark("parity")
    assert (
        "no peer to compare with: give the folder of one or more, --tllib, --pytorch-adapt" in capsys.readouterr().err
    )
    with pytest.raises(SystemExit, match="2"):
        benchmark("parity", "--mme", str(tmp_path / "none"))
    assert "--mme: " in capsys.readouterr().err
    with pytest.raises(SystemExit, match=r"has no utils: give the folder in which it lies"):
        benchmark("parity", "--mme", str(tmp_path))


def test_a_comparison_tells_equal_from_explained_from_open(monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER / "parity"))
    from cases import Case, compared

    def verdict(theirs, explained=None):
        row = compared(Case("m", "s", lambda b: b.zt.square().sum(), theirs, "", explained), "peer", "1")
        return row.verdict, row.loss, row.gradient, row.gradient_of

    assert verdict(lambda b: (b.zt * b.zt).sum()) == ("equal", 0, 0, "logits")
    assert verdict(lambda b: 2 * b.zt.square().sum()) == ("OPEN", 0.5, 0.5, "logits")  # |1 - 2| / 2
    twice = verdict(lambda b: 2 * b.zt.square().sum(), lambda b: b.zt.square().sum() * 2)
    assert twice == ("explained", 0.5, 0.5, "logits")
    # equal values whose gradients differ, one that has none, and a reason that explains the value alone
    assert verdict(lambda b: b.zt.detach().square().sum())[:3] == ("OPEN", 0, 1)
    assert verdict(lambda b: 2 * b.zt.square().sum(), lambda b: 2 * b.zt.detach().square().sum())[0] == "OPEN"
    with pytest.raises(SystemExit, match="0 on both sides"):
        compared(Case("m", "s", lambda b: 0 * b.zt.sum(), lambda b: 0 * b.zs.sum()), "peer", "1")


def test_how_often_flags_of_open_sets_are_wrong(benchmark, tmp_path):
    benchmark("open_set_calibration", "--trials", "4", "--out", str(tmp_path))
    table = pd.concat([pd.read_csv(tmp_path / f"open_set_{of}.csv") for of in ("cell", "run")])
    assert len(table) == 3 * 2 * 2 * 3
    assert table.loc[table["truth"] != "better", "true_gain"].abs().max() < 1e-6
    assert (table.loc[table["truth"] == "better", "true_gain"] > 3).all()


def test_runs_of_a_program_beside_runs_alone(benchmark, tmp_path, monkeypatch):
    monkeypatch.setenv("TLBENCH_DATA", str(tmp_path))
    benchmark("stacked", "--heads", "bottleneck", "--sizes", "2", "--turns", "1", "--steps", "4", "--rows", "40",
              "--width", "6", "--looks", "0", "--processes", "1", "--out", str(tmp_path / "table.csv"))  # fmt: skip
    table = pd.read_csv(tmp_path / "table.csv")
    assert list(table["k"]) == [2]
    assert (table[["stacked, runs an hour", "alone, runs an hour", "ratio, wall", "ratio, CPU"]] > 0).all(axis=None)
