import pandas as pd
import pytest
from scipy import stats

from tests.findings.tables import cell, run, table
from tlbench.findings.matched import unmatched
from tlbench.findings.rule import Rule

OWN, OTHER = [0.58, 0.60, 0.65], [0.70, 0.72, 0.77, 0.71]


def scored(values, *args, **changes):
    x = 100 * pd.Series(values)
    return cell(*args, score=x.mean(), score_sd=x.std(ddof=1), n_seeds=len(values), **changes)


def matched_cell(flag="inconclusive", **changes):
    return scored(OWN, **{"gain": 1.5, "flag": flag, **changes})


def reference(values=OTHER, key="strong", name="source_only", **changes):
    return scored(values, name, **{"cell_key": key, "classifier": "svm", **changes})


RUNS = table(
    run(reference_run="r0"), run("source_only", run_key="r0"), run("source_only", run_key="r1", cell_key="strong")
)
MATCHED = cell("source_only", score=10.0)


def found(*cells, runs=RUNS, rule=None):
    return unmatched(table(*cells), runs, rule or Rule())


def test_a_verdict_that_another_recipe_flips_is_listed_with_its_numbers():
    (row,) = found(matched_cell(), MATCHED, reference(backbone="mlp")).itertuples()
    welch = stats.ttest_ind(OWN, OTHER, equal_var=False)
    assert row.unmatched_gain == pytest.approx(61 - 72.5)
    assert row.unmatched_p == pytest.approx(welch.pvalue)
    assert (row.cell_key, row.gain, row.flag, row.unmatched_flag) == ("dann/a-b", 1.5, "inconclusive", "negative")
    assert (row.reference, row.other) == ("source_only", "svm, mlp")


def test_equal_verdicts_are_not_listed():
    assert found(matched_cell("negative"), MATCHED, reference()).empty
    noise = reference([0.50, 0.61, 0.72])
    for flag in ("inconclusive", "no_effect", "few_seeds"):
        assert found(matched_cell(flag), MATCHED, noise).empty
    assert len(found(matched_cell("positive"), MATCHED, noise)) == 1
    assert len(found(matched_cell("negative"), MATCHED, noise)) == 1
    assert len(found(matched_cell("positive"), MATCHED, reference())) == 1


def test_the_matched_reference_never_is():
    assert found(matched_cell(), MATCHED).empty  # 51 points apart
    alone = table(run(reference_run="r1"), run("source_only", run_key="r1", cell_key="strong"))
    assert found(matched_cell(), reference(), runs=alone).empty


@pytest.mark.parametrize(
    "change",
    [{"pair": "b-a"}, {"protocol": "q"}, {"dataset": "e"}, {"metric": "m"}, {"hole": "2 of 4 seeds"}, {"name": "target_only"},
     {"values": [0.72]}],
)  # fmt: skip
def test_only_a_whole_reference_of_one_name_pair_protocol_and_metric_is_compared_with(change):
    assert found(matched_cell(), MATCHED, reference(**change)).empty


def test_the_level_is_the_rule_s():
    p = stats.ttest_ind(OWN, OTHER, equal_var=False).pvalue
    cells = [matched_cell(), MATCHED, reference()]
    assert found(*cells, rule=Rule(alpha=p * 0.99)).empty
    assert len(found(*cells, rule=Rule(alpha=p * 1.01))) == 1


def test_the_farthest_from_the_matched_gain_comes_first():
    near, far = reference(key="near"), reference([0.9, 0.91, 0.93], key="far", variant="lr=1")
    assert found(matched_cell(), MATCHED, near, far)["other"].tolist() == ["svm, b, lr=1", "svm, b"]
