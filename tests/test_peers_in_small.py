"""Methods beside SKADA's and ADAPT's in small: the benchmark itself compares, and stops where equal ones differ."""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pandas as pd
import pytest

ROOT = Path(__file__).parents[1]
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not all(map(find_spec, ("skada", "adapt", "cvxopt"))), reason="needs SKADA, ADAPT and cvxopt: make bench"
    ),
]
EQUAL = {"rulsif": 2, "logistic_ratio": 2, "ot_sinkhorn": 1, "feda": 1, "tca": 2}
DIFFERENT = {"tca, means apart": 2, "nn_ratio": 1}


def test_equal_results_are_equal_and_others_have_a_reason(tmp_path):
    """In a process of its own: SKADA changes how scikit-learn passes weights on."""
    command = [
        sys.executable,
        "-m",
        "benchmarks.peers",
        "--turns",
        "1",
        "--examples",
        "120",
        "90",
        "--out",
        str(tmp_path),
    ]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}
    names = ["--only", "rulsif", "logistic_ratio", "ot_sinkhorn", "feda", "tca", "nn_ratio"]
    done = subprocess.run([*command, *names], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    table = pd.read_csv(tmp_path / "peers.csv")
    equal = table[table["equal_within"].notna()]
    assert equal["method"].str.partition(",")[0].value_counts().to_dict() == {**EQUAL, "nn_ratio": 1}
    assert (equal["difference"] <= equal["equal_within"]).all()
    other = table[table["equal_within"].isna()]
    assert other["method"].value_counts().to_dict() == DIFFERENT
    assert other["reason"].notna().all()
    assert (other["difference"] > 1e-3).all()  # a peer that has mended its fault belongs among the equal ones
    assert (table["ratio"] > 0).all()
