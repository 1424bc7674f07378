"""tlbench in Python: the same runs, tables and models as the command's."""

import subprocess
import sys

import pytest

import tlbench as tl
from tlbench.api import arguments
from tlbench.cli import main
from tlbench.errors import TlbenchError


@pytest.fixture
def grid(toy):
    grid = {"method": ["coral", "mmd"], "method__weight": [1.0, 2.0], "seed": range(2)}
    return tl.sweep("hydra/launcher=basic", dataset="toy", pair="L-R", **grid, config_dir=str(toy))


def test_a_sweep_gives_a_row_a_run_with_its_settings(grid):
    assert len(grid) == 2 * (2 * 2 + 1)
    assert grid["run_key"].is_unique
    assert set(grid["selection"]) == {"last"}
    assert sorted(grid.loc[grid["method"] == "coral", "method.weight"]) == [1.0, 1.0, 2.0, 2.0]
    assert (grid["optim.lr"] == 0.05).all()
    assert grid.loc[grid["method"] != "source_only", "gain"].notna().all()


def test_reading_is_the_same_table_and_conditions_narrow_it(grid):
    found = tl.read()
    assert found.sort_values("run_key")["score"].tolist() == grid.sort_values("run_key")["score"].tolist()
    part = tl.read(where=["method=mmd", "method.weight=2"])
    assert part["seed"].tolist() in ([0, 1], [1, 0])
    assert len(tl.read(selection=None)) > len(found)
    cells = tl.cells(where="method=coral")
    assert cells["method.weight"].tolist() == [1.0, 2.0]
    assert cells["n_seeds"].tolist() == [2, 2]


def test_a_run_can_be_loaded_asked_and_looked_into(toy):
    row = tl.run(dataset="toy", pair="L-R", method="coral", seed=0, config_dir=str(toy), keep_model=True)
    assert row.name == row["run_key"]
    said = tl.predictions(row)
    model = tl.load(row)
    assert model.classes == ("a", "b", "c")
    assert repr(model).startswith("coral, toy left-right, ")
    task = tl.task(dataset="toy", pair="L-R", seed=0, config_dir=str(toy))
    assert not hasattr(task.target, "labels")
    proba = model.predict_proba(task.target, seen=True)
    assert proba.shape == (len(task.target), 3)
    assert (said["prediction"] == said["label"]).mean() == pytest.approx(row["score"])
    assert tl.load(row["run_key"][:8]).record["run_key"] == row["run_key"]


def test_a_report_is_written(grid):
    page = tl.report(out="page", where="method=coral", formats=("html",))
    assert page.is_file()


def test_lists_are_tables():
    assert "dann" in tl.methods().index
    assert "mini_digits" in tl.datasets().index


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.05, "0.05"), (None, "null"), (True, "true"), ("H-P", "H-P"), ([1, 2], "1,2"), (range(3), "0,1,2"),
        ([[8], [8, 4]], "[8],[8,4]"),
        ({"a": "x.csv", "b": [1, 2]}, "{a:x.csv,b:[1,2]}"),
    ],
)  # fmt: skip
def test_settings_are_written_as_hydra_reads_them(value, text):
    assert arguments([], {"group__key": value}) == [f"group.key={text}"]


def test_mistakes_are_errors_with_the_commands_words(toy):
    with pytest.raises(TlbenchError, match="Did you mean 'coral'"):
        tl.run(dataset="toy", pair="L-R", method="corl", config_dir=str(toy))
    with pytest.raises(TlbenchError, match="seed is set twice"):
        tl.run("seed=0", seed=1)
    with pytest.raises(TlbenchError, match="ask for 2 runs"):
        tl.run(dataset="toy", pair="L-R", seed=[0, 1], config_dir=str(toy))
    with pytest.raises(AttributeError, match="It has bridges, cells, datasets"):
        tl.swep  # noqa: B018


def test_functions_stay_functions_after_the_command_was_used(toy):
    """No package of tlbench bears the name of one."""
    assert main(["list", "methods"]) == 0
    for name in tl.__all__:
        assert callable(getattr(tl, name)), name


def test_importing_takes_no_time():
    slow = {"torch", "pandas", "numpy", "hydra"}
    code = f"import sys, tlbench; print(sorted({{name.partition('.')[0] for name in sys.modules}} & {slow}))"
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
    )
