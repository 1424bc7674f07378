from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import tlbench as tl
from baselines.sa import SubspaceAlignment
from tests.support import config_of
from tlbench.cli import main
from tlbench.errors import TlbenchError
from tlbench.findings.cells import compared, kind_of_pair, sources_of, summarise
from tlbench.findings.differences import CellDifferences
from tlbench.findings.flags import unanimous
from tlbench.findings.grid import grids
from tlbench.findings.names import method_name
from tlbench.findings.rule import Rule
from tlbench.reporting.words import cell_text
from tlbench.running.setup import Setup
from tlbench.transfer.crossed_gain import Crossed

AXES = {"dataset": "d", "protocol": "p", "backbone": "b", "classifier": "k"}


def run(method="dann", pair="a-b", seed=0, accuracy=0.5, gain=None, status="done", selection="last", **changes):
    key = f"{method}/{pair}/{seed}"
    flagged = gain is not None
    return {
        "run_key": key, "cell_key": f"{method}/{pair}", "recipe_key": f"{pair}/{seed}", "status": status,
        "reason": None if status == "done" else "why", **AXES, "pair": pair, "method": method,
        "family": "reference" if method == "source_only" else "feature", "seed": seed, "selection": selection,
        "uses_target_labels": selection == "oracle", "metric": "accuracy", "score": accuracy if status == "done" else np.nan,
        "gain": gain, "gain_low": gain - 2 if flagged else None, "gain_high": gain + 2 if flagged else None,
        "gain_p": 0.001 if flagged else None, "gain_flag": ("negative" if gain < 0 else "positive") if flagged else None,
        "reference": "source_only" if flagged else None, "train_seconds": 1.0, "peak_memory_mb": 100.0, **changes,
    }  # fmt: skip


def planned(*rows):
    columns = ["run_key", "cell_key", "seed", "reference", *AXES, "pair", "method", "family", "metric"]
    return pd.DataFrame(list(rows), columns=columns)


def by_seeds(runs, selection="last"):
    """Differences as if only the seeds were random: the gains' variance over seeds, none of the examples."""
    found = {}
    for key, own in compared(runs, selection).groupby("cell_key"):
        gains = own["gain"].to_numpy(float)
        var = gains.var(ddof=1) / len(gains) if len(gains) > 1 else np.nan
        exact = 0.001 if var == 0 else None
        found[key] = CellDifferences(Crossed(gains.mean(), var, 0.0, len(gains), 100.0), [], exact)
    return found


def cells_of(*rows, plan=(), selection="last", **rule):
    runs = pd.DataFrame(rows)
    return summarise(runs, planned(*plan), by_seeds(runs, selection), Rule(selection, **rule))


def test_mean_sd_and_interval_of_a_cell():
    cells = cells_of(*[run(seed=i, accuracy=a, gain=g) for i, (a, g) in enumerate([(0.5, -4.0), (0.7, -5), (0.9, -6)])])
    (cell,) = cells.itertuples()
    assert (cell.n_seeds, cell.score, cell.score_sd) == pytest.approx((3, 70, 20))  # 16.3 if divided by n
    assert cell.score_half == pytest.approx(4.302653 * 20 / 3**0.5)
    assert (cell.gain, cell.gain_sd) == pytest.approx((-5, 1))
    assert cell.p == pytest.approx(stats.ttest_1samp([-4, -5, -6], 0).pvalue)
    assert cell.flag == "negative"
    assert (cell.runs_negative, cell.runs_positive) == (3, 0)


def test_holm_is_over_the_cells_of_the_report():
    # p = 0.013 alone is negative; with three more cells beside it, 0.013 * 4 is not below 0.05
    one = [run(seed=i, gain=g) for i, g in enumerate([-4.0, -5, -6])]
    others = [run(pair=f"a-{c}", seed=i, gain=g) for c in "xyz" for i, g in enumerate([-1.0, 0.1, 1])]
    alone, beside = cells_of(*one), cells_of(*one, *others)
    assert alone["flag"].tolist() == ["negative"]
    row = beside[beside["pair"] == "a-b"].iloc[0]
    assert row["p_corrected"] == pytest.approx(4 * row["p"])
    assert (row["n_tests"], row["flag"]) == (4, "inconclusive")


