"""Sweeps that are killed, meet full disks, torn files and a file system without locks: nothing is lost, wrong or done twice.

Some rounds of `benchmarks/store_faults`, which does a hundred.
"""

import pytest

from benchmarks.store_faults.outcome import table
from benchmarks.store_faults.rounds import rounds


@pytest.mark.slow
def test_no_fault_costs_a_run(monkeypatch, tmp_path):
    monkeypatch.setenv("TLBENCH_CACHE", str(tmp_path))
    monkeypatch.delenv("TLBENCH_STORE")
    found = rounds(iter([9, 12, 21, 14, 7]))
    assert [outcome.faults.split(",")[0] for outcome in found] == [
        "killed twice", "disk full", "torn files", "index killed", "stopped"
    ]  # fmt: skip
    assert [outcome for outcome in found if outcome.bad] == []
    assert {outcome.n_runs for outcome in found} == {12}
    counts = table(found).set_index("fault")
    assert counts.loc["all", "rounds"] == 5
    assert counts.loc["all", "computed"] >= 60
