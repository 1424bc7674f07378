from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import scipy.io
from sklearn.datasets import dump_svmlight_file

from tests.support import config_of, ensure_run, settled
from tlbench.config.keys import run_key
from tlbench.data.domain_codes import short_codes
from tlbench.data_commands import composed
from tlbench.errors import TlbenchError

X = {"a": np.arange(12.0).reshape(6, 2), "b": np.arange(12.0).reshape(6, 2)[::-1] + 1}
Y = np.array([0, 1, 2, 0, 1, 2])


def write(kind: str) -> str:
    for domain, x in X.items():
        path = Path(f"{domain}.{kind}")
        if kind == "npz":
            np.savez(path, x=x, y=Y)
        elif kind == "mat":
            scipy.io.savemat(path, {"x": x, "y": Y[:, None]})
        elif kind == "svmlight":
            dump_svmlight_file(x, Y, str(path), zero_based=False)
        else:
            table = pd.DataFrame({"u": x[:, 0], "v": x[:, 1], "y": np.array(["cat", "dog", "fox"])[Y]})
            table.to_csv(path, index=False) if kind == "csv" else table.to_parquet(path)
    return f"dataset.paths={{a: a.{kind}, b: b.{kind}}}"


@pytest.mark.parametrize("kind", ["npz", "mat", "svmlight", "csv", "parquet"])
def test_every_kind_of_file(kind):
    dataset, _, _ = composed("arrays", [write(kind), "dataset.n_features=2"], None)
    assert dataset.input_shape == (2,)
    assert len(dataset.classes) == 3
    if kind in ("csv", "parquet"):
        assert dataset.classes == ("cat", "dog", "fox")
    for domain in ("a", "b"):
        loaded = dataset.load(domain)
        inputs = loaded.inputs.toarray() if kind == "svmlight" else loaded.inputs
        np.testing.assert_array_equal(inputs, X[domain])
        assert loaded.labels.tolist() == Y.tolist()


def test_columns_are_matched_by_name_not_by_place():
    write("csv")
    table = pd.read_csv("b.csv")
    table[["y", "v", "u"]].to_csv("b.csv", index=False)
    dataset, _, _ = composed("arrays", ["dataset.paths={a: a.csv, b: b.csv}"], None)
    np.testing.assert_array_equal(dataset.load("b").inputs, X["b"])
    table.rename(columns={"u": "w"}).to_csv("b.csv", index=False)
    with pytest.raises(TlbenchError, match=r"b\.csv: its columns differ from those of the first domain in u, w"):
        composed("arrays", ["dataset.paths={a: a.csv, b: b.csv}"], None)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda t: t.assign(y=[None, *t["y"][1:]]), "1 labels are missing"),
        (lambda t: t.assign(u=["x", *t["u"][1:]]), "column 'u' holds no numbers"),
        (lambda t: t.assign(u=[np.nan, *t["u"][1:]]), "1 input values are missing or not finite"),
        (lambda t: t.rename(columns={"y": "label"}), r"Unknown column 'y'.*'label'|column 'u'|Unknown column"),
    ],
)
def test_tables_that_will_not_do(spoil, message):
    write("csv")
    spoil(pd.read_csv("a.csv")).to_csv("a.csv", index=False)
    with pytest.raises(TlbenchError, match=message):
        composed("arrays", ["dataset.paths={a: a.csv, b: b.csv}"], None)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("dataset.paths=[a.csv,b.csv]", r"dataset\.paths: must be names with their values such as"),
        ("dataset.paths={a: a.csv}", "two or more domains, got a"),
        ("dataset.paths={a: a.csv, b: nowhere.csv}", r"'nowhere\.csv' does not exist\. Set by dataset\.paths\.b"),
        ("dataset.paths={a: a.csv, b: b.txt}", r"Unknown kind of file '\.txt'"),
    ],
)
def test_paths_that_will_not_do(override, message):
    write("csv")
    Path("b.txt").write_text("x")
    with pytest.raises(TlbenchError, match=message):
        composed("arrays", [override], None)


def test_a_run_on_them_and_its_key_holds_no_path():
    write("npz")
    assert (
        ensure_run(config_of("dataset=arrays", "dataset.paths={a: a.npz, b: b.npz}", "pair=A-B", "method=coral_linear"))
        == "done"
    )
    common = ["dataset=hub", "pair=a-b", "augment=plain", "backbone=resnet18", "classifier=head"]
    keys = {run_key(settled(*common, f"dataset.path={path}"), "f", 1) for path in ("/one/place", "/another")}
    assert len(keys) == 1


def test_short_codes():
    assert short_codes(["photo", "sketch"]) == {"photo": "P", "sketch": "S"}
    assert short_codes(["amazon", "art", "b"]) == {"amazon": "AM", "art": "AR", "b": "B"}
    assert short_codes(["A", "b"]) == {"A": "A", "b": "b"}
    assert short_codes(["dog", "dogs"]) == {"dog": "DOG", "dogs": "DOGS"}


def test_labels_that_are_all_equal_are_told_before_anything_runs():
    for domain in "ab":
        Path(f"{domain}.csv").write_text("label,f\n" + "".join(f"0,{i}\n" for i in range(9)))
    with pytest.raises(TlbenchError, match=r"arrays has one class \('0'\); there must be two or more"):
        config_of("dataset=arrays", "dataset.paths={a: a.csv, b: b.csv}", "dataset.labels=label", "pair=a-b")
