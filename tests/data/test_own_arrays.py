from pathlib import Path

import h5py
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


def coil_like(kind: str) -> str:
    """Two domains in HDF5, labels 1 to 10 in the one and 0 to 9 in the other, arrays of other names."""
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(10), 6)
    for domain, (x, y), shift in (("a", ("Xs", "Ys"), 1), ("b", ("Xt", "Yt"), 0)):
        rows = np.eye(10)[labels] * 3 + rng.normal(size=(60, 10))
        with h5py.File(f"{domain}.{kind}", "w") as file:
            file[x], file[y] = (rows.T, (labels + shift)[:, None]) if kind == "mat" else (rows, labels + shift)
            if kind == "mat":
                file[x].attrs["MATLAB_class"] = file[y].attrs["MATLAB_class"] = np.bytes_("double")
    return f"dataset.paths={{a: a.{kind}, b: b.{kind}}}"


@pytest.mark.parametrize("kind", ["h5", "mat"])
@pytest.mark.parametrize("label_map", ["{a: {1: 0, 2: 1, 3: 2, 4: 3, 5: 4, 6: 5, 7: 6, 8: 7, 9: 8, 10: 9}}"])
def test_hdf5_with_names_and_labels_of_its_own_runs_without_a_reader(kind, label_map):
    words = [
        coil_like(kind),
        "dataset.inputs={a: Xs, b: Xt}",
        "dataset.labels={a: Ys, b: Yt}",
        f"dataset.label_map={label_map}",
    ]
    dataset, _, _ = composed("arrays", words, None)
    assert dataset.classes == tuple("0123456789")
    np.testing.assert_array_equal(dataset.load("a").labels, dataset.load("b").labels)
    config = config_of("dataset=arrays", "pair=a-b", *words, "dataset.transforms=[row_l2]", "method=sa", "method.dim=5")
    assert ensure_run(config) == "done"


def test_a_map_for_all_where_one_domain_alone_has_the_label():
    for domain, labels in (("a", [1, 2, 10]), ("b", [0, 1, 2])):
        np.savez(f"{domain}.npz", x=X["a"], y=[*labels, *labels])
    dataset, _, _ = composed("arrays", ["dataset.paths={a: a.npz, b: b.npz}", "dataset.label_map={10: 0}"], None)
    assert dataset.load("a").labels.tolist() == [1, 2, 0, 1, 2, 0]
    assert dataset.load("b").labels.tolist() == [0, 1, 2, 0, 1, 2]


def test_one_map_for_all_domains():
    for domain in ("a", "b"):
        np.savez(f"{domain}.npz", x=X["a"], y=[10, 1, 2, 10, 1, 2])
    dataset, _, _ = composed("arrays", ["dataset.paths={a: a.npz, b: b.npz}", "dataset.label_map={10: 0}"], None)
    assert dataset.classes == ("0", "1", "2")
    assert dataset.load("b").labels.tolist() == [0, 1, 2, 0, 1, 2]


@pytest.mark.parametrize(
    ("word", "told"),
    [
        ("dataset.label_map={11: 0}", "No domain has the label 11"), ("dataset.label_map={c: {1: 0}}", "Unknown domain 'c'"),
        ("dataset.inputs={a: x}", "one for each of a, b; 'b' is amiss"), ("dataset.labels={a: y, b: z}", "Unknown array 'z'"),
    ],
)  # fmt: skip
def test_maps_and_names_that_fit_nothing_are_told(word, told):
    with pytest.raises(TlbenchError, match=told):
        composed("arrays", [write("npz"), word], None)


def test_no_map_moves_no_key():
    write("npz")
    config = config_of("dataset=arrays", "dataset.paths={a: a.npz, b: b.npz}", "pair=a-b")
    older = config.model_copy(update={"dataset": {k: v for k, v in config.dataset.items() if k != "label_map"}})
    assert run_key(config, "f", 1) == run_key(older, "f", 1)
