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
        runpy.run_path(str(FOLDER / f"{name}.py"), run_name="__main__")
        return capsys.readouterr().out

    return run


def test_a_training_step_beside_a_bare_loop_with_phases_a_climb_and_a_teacher(benchmark):
    """The script itself holds both sides to equal weights."""
    told = benchmark("training_step", "--no-images", "--steps", "3", "--repeats", "1",
                     "--methods", "mcd", "sdat", "self_ensembling")  # fmt: skip
    assert [line.split()[0] for line in told.splitlines()[2:]] == ["mcd", "sdat", "self_ensembling"]


def test_the_smoke_of_a_gpu_agrees_with_itself_on_a_processor(benchmark, tmp_path):
    benchmark("gpu_smoke", "--accelerator", "cpu", "--network", *TINY, "--steps", "3", "--batch", "4", "--methods", "dann", "mme",
              "--out", str(tmp_path))  # fmt: skip
    table = pd.read_csv(tmp_path / "gpu_smoke.csv")
    assert list(table.method) == ["dann", "mme"]
    assert (table.apart == 0).all()
    assert table.as_on_cpu.all()
    assert (table.images_s_bf16 > 0).all()
