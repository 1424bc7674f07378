import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest
import scipy.io
import scipy.sparse as sp
from sklearn.datasets import dump_svmlight_file

from tests.support import config_of, dataset_of, jobs_of
from tlbench.data.files import FileDataset
from tlbench.data.inputs import as_rows, dense_float32, stack
from tlbench.data.readers import read_hdf5, read_mat, read_npz, read_svmlight
from tlbench.errors import TlbenchError


def toy_dataset(conf: Path):
    return dataset_of(config_of("dataset=toy", "pair=L-R", config_dir=conf))


def test_labels_become_class_indices_and_rows_keep_their_order(toy):
    domain = toy_dataset(toy).load("left")
    raw = scipy.io.loadmat(toy.parent / "data" / "toy" / "left.mat")
    np.testing.assert_array_equal(domain.inputs, raw["fts"])
    np.testing.assert_array_equal(domain.labels, raw["labels"].ravel() - 1)
    assert domain.given_test is None
    assert domain.ids(np.array([0, 7])).tolist() == ["left/0", "left/7"]


def test_fingerprint_follows_the_content_not_the_place(toy, tmp_path):
    dataset = toy_dataset(toy)
    before = dataset.fingerprint(["left", "right"])
    moved = tmp_path / "elsewhere"
    shutil.copytree(toy.parent / "data", moved)
    dataset.data_dir = moved
    assert dataset.fingerprint(["right", "left"]) == before
    file = moved / "toy" / "left.mat"
    content = scipy.io.loadmat(file)
    content["fts"][0, 0] += 1
    scipy.io.savemat(file, {k: content[k] for k in ("fts", "labels")})
    assert dataset.fingerprint(["left", "right"]) != before
    assert dataset.fingerprint(["right", "top"]) != before


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f: f.unlink(), r"file 'toy/left\.mat' is missing in .*Set by data_dir"),
        (lambda f: f.write_bytes(b"not a mat file"), "no MATLAB file"),
        (lambda f: scipy.io.savemat(f, {"features": np.zeros((60, 4)), "labels": np.arange(60) % 3}),
         r"Unknown field 'fts'\. Did you mean 'features'\?"),
        (lambda f: scipy.io.savemat(f, {"fts": np.zeros((59, 4)), "labels": np.arange(59) % 3}),
         r"59 examples, but conf/dataset/toy\.yaml says 60"),
        (lambda f: scipy.io.savemat(f, {"fts": np.zeros((60, 4)), "labels": np.arange(59) % 3}), "60 examples but 59 labels"),
        (lambda f: scipy.io.savemat(f, {"fts": np.zeros((60, 5)), "labels": np.arange(60) % 3}), r"shape \(5,\), not \(4,\)"),
        (lambda f: scipy.io.savemat(f, {"fts": np.zeros((60, 4)), "labels": np.arange(60) % 4}),
         "4 different labels, but .* names 3 classes"),
    ],
)  # fmt: skip
def test_a_file_that_is_not_what_the_config_says_is_told_in_one_line(toy, change, message):
    dataset = toy_dataset(toy)
    dataset.load("left")
    change(toy.parent / "data" / "toy" / "left.mat")
    with pytest.raises(TlbenchError, match=message) as caught:
        dataset.load("left")
    assert "\n" not in str(caught.value)


def test_domains_share_one_label_space(toy):
    dataset = toy_dataset(toy)
    file = toy.parent / "data" / "toy" / "right.mat"
    content = scipy.io.loadmat(file)
    scipy.io.savemat(file, {"fts": content["fts"], "labels": content["labels"] + 1})
    dataset.load("left")
    with pytest.raises(
        TlbenchError, match=r"labels of domain 'right' differ .* only here \[4\.?0?\], lacking here \[1"
    ):
        dataset.load("right")


def test_a_missing_data_folder_is_told(toy):
    dataset = toy_dataset(toy)
    dataset.data_dir = Path("nowhere")
    with pytest.raises(TlbenchError, match="Data folder 'nowhere' does not exist; toy needs it"):
        dataset.load("left")


def test_readers_give_what_was_written(tmp_path):
    x, y = np.arange(12.0).reshape(4, 3), np.array([1.0, 2, 1, 2])
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["Xs"], file["Ys"] = x, y[None]
    scipy.io.savemat(tmp_path / "a.mat", {"fts": x, "labels": y[:, None]})
    dump_svmlight_file(x, y, str(tmp_path / "a.svm"), zero_based=True)
    for inputs, labels in (
        read_hdf5(tmp_path / "a.h5", inputs="Xs", labels="Ys"),
        read_mat(tmp_path / "a.mat", inputs="fts", labels="labels"),
        read_svmlight(tmp_path / "a.svm", n_features=3, zero_based=True),
    ):
        np.testing.assert_array_equal(inputs.toarray() if sp.issparse(inputs) else inputs, x)
        np.testing.assert_array_equal(labels, y)


