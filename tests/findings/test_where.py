"""Conditions on runs: what they take, what they leave, what they refuse."""

from pathlib import Path

import pandas as pd
import pytest

import tlbench as tl
from tlbench.cli import main
from tlbench.errors import TlbenchError
from tlbench.findings.where import Condition


@pytest.mark.parametrize(
    ("text", "values", "kept"),
    [
        ("m=dann", ["dann", "mmd"], [True, False]), ("m=dann,mmd", ["dann", "mmd"], [True, True]),
        ("m!=dann", ["dann", "mmd"], [False, True]), ("lr=0.10", [0.1, 0.01], [True, False]), ("n=1", [1.0, 2.0], [True, False]),
        ("flag=true", [True, False], [True, False]), ("w=null", [None, 1.0], [True, False]),
        ("w!=null", [float("nan"), 1.0], [False, True]),
        ("d=a=b", ["a=b", "a"], [True, False]),
    ],
)  # fmt: skip
def test_a_condition_holds_for_these(text, values, kept):
    assert Condition.of(text).holds(pd.Series(values, dtype=object)).tolist() == kept


@pytest.mark.parametrize("text", ["method", "=dann", "method=", "!=x", ""])
def test_what_is_no_condition_is_refused(text):
    with pytest.raises(TlbenchError, match="COLUMN=VALUE is needed"):
        Condition.of(text)


def test_a_report_of_a_part_keeps_gains_over_references_that_it_leaves_out(toy, capsys):
    command = ["sweep", "dataset=toy", "pair=L-R", "hydra/launcher=basic", "--config-dir", str(toy)]
    assert main([*command, "method=coral,mmd", "method.weight=1.0,2.0"]) == 0
    assert main(["report", "--out", "whole", "--format", "csv"]) == 0
    assert (
        main(["report", "--out", "part", "--format", "csv", "--where", "method=coral", "--where", "method.weight=2"])
        == 0
    )
    whole, part = (pd.read_csv(f"{name}/tables/cells.csv") for name in ("whole", "part"))
    assert part["method"].tolist() == ["coral"]
    assert part["method.weight"].tolist() == [2.0]
    same = whole[(whole["method"] == "coral") & (whole["method.weight"] == 2)]
    assert part["gain"].tolist() == same["gain"].tolist()
    assert part["gain"].notna().all()
    capsys.readouterr()
    for where, told in (
        ("pairs=L-R", "Unknown column 'pairs'. Did you mean 'pair'?"),
        ("method=corl", "is left. method is coral, mmd, source_only. Set by --where."),
        ("method", "COLUMN=VALUE is needed"),
    ):
        assert main(["report", "--out", "none", "--where", where]) == 2
        assert told in capsys.readouterr().err


def test_what_is_left_out_is_not_missing_and_values_may_hold_commas(toy, capsys):
    command = [
        "sweep",
        "dataset=toy",
        "pair=L-R",
        "hydra/launcher=basic",
        "--config-dir",
        str(toy),
        "method=coral_linear",
    ]
    assert main([*command, "protocol=transductive", "protocol.shots=0,3"]) == 0
    shots, plain = (tl.read(where=f"protocol={name}") for name in ("transductive, 3 shots", "transductive"))
    assert set(shots["protocol.shots"]) == {3}
    assert set(plain["protocol.shots"]) == {0}
    assert set(tl.read(where="protocol.shots=0,3")["protocol.shots"]) == {0, 3}
    capsys.readouterr()
    assert main(["report", "--out", "out", "--where", "draws=false", "--where", "method=coral_linear"]) == 0
    assert "missing" not in capsys.readouterr().out
    assert "Only runs with draws=false and method=coral_linear are looked at" in Path("out/report.md").read_text(
        "utf-8"
    )


@pytest.mark.parametrize(("one", "other"), [(1234567, 1234568), (0.1, 0.1000001), ("a", "b")])
def test_different_values_are_different_words(one, other):
    assert Condition.of(f"x={one}").holds(pd.Series([one, other], dtype=object)).tolist() == [True, False]


def test_exports_have_every_setting(toy, tmp_path):
    command = ["sweep", "dataset=toy", "pair=L-R", "hydra/launcher=basic", "--config-dir", str(toy)]
    assert main([*command, "method=coral", "optim.lr=0.03"]) == 0
    assert main(["store", "export", "--csv", "runs.csv", "--parquet", "runs.parquet"]) == 0
    for table in (pd.read_csv("runs.csv"), pd.read_parquet("runs.parquet")):
        coral = table[table["method"] == "coral"]
        assert (coral["method.weight"] == 1.0).all()
        assert (table["optim.lr"] == 0.03).all()
        assert (table["protocol.shots"] == 0).all()
