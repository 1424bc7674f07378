import numpy as np
import pandas as pd
import pytest
from scipy.stats import t

from tests.findings.tables import cell, run, table
from tests.findings.test_differences import stored
from tlbench.findings.causes import cause_of, causes
from tlbench.findings.rule import Rule
from tlbench.store.runs import RunStore

RULE = Rule(selection="im")
ROWS = ["method", "role", "gain", "flag"]
LOSERS = [("coral", "method", -1.0, "negative"), ("target_only", "reference", -3.0, "negative")]
FAR = {"a_distance": 1.0, "oracle_joint_excess": np.nan}
NEAR = {"a_distance": 0.99, "oracle_joint_excess": 0.19}


def cause(others=LOSERS, oracle=None, distances=FAR):
    return cause_of(-5.0, pd.DataFrame(others, columns=ROWS), oracle, distances, RULE)


WINNERS = [*LOSERS, ("mmd", "method", 2.0, "positive"), ("cdan", "method", 4.0, "positive")]


def test_selection_comes_first():
    name, why = cause(WINNERS, (3.04, 0.049))
    assert name == "selection"
    assert why == (
        "gain -5.0; ORACLE checkpoint +3.0 (p = 0.049); 2 of 4 other ways of transfer lose beyond noise, the best is cdan with "
        "+4.0; "
        "A-distance 1.00 of 2: the run passes a checkpoint that gains, and im does not pick it."
    )


def test_a_tiny_p_value_reads_as_a_sentence():
    assert "ORACLE checkpoint +3.0 (p < 0.0001)" in cause(WINNERS, (3.0, 1e-9))[1]


@pytest.mark.parametrize("oracle", [(3.0, 0.05), (-3.0, 0.001), (0.0, 0.001), (3.0, np.nan), None])
def test_selection_needs_an_oracle_gain_above_zero_and_beyond_noise(oracle):
    name, why = cause(WINNERS, oracle)
    assert name == "method"
    assert why.endswith(": cdan finds on this pair what this method does not.")
    assert ("ORACLE checkpoint" in why) == (oracle is not None)


@pytest.mark.parametrize(
    "other", [("mmd", "method", 2.0, "inconclusive"), ("target_only", "reference", 2.0, "positive")]
)
def test_method_needs_another_method_that_gains_beyond_noise(other):
    assert cause([*LOSERS, other])[0] == "undetermined"


def test_data_needs_far_domains_and_that_all_lose():
    assert cause() == (
        "data",
        "gain -5.0; 2 of 2 other ways of transfer lose beyond noise, the best is coral with -1.0; A-distance 1.00 of 2: nothing "
        "that was tried under this protocol transfers.",
    )


def test_domains_that_contradict_each_other_are_as_good_as_far_ones():
    name, why = cause(distances={"a_distance": 0.5, "oracle_joint_excess": 0.2})
    assert name == "data"
    assert "joint error of one classifier for both domains +0.20 above that of two (ORACLE)" in why


@pytest.mark.parametrize(
    ("changes", "lacking"),
    [
        ({"distances": NEAR}, "the domains are not far apart"),
        ({"distances": None}, "no distances were measured"),
        ({"others": []}, "nothing else was tried on this pair"),
        ({"others": [*LOSERS, ("mmd", "method", -4.0, "inconclusive")]},  # a sign is no evidence
         "not all others lose beyond noise, and no other method gains beyond noise"),
        ({"others": [*LOSERS, ("mmd", "method", 0.0, "no_effect")]},
         "not all others lose beyond noise, and no other method gains beyond noise"),
    ],
)  # fmt: skip
def test_what_lacks_is_named_where_nothing_can_be_shown(changes, lacking):
    name, why = cause(**changes)
    assert name == "undetermined"
    assert why.endswith(f": {lacking}.")


def test_near_domains_are_evidence_too():
    assert "A-distance 0.99 of 2; joint error of one classifier for both domains +0.19" in cause(distances=NEAR)[1]


def distances(pair="a-b", protocol="p", a=1.5):
    return {"dataset": "d", "pair": pair, "protocol": protocol, "a_distance": a, "oracle_joint_excess": np.nan}


def causes_in(tmp_path, cells, far, runs=()):
    runs = table(*runs) if runs else table(run())[:0]
    return causes(table(*cells), runs, table(*far), RunStore(tmp_path / "s"), RULE)