def test_the_warning_is_the_mean_over_seeds_all_of_which_have_one():
    told = [run(seed=i, gain=-1.0, warning=w) for i, w in enumerate([0.2, 0.3, 0.7])]
    (cell,) = cells_of(*told, *[run(seed=i, selection="iwv", warning=0.9) for i in range(3)]).itertuples()
    assert cell.warning == pytest.approx(0.4)
    without = (run(seed=2, gain=-1.0), run(seed=2, gain=-1.0, warning=None), run(seed=2, status="failed"))
    assert [cells_of(*told[:2], last)["warning"].isna().tolist() for last in without] == [[True]] * 3
    assert cells_of(run(gain=1.0))["warning"].isna().tolist() == [True]


def test_fewer_than_three_seeds_say_so():
    (cell,) = cells_of(run(seed=0, gain=-9.0), run(seed=1, gain=-9.5)).itertuples()
    assert cell.flag == "few_seeds"
    assert np.isnan(cell.p)
    assert len(unanimous(cells_of(run(seed=0, gain=-9.0), run(seed=1, gain=-9.5)), "negative")) == 1


def test_seeds_that_change_nothing_leave_the_test_examples_as_what_is_random():
    (cell,) = cells_of(*[run(seed=i, gain=-9.0) for i in range(3)]).itertuples()
    assert (cell.basis, cell.p) == ("examples", 0.001)
    (cell,) = cells_of(*[run(seed=i, gain=-9.0 - i) for i in range(3)]).itertuples()
    assert cell.basis == "seeds and examples"


def test_a_missing_or_failed_seed_is_a_hole_and_never_averaged_over():
    plan = [{k: v for k, v in run(seed=2).items() if k in planned().columns}]
    missing = cells_of(run(seed=0), run(seed=1), plan=plan)
    assert missing["hole"].tolist() == ["2 of 3 seeds (1 missing)"]
    assert missing["score"].isna().all()
    failed = cells_of(run(seed=0), run(seed=1), run(seed=2, status="failed"))
    assert failed["hole"].tolist() == ["2 of 3 seeds (1 failed)"]
    assert cells_of(run(seed=0), run(seed=1), run(seed=2))["hole"].tolist() == [""]


def test_a_gain_that_some_seeds_lack_is_a_hole_and_so_are_two_references():
    rows = [run(seed=0, gain=1.0), run(seed=1, gain=2.0), run(seed=2, reference="source_only")]
    (cell,) = cells_of(*rows).itertuples()
    assert cell.hole == "1 of 3 seeds lack their reference source_only"
    assert np.isnan(cell.gain)
    rows = [run(seed=0, gain=1.0), run(seed=1, gain=2.0, reference="target_only")]
    (cell,) = cells_of(*rows).itertuples()
    assert cell.hole.startswith("seeds compared with different references (source_only, target_only)")


def test_a_rule_that_the_protocol_has_no_data_for_is_not_called_missing():
    (cell,) = cells_of(run(seed=0), selection="source_val").itertuples()
    assert cell.hole == "no checkpoint by source_val under this protocol"


def test_the_correction_is_over_methods_and_over_references_apart():
    gains = list(enumerate([-4.0, -5, -6]))
    methods = [run(pair=f"a-{c}", seed=i, gain=g) for c in "xy" for i, g in gains]
    reference = [run("source_and_target", seed=i, gain=g, family="reference") for i, g in gains]
    cells = cells_of(*methods, *reference).set_index("method")
    assert cells["n_tests"].to_dict() == {"dann": 2, "source_and_target": 1}
    assert (cells["p_corrected"] / cells["p"]).round(6).to_dict() == {"dann": 2, "source_and_target": 1}
    assert cells["role"].to_dict() == {"dann": "method", "source_and_target": "reference"}


