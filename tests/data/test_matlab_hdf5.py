"""MATLAB files v7.3, which are HDF5 with axes in reverse, as MATLAB writes them."""

import h5py
import numpy as np
import pytest
import scipy.io
import scipy.sparse as sp

from tlbench.data.readers import read_mat
from tlbench.errors import TlbenchError

X = np.arange(12.0).reshape(4, 3)
Y = np.array([1, 2, 1, 2])


def write(path, **fields) -> None:
    """As MATLAB's `save -v7.3` does: 512 bytes of its own, then HDF5."""
    with h5py.File(path, "w", userblock_size=512) as file:
        file.create_group("#refs#")
        for name, (value, kind) in fields.items():
            if sp.issparse(value):
                node = file.create_group(name)
                node.attrs["MATLAB_sparse"] = np.uint64(value.shape[0])
                for part, found in (("data", value.data), ("ir", value.indices), ("jc", value.indptr)):
                    node[part] = found
            else:
                node = file.create_dataset(name, data=np.asarray(value).T)
            node.attrs["MATLAB_class"] = np.bytes_(kind)
    with path.open("r+b") as file:
        file.write(b"MATLAB 7.3 MAT-file, Platform: GLNXA64")


def test_it_is_read_as_an_older_file_of_the_same_fields(tmp_path):
    write(tmp_path / "new.mat", fts=(X, "double"), labels=(Y[:, None].astype(float), "double"))
    scipy.io.savemat(tmp_path / "old.mat", {"fts": X, "labels": Y[:, None]})
    for name in ("new.mat", "old.mat"):
        inputs, labels = read_mat(tmp_path / name, inputs="fts", labels="labels")
        np.testing.assert_array_equal(inputs, X)
        np.testing.assert_array_equal(labels, Y)


def test_sparse_inputs_and_images_come_out_as_matlab_shows_them(tmp_path):
    images = np.arange(2 * 3 * 3 * 4).reshape(2, 3, 3, 4)
    write(tmp_path / "a.mat", fts=(sp.csc_matrix(X), "double"), pixels=(images, "uint8"), y=(Y[None, :], "double"))
    scipy.io.savemat(tmp_path / "b.mat", {"fts": sp.csc_matrix(X), "y": Y})
    for name in ("a.mat", "b.mat"):
        rows, labels = read_mat(tmp_path / name, inputs="fts", labels="y")
        np.testing.assert_array_equal(rows.toarray(), X)
        np.testing.assert_array_equal(labels, Y)
    np.testing.assert_array_equal(read_mat(tmp_path / "a.mat", inputs="pixels", labels="y")[0], images)


def test_what_is_no_array_of_numbers_and_what_is_not_there_are_told(tmp_path):
    write(tmp_path / "a.mat", fts=(X, "double"), labels=(np.array([[97, 98]], np.uint16), "char"), y=(Y, "double"))
    read_mat(tmp_path / "a.mat", inputs="fts", labels="y")
    with pytest.raises(TlbenchError, match="field 'labels' is a char of MATLAB and no array of numbers"):
        read_mat(tmp_path / "a.mat", inputs="fts", labels="labels")
    with pytest.raises(TlbenchError, match=r"Unknown field 'ftss'\. Did you mean 'fts'\? Known: fts, labels, y"):
        read_mat(tmp_path / "a.mat", inputs="ftss", labels="y")
    (tmp_path / "cut.mat").write_bytes((tmp_path / "a.mat").read_bytes()[:900])
    with pytest.raises(TlbenchError, match=r"no whole MATLAB file v7\.3"):
        read_mat(tmp_path / "cut.mat", inputs="fts", labels="y")