def test_readers_refuse_other_formats(tmp_path):
    path = tmp_path / "text"
    path.write_text("hello")
    with pytest.raises(TlbenchError, match="no HDF5 file"):
        read_hdf5(path, inputs="Xs", labels="Ys")
    with pytest.raises(TlbenchError, match="no svmlight file"):
        read_svmlight(path, n_features=3, zero_based=True)


def test_stack_and_forms():
    dense, sparse = np.ones((1, 2)), sp.csr_matrix([[0.0, 2.0]])
    assert sp.issparse(stack([dense, sparse]))
    np.testing.assert_array_equal(stack([dense, sparse]).toarray(), [[1, 1], [0, 2]])
    assert as_rows(np.zeros((2, 3, 4, 4), np.uint8)).shape == (2, 48)
    assert as_rows(np.zeros((2, 3), np.uint8)).dtype == np.float64
    assert dense_float32(sparse).tolist() == [[0.0, 2.0]]


def test_a_domain_is_read_once_and_again_when_its_file_has_changed(toy):
    dataset = toy_dataset(toy)
    first = dataset.load("left")
    assert dataset.load("left") is first
    path = next(path for path, _ in dataset._parts("left"))
    fields = scipy.io.loadmat(path)
    scipy.io.savemat(path, {"fts": fields["fts"] + 1.0, "labels": fields["labels"]})
    np.testing.assert_allclose(dataset.load("left").inputs, first.inputs + 1.0)


def test_parts_may_be_arrays_of_one_npz_file(tmp_path):
    """As HAR's persons are: each with a training and a test part under names of its own."""
    rng, arrays = np.random.default_rng(0), {}
    for person in (2, 11):
        for part, n in (("train", 6), ("test", 4)):
            arrays[f"x_{part}_{person}"] = rng.normal(size=(n, 2, 5)).astype(np.float16)
            arrays[f"y_{part}_{person}"] = np.arange(n, dtype=np.int8) % 2
    np.savez(tmp_path / "all.npz", **arrays)

    def part(which, person):
        return {"path": "all.npz", "inputs": f"x_{which}_{person}", "labels": f"y_{which}_{person}"}

    people = (2, 11, 30)
    own = FileDataset(
        data_dir=tmp_path,
        reader=read_npz,
        name="own",
        short={str(person): str(person) for person in people},
        classes=["walk", "sit"],
        input_shape=[2, 5],
        files={str(person): {name: part(name, person) for name in ("train", "test")} for person in people},
        counts={str(person): 10 for person in people},
        pairs=["2-11", "2-30"],
    )
    domain = own.load("11")
    assert domain.inputs.shape == (10, 2, 5)
    assert domain.given_test.tolist() == [False] * 6 + [True] * 4
    np.testing.assert_array_equal(domain.inputs[:6], arrays["x_train_11"])
    assert [own.is_here(name) for name in own.domains] == [True, True, False]
    assert [str(pair) for pair in own.here(own.pairs)] == ["2-11"]
    with pytest.raises(TlbenchError, match=r"domain '30' is not in .* no array 'x_train_30'"):
        own.load("30")
    before = own.fingerprint(["2"])
    np.savez(tmp_path / "all.npz", **arrays, x_train_30=np.zeros((6, 2, 5)))
    assert own.fingerprint(["2"]) == before  # another person came to the file
    np.savez(tmp_path / "all.npz", **{**arrays, "x_test_2": arrays["x_test_2"] + 1})
    assert own.fingerprint(["2"]) != before


def test_a_domain_that_is_not_here_does_not_hinder_the_others(toy):
    dataset = toy_dataset(toy)
    want = dataset.load("right").labels
    (Path(dataset.data_dir) / "toy" / "left.mat").unlink()
    alone = dataset_of(config_of("dataset=toy", "pair=R-T", config_dir=toy))
    assert [str(pair) for pair in alone.here(alone.pairs)] == ["right-top", "top-right"]
    assert (alone.load("right").labels == want).all()


def test_all_pairs_of_ones_own_npz_files_can_be_asked_for(tmp_path):
    for name in ("aa", "bb"):
        np.savez(tmp_path / f"{name}.npz", x=np.arange(12.0).reshape(6, 2), y=np.arange(6) % 2)
    jobs = jobs_of("dataset=arrays", f"dataset.paths={{aa:{tmp_path}/aa.npz,bb:{tmp_path}/bb.npz}}", "pair=all",
                   "method=source_only", "protocol=transductive")  # fmt: skip
    assert {job.config.pair for job in jobs} == {"aa-bb", "bb-aa"}