def test_benjamini_and_hochberg_ask_less():
    rows = [run(pair=f"a-{c}", seed=i, gain=g) for c in "xyz" for i, g in enumerate([-4.0, -5, -6])]
    assert cells_of(*rows)["p_corrected"].iloc[0] == pytest.approx(3 * cells_of(*rows)["p"].iloc[0])
    assert cells_of(*rows, correction="bh")["p_corrected"].iloc[0] == pytest.approx(cells_of(*rows)["p"].iloc[0])


def test_a_gain_shown_to_be_within_the_margin_is_no_effect():
    rows = [run(seed=i, gain=g) for i, g in enumerate([0.1, -0.1, 0.05, -0.05, 0.02])]
    assert cells_of(*rows)["flag"].tolist() == ["no_effect"]
    assert cells_of(*rows, margin=0.05)["flag"].tolist() == ["inconclusive"]
    assert cells_of(*rows, margin=0.0)["flag"].tolist() == ["inconclusive"]


def test_a_cell_with_a_hole_is_not_called_helped_or_hurt():
    rows = [run(seed=0, gain=-9.0), run(seed=1, gain=-9.5), run(seed=2, status="failed")]
    assert len(unanimous(cells_of(*rows[:2]), "negative")) == 1
    assert len(unanimous(cells_of(*rows), "negative")) == 0


def test_two_cells_of_one_name_are_refused():
    rows = [run(seed=0), run(seed=0, run_key="r", cell_key="c")]
    with pytest.raises(ValueError, match="would hide the other"):
        list(grids(cells_of(*rows)))


def test_a_seed_that_is_there_twice_is_refused():
    with pytest.raises(TlbenchError, match=r"2 runs are there twice.*dann d a-b seed 0: dann/a-b/0; .*other"):
        cells_of(run(seed=0), run(seed=0, run_key="other"))


def test_only_the_rows_of_one_selection_count():
    rows = [run(seed=0, accuracy=0.5), run(seed=0, accuracy=0.9, selection="oracle")]
    (last,), (oracle,) = cells_of(*rows).itertuples(), cells_of(*rows, selection="oracle").itertuples()
    assert (last.score, oracle.score) == (50, 90)
    assert (method_name(last), method_name(oracle)) == ("dann", "ORACLE dann")


def test_a_cell_without_a_reference_has_no_flag():
    (cell,) = cells_of(*[run("source_only", seed=i) for i in range(3)]).itertuples()
    assert cell.flag == ""
    assert cell_text(cell) == ("50.0 ± 0.0", "")


def test_an_average_needs_every_pair():
    rows = [run(pair=p, seed=0, accuracy=a, gain=1.0) for p, a in (("a-b", 0.4), ("b-a", 0.6))]
    rows += [run("coral", "a-b", seed=0, accuracy=0.4, gain=1.0)]
    (grid,) = grids(cells_of(*rows))
    assert grid.averages["average"]["dann"] == pytest.approx((50, 1))
    assert np.isnan(grid.averages["average"]["coral"]).all()
    assert grid.methods == ["coral", "dann"]


def test_blocks_do_not_mix_protocols():
    titles = [grid.title for grid in grids(cells_of(run(), run(protocol="q", run_key="r", cell_key="c")))]
    assert titles == [f"d · protocol {p} · backbone b · classifier k" for p in "pq"]


def test_pairs_with_several_sources_are_averaged_apart():
    rows = [run(pair=p, seed=0, accuracy=a) for p, a in (("a-b", 0.4), ("b-a", 0.6), ("a+b-c", 0.9))]
    one, several = grids(cells_of(*rows))
    assert {name: means["dann"][0] for name, means in one.averages.items()} == pytest.approx({"average": 50})
    assert {name: means["dann"][0] for name, means in several.averages.items()} == pytest.approx(
        {"average, several sources": 90}
    )
    assert several.title == f"{one.title} · setting several sources"


