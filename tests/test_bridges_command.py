"""`tlbench bridges` and `tl.bridges`: all further domains, as a method would see them; mistakes in one line."""

import numpy as np
import pytest

import tlbench as tl
from tlbench.cli import main
from tlbench.transfer.bridges import rank_bridges

THREE = ["dataset=mini_digits", "pair=H-P"]


def test_a_table_of_all_further_domains_is_printed(toy, capsys):
    assert main(["bridges", "dataset=toy", "pair=L-R", "--config-dir", str(toy)]) == 0
    out = capsys.readouterr().out
    assert "Bridges of left-right, by proxy A-distances of rows as they are after the data set's transforms" in out
    (row,) = [line for line in out.splitlines() if "top" in line and "│" in line]
    assert len(row.split("│")) == 8
    assert "Source to target: " in out
    assert "no bridge has both steps shorter" in out  # top lies on the other side of left


def test_the_table_is_that_of_the_rows_a_method_of_the_chain_would_see(toy):
    found = tl.bridges(dataset="toy", pair="R-T", seed=2, config_dir=str(toy))
    task = tl.task(dataset="toy", pair="R-L-T", seed=2, method="gradual_self_training", config_dir=str(toy))
    want = rank_bridges(task.source.inputs, task.target, {"left": task.bridges[0]}, seed=2)
    assert found.equals(want)
    assert found.attrs == {"pair": "right-top", "of": "rows as they are after the data set's transforms"}
    assert (found["worst"] < found["source_to_target"]).all()  # left is between
    few = tl.bridges(dataset="toy", pair="R-T", seed=2, examples=10, config_dir=str(toy))
    assert not few.equals(found)


def test_a_frozen_backbone_gives_its_features():
    settings = {"backbone": "mlp", "backbone__mode": "frozen", "classifier": "linear_svm"}
    found = tl.bridges(*THREE, **settings)
    assert found.attrs["of"] == "features of mlp"
    assert found["bridge"].tolist() == ["printed"]
    assert not found.equals(tl.bridges(*THREE, classifier="linear_svm", backbone="identity"))
    trained = tl.bridges(*THREE, method="dann", backbone="mlp")
    assert trained.attrs["of"].startswith("rows as they are")


@pytest.mark.parametrize(
    ("shifts", "told"),
    [
        ((0.0, 0.0, 0.0), "tells no two of these domains apart"),
        ((0.0, 40.0, 80.0, 120.0), "tells all of these domains apart"),
        ((0.0, 1.4, 0.7, 0.7), "differ by less than 0.1, which is chance"),
        ((0.0, 1.4, 0.7, 2.1), ""),
    ],
)
def test_distances_that_say_nothing_are_called_so(shifts, told, tmp_path, capsys):
    """Equal shifts are equal rows."""
    paths = []
    for place, shift in enumerate(shifts):
        rows = np.array([shift, 0]) + np.random.default_rng(round(10 * shift)).normal(size=(300, 2))
        np.savez(tmp_path / f"{place}.npz", x=rows, y=np.arange(300) % 2)
        paths.append(f"d{place}: {tmp_path / f'{place}.npz'}")
    assert main(["bridges", "dataset=arrays", f"dataset.paths={{{', '.join(paths)}}}", "pair=d0-d1"]) == 0
    last = capsys.readouterr().out.splitlines()[-1]
    assert told in last
    assert told or last.startswith("Source to target: ")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["dataset=mini_digit", "pair=H-P"], "Did you mean 'mini_digits'"),
        (["dataset=mini_digits", "pair=handwriten-printed"], "Did you mean 'handwritten'"),
        ([*THREE, "backbone=lenett"], "Did you mean 'lenet'"),
        ([*THREE, "backbon=lenet"], "Did you mean 'backbone'"),
        (["dataset=mini_digits", "pair=H-R-P"], "pair=handwritten-printed-photo has bridges already"),
        (["dataset=mini_digits"], "No pair is chosen"),
        (["dataset=mini_digits", "pair=all"], "ask for 6 runs"),
        ([*THREE, "--examples", "1"], "got 1. Set by --examples"),
        ([*THREE, "--config-dir", "nowhere"], "Config folder 'nowhere' does not exist"),
    ],
)
def test_misuse_is_answered_in_one_line_with_exit_status_2(arguments, message, capsys):
    assert main(["bridges", *arguments]) == 2
    error = capsys.readouterr().err.strip()
    assert message in error
    assert error.startswith("tlbench: ")
    assert "\n" not in error


def test_a_data_set_of_two_domains_has_no_bridge(tmp_path, capsys):
    for name in ("a", "b"):
        np.savez(tmp_path / f"{name}.npz", x=np.random.default_rng(0).normal(size=(40, 3)), y=np.arange(40) % 2)
    paths = f"dataset.paths={{a: {tmp_path / 'a.npz'}, b: {tmp_path / 'b.npz'}}}"
    assert main(["bridges", "dataset=arrays", paths, "pair=a-b"]) == 2
    assert "has no further domain here that could stand between those of pair=a-b" in capsys.readouterr().err
