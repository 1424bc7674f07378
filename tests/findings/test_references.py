import pytest

from tests.findings.tables import cell, run, table
from tests.findings.test_differences import stored
from tlbench.findings.references import other_gains
from tlbench.findings.rule import Rule
from tlbench.store.runs import RunStore

LABEL = [0, 1] * 10


def answers(right):
    return [y if i < right else 1 - y for i, y in enumerate(LABEL)]


def store(tmp_path, names=("source_only", "both")):
    """dann has 16 of 20 right, source_only 10, both 19, target_only (the first reference) 12; three seeds."""
    found, runs = RunStore(tmp_path / "s"), []
    for seed in range(3):
        for name, right in (("dann", 16), ("source_only", 10), ("both", 19), ("target_only", 12)):
            stored(found, f"{name}{seed}", 4, range(20), LABEL, answers(right))
            runs.append(run(name, seed=seed, score=right / 20, run_key=f"{name}{seed}", step=4, reference=None,
                            gain_flag=None))  # fmt: skip
        own = {"reference": "target_only", "gain": 20.0, "reference_run": f"target_only{seed}", "reference_step": 4}
        for name, gain in (("source_only", 30.0), ("both", -15.0)):
            if name in names:
                own |= {f"gain_over_{name}": gain, f"run_over_{name}": f"{name}{seed}", f"step_over_{name}": 4}
        runs[-4] |= own | {
            "gain_over_target_only": 20.0, "run_over_target_only": f"target_only{seed}", "step_over_target_only": 4,
        }  # fmt: skip
    return found, table(*runs)


CELLS = table(cell(gain=20.0, reference="target_only", cell_key="dann/a-b"))


def test_each_reference_but_the_first_has_gains_of_its_own(tmp_path):
    found, runs = store(tmp_path)
    gains = other_gains(CELLS, runs, found, Rule()).set_index("reference")
    assert gains["gain"].to_dict() == pytest.approx({"both": -15, "source_only": 30})
    # no seed changes anything: exact, 6 and 3 examples that differ, all one way
    assert gains["p_corrected"].to_dict() == pytest.approx({"both": 0.25, "source_only": 2 / 2**6})
    assert gains["flag"].to_dict() == {"both": "inconclusive", "source_only": "positive"}
    assert set(gains["n_tests"]) == {1}  # families of their own