def test_negative_cells_of_methods_are_explained_by_what_stands_on_their_pair(tmp_path):
    best = run("best", selection="last", uses_target_labels=True)
    cells = [
        cell("dann", gain=-2.0, flag="negative"),
        cell("coral", gain=-6.0, flag="negative"),
        cell("coral", "b-a", gain=5.0, flag="positive"),  # another pair
        cell("mmd", gain=5.0, flag="positive", protocol="q", cell_key="q"),  # another protocol
        cell("best", gain=5.0, flag="positive", uses_target_labels=True),  # ORACLE is no way of transfer
        cell("source_only", gain=-9.0, flag="negative"),
        cell("late", hole="2 of 3 seeds"),
    ]
    found = causes_in(tmp_path, cells, [distances(), distances("b-a", a=0.0)], [best])
    assert found["method"].tolist() == ["coral", "dann"]  # worst first
    assert found["cause"].tolist() == ["data", "data"]
    assert (
        "2 of 2 other ways of transfer lose beyond noise, the best is dann with -2.0; A-distance 1.50 of 2"
        in found["evidence"][0]
    )
    assert causes_in(tmp_path, cells, [distances(protocol="q")], [best])["cause"].tolist() == ["undetermined"] * 2


def test_under_the_selection_oracle_other_methods_are_still_other_methods(tmp_path):
    cells = [cell("dann", gain=-2.0, flag="negative", uses_target_labels=True),
             cell("coral", gain=4.0, flag="positive", uses_target_labels=True)]  # fmt: skip
    runs = [
        run(m, selection=s, uses_target_labels=s == "oracle") for m in ("dann", "coral") for s in ("last", "oracle")
    ]
    assert causes_in(tmp_path, cells, [distances()], runs)["cause"].tolist() == ["method"]


def test_a_method_that_gains_with_another_backbone_counts_on_the_same_pair(tmp_path):
    cells = [cell(gain=-2.0, flag="negative"), cell(gain=3.0, flag="positive", backbone="c", cell_key="other")]
    assert causes_in(tmp_path, cells, [distances()])["cause"].tolist() == ["method"]


def oracle_runs(tmp_path, n):
    """Three seeds whose ORACLE checkpoint has n of n examples right, and the reference's none."""
    store, runs = RunStore(tmp_path / "s"), []
    for seed in range(3):
        stored(store, f"own{seed}", 4, range(n), [0] * n, [0] * n)
        stored(store, f"ref{seed}", 8, range(n), [0] * n, [1] * n)
        runs.append(run(seed=seed, run_key=f"own{seed}", selection="oracle", step=4, gain=100.0,
                        reference_run=f"ref{seed}", reference_step=8))  # fmt: skip
    return runs


@pytest.mark.parametrize(("n", "p", "name"), [(10, "0.002", "selection"), (3, "0.25", "undetermined")])
def test_the_oracle_checkpoint_of_the_cell_is_looked_up_in_the_store(tmp_path, n, p, name):
    # no seed changes anything, so p is exact: 2 / 2^n
    found = causes_in(tmp_path, [cell(gain=-2.0, flag="negative")], [distances()], oracle_runs(tmp_path, n))
    assert found["cause"].tolist() == [name]
    assert f"ORACLE checkpoint +100.0 (p = {p})" in found["evidence"][0]


def test_the_oracle_checkpoints_p_counts_both_sides(tmp_path):
    # seeds gain on 30, 20 and 10 of 100 examples, no example twice, so only seeds vary: Student's t with 2 degrees of freedom,
    # over their variance, 100, and that of rounding to whole points, 1 / 12
    store, runs, label = RunStore(tmp_path / "s"), [], np.zeros(100, dtype=int)
    for seed, (start, end) in enumerate(((0, 30), (30, 50), (50, 60))):
        rows = np.arange(100)
        stored(store, f"own{seed}", 4, rows, label, np.where((rows >= start) & (rows < end), 0, 1))
        stored(store, f"ref{seed}", 8, rows, label, label + 1)
        runs.append(run(seed=seed, run_key=f"own{seed}", selection="oracle", step=4, gain=float(end - start),
                        reference_run=f"ref{seed}", reference_step=8))  # fmt: skip
    p = 2 * t.sf(20 / np.sqrt((100 + 1 / 12) / 3), 2)
    assert p / 2 < RULE.alpha < p
    found = causes_in(tmp_path, [cell(gain=-2.0, flag="negative")], [distances()], runs)
    assert f"ORACLE checkpoint +20.0 (p = {p:.2g})" in found["evidence"][0]
    assert found["cause"].tolist() == ["undetermined"]


def test_two_seeds_say_nothing_of_the_oracle_checkpoint(tmp_path):
    found = causes_in(tmp_path, [cell(gain=-2.0, flag="negative")], [distances()], oracle_runs(tmp_path, 10)[:2])
    assert found["cause"].tolist() == ["undetermined"]
    assert "ORACLE checkpoint +100.0 (p = –)" in found["evidence"][0]