@pytest.mark.parametrize(("words", "draws"), [
    (["method=sa", "protocol=transductive"], False), (["method=source_only", "protocol=transductive"], False),
    (["method=sa", "protocol=transductive", "protocol.n_source=20"], True), (["method=sa", "protocol=inductive"], True),
    (["method=sa", "protocol=transductive", "protocol.shots=2"], True), (["method=sa", "protocol=sampled"], True),
    (["method=sa", "protocol=transductive", "classifier.search=[0.1,1]"], True),
    (["method=coral", "protocol=transductive"], True),
    (["method=sa", "protocol=transductive", "backbone=mlp", "backbone.mode=frozen"], True),
    (["method=sa", "protocol=transductive", "classifier=nearest_neighbour"], False),
])  # fmt: skip
def test_what_the_seed_decides_is_known_before_a_run(words, draws, toy):
    classifier = (
        [] if any(w.startswith("classifier=") or w == "method=coral" for w in words) else ["classifier=linear_svm"]
    )
    assert Setup.of(config_of("dataset=toy", "pair=L-R", *classifier, *words, config_dir=toy)).draws is draws


def test_a_class_of_ones_own_denies_draws_itself(toy):
    class Own(SubspaceAlignment):
        pass

    class Sure(SubspaceAlignment):
        draws = False

    config = config_of(
        "dataset=toy", "pair=L-R", "classifier=linear_svm", "method=sa", "protocol=transductive", config_dir=toy
    )
    setup = Setup.of(config)
    for method in (Own, Sure):
        method.__module__ = "mine"
    assert not setup.draws
    assert replace(setup, method=Own).draws
    assert not replace(setup, method=Sure).draws


def test_a_trial_that_a_validator_chose_has_no_flag_from_one_seed(toy):
    command = [
        "sweep",
        "dataset=toy",
        "pair=L-R",
        "hydra/launcher=basic",
        "--config-dir",
        str(toy),
        "classifier=linear_svm",
    ]
    assert (
        main([*command, "protocol=transductive", "method=coral_linear", "search=coral_linear", "search.trials=2"]) == 0
    )
    cells = {rule: tl.cells(where="method=coral_linear", selection=rule).iloc[0] for rule in ("last", "im")}
    assert cells["last"]["flag"] != "few_seeds"
    assert cells["im"]["flag"] == "few_seeds"


def test_where_nothing_is_drawn_one_seed_has_the_flag_of_three_equal_ones(toy):
    where = ["dataset=toy", "pair=all", "protocol=transductive", "hydra/launcher=basic", "--config-dir", str(toy)]
    command = ["sweep", *where, "method=sa,pca", "method.dim=2"]
    for seeds in ("0", "0,1,2"):
        assert main([*command, "classifier=linear_svm", f"seed={seeds}", f"store=of_{len(seeds)}"]) == 0
    one, three = (tl.cells(f"of_{len(seeds)}").set_index(["pair", "method"]) for seeds in ("0", "0,1,2"))
    assert set(one["n_seeds"]) == {1}
    gains = one["gain"].notna()
    assert "few_seeds" not in set(one["flag"])
    for column in ("gain", "gain_half", "p", "p_corrected", "flag", "basis"):
        pd.testing.assert_series_equal(one.loc[gains, column], three.loc[gains, column])


@pytest.mark.parametrize(
    ("pair", "kind"), [("a-b", "one source"), ("a+b-c", "several sources"), ("a-b-c", "chains"), ("a+b-c-d", "chains")]
)
def test_kinds_of_pairs(pair, kind):
    assert kind_of_pair(pair) == kind
    assert sources_of(pd.DataFrame({"pair": [pair, "x-y"]})).tolist() == [kind, "one source"]
