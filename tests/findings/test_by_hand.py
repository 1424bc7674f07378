"""Differences behind the flags, classes, selections, unmatched comparisons, rankings: numbers by hand."""

import itertools

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from tests.findings.tables import cells_of as planned_cells
from tests.findings.test_cells import cells_of, run
from tlbench.errors import TlbenchError
from tlbench.findings.classes import class_table, collapsed
from tlbench.findings.differences import CellDifferences, Tested, cell_differences
from tlbench.findings.matched import unmatched
from tlbench.findings.rankings import ranking, rankings
from tlbench.findings.rule import Rule
from tlbench.findings.selections import selection_table
from tlbench.transfer.crossed_gain import Crossed
from tlbench.transfer.gain import sign_flip_p


def seen(right, label, group=None, row=None):
    n = len(right)
    group, row = (np.arange(n) if given is None else np.array(given) for given in (group, row))
    return Tested(row, group, np.array(label), np.array(right, bool))


def test_a_cell_is_made_of_its_seeds_and_classes_of_their_examples():
    label = [0, 0, 0, 1]
    pairs = [
        (
            seen([1, 1, 0, 0], label),
            seen([0, 1, 0, 1], label),
        ),  # gains +1 -1: 0 points; class 0 +33.3, class 1 -100
        (seen([1, 1, 1, 1], label), seen([0, 1, 0, 1], label)),  # +2: 50 points; class 0 +66.7, class 1 0
    ]
    found = cell_differences(pairs, "accuracy")
    assert found.whole.gain == pytest.approx(25)
    assert [c.gain for c in found.classes] == pytest.approx([50, -50])
    assert cell_differences(pairs, "mean_class_accuracy").whole.gain == pytest.approx((50 - 50) / 2)
    assert found.exact_p is None
    assert cell_differences(pairs, "accuracy", per_class=False).classes == []


def test_examples_of_a_group_are_one_unit():
    pairs = [(seen([1, 1, 0, 0], [0] * 4, [7, 7, 8, 9]), seen([0, 0, 1, 0], [0] * 4, [7, 7, 8, 9]))] * 3
    found = cell_differences(pairs, "accuracy")
    assert (found.whole.n_units, found.whole.gain, found.whole.seed_var) == (3, pytest.approx(25), 0)
    assert found.exact_p == sign_flip_p(np.array([2, -1, 0]))


def test_a_class_that_a_seed_was_not_tested_on_is_left_out():
    pairs = [(seen([1, 0], [0, 2]), seen([0, 0], [0, 2])), (seen([1, 0], [0, 0]), seen([0, 0], [0, 0]))]
    found = cell_differences(pairs, "accuracy")
    assert [c is None for c in found.classes] == [False, True, True]


def of_classes(*parts, seeds=5):
    whole = Crossed(0.5, 1.0, 0.1, seeds, 100.0)
    return CellDifferences(whole, [None if p is None else Crossed(p, 0.5, 0.1, seeds, 50.0) for p in parts], None)


def test_the_class_that_an_average_hides_is_found_and_corrected_with_all_others():
    cells = cells_of(*[run(seed=i, gain=g) for i, g in enumerate([0.5, 1.5, -1.0, 0.2, 0.9])])
    table = class_table(cells, {"dann/a-b": of_classes(6.0, None, -27.0)}, {"d": ["bus", "bike", "car"]}, Rule())
    assert table["class"].tolist() == ["bus", "car"]
    assert table["n_class_tests"].tolist() == [2, 2]
    assert table["class_p_corrected"].min() == pytest.approx(2 * table["class_p"].min())
    assert collapsed(table)["class"].tolist() == ["car"]
    assert collapsed(table.assign(flag="negative")).empty


def test_gap_and_rank_correlations_of_a_rule():
    scores = {"dann": [0.5, 0.7, 0.6], "mmd": [0.3, 0.4, 0.9], "coral": [0.8, 0.2, 0.1]}
    own = {"dann": [1.0, 3.0, 2.0], "mmd": [3.0, 1.0, 2.0], "coral": [1.0, 2.0, 3.0]}
    rows, points = [], []
    for method, values in scores.items():
        for rule, step in (("last", 2), ("snd", int(np.argmax(own[method]))), ("oracle", int(np.argmax(values)))):
            rows.append(run(method, accuracy=values[step], selection=rule, step=step))
        points += [
            {"run_key": f"{method}/a-b/0", "step": i, "oracle_score": v, "snd": own[method][i]}
            for i, v in enumerate(values)
        ]
    runs = pd.DataFrame(rows)
    table = selection_table(runs, pd.DataFrame(points), planned_cells(runs)).set_index(["method", "rule"])
    assert table.loc[("mmd", "snd"), ["score", "gap"]].tolist() == pytest.approx([30, 60])
    for method, values in scores.items():
        assert table.loc[(method, "snd"), "within"] == pytest.approx(stats.spearmanr(values, own[method])[0])
    between = stats.spearmanr([values[2] for values in scores.values()], [own[m][2] for m in scores])[0]
    assert table.loc[("dann", "snd"), ["between", "n_between"]].tolist() == pytest.approx([between, 1])


def matched_store(own, reference, other):
    """One method with its matched reference, and a reference of another classifier; scores by seed."""
    rows = [
        run("source_only", seed=i, accuracy=a, run_key=f"r{i}", cell_key="ref", reference_run=None)
        for i, a in enumerate(reference)
    ]
    rows += [run("source_only", seed=i, accuracy=a, run_key=f"o{i}", cell_key="other", classifier="rbf", reference_run=None)
             for i, a in enumerate(other)]  # fmt: skip
    rows += [
        run("coral", seed=i, accuracy=a, gain=100 * (a - reference[i]), reference_run=f"r{i}")
        for i, a in enumerate(own)
    ]
    return pd.DataFrame(rows), rows


def test_an_unmatched_comparison_that_says_something_else_is_listed_with_its_numbers():
    own, weak = [0.45, 0.46, 0.47], [0.37, 0.38, 0.39]
    runs, rows = matched_store(own, [0.44, 0.47, 0.465], weak)
    (found,) = unmatched(cells_of(*rows), runs, Rule()).itertuples()
    assert (found.flag, found.unmatched_flag, found.other) == ("inconclusive", "positive", "rbf, b")
    assert found.unmatched_gain == pytest.approx(8.0)
    assert found.unmatched_p == pytest.approx(stats.ttest_ind(own, weak, equal_var=False).pvalue)


def test_comparisons_that_say_the_same_and_the_matched_reference_are_not_listed():
    runs, rows = matched_store([0.45, 0.46, 0.47], [0.44, 0.47, 0.465], [0.44, 0.46, 0.47])
    assert unmatched(cells_of(*rows), runs, Rule()).empty
    runs, rows = matched_store([0.45, 0.46, 0.47], [0.44, 0.47, 0.465], [0.37, 0.38, 0.39])
    only_matched = [row for row in rows if row["cell_key"] != "other"]
    assert unmatched(cells_of(*only_matched), pd.DataFrame(only_matched), Rule()).empty


def many(protocols=("p",), pairs="uvwxyz"):
    rows = []
    for protocol, (i, method), (j, source), seed in itertools.product(
        protocols, enumerate(("mmd", "dann", "coral")), enumerate(pairs), range(3)
    ):
        cell = f"{protocol}{method}{source}"
        score = 0.5 + 0.05 * i + 0.01 * j + 0.001 * seed
        about = {"protocol": protocol, "run_key": f"{cell}{seed}", "cell_key": cell}
        rows.append(run(method, pair=f"{source}-t", seed=seed, accuracy=score, **about))
    return cells_of(*rows), pd.DataFrame(rows)


def test_ranks_are_over_pairs_and_best_is_first():
    (found,) = rankings(*many(), Rule())
    assert found.table["method"].tolist() == ["coral", "dann", "mmd"]
    assert found.table["average_rank"].tolist() == [1, 2, 3]
    assert found.table["mean"].tolist() == pytest.approx([62.6, 57.6, 52.6])


def test_protocols_are_ranked_apart_and_mixed_only_where_that_is_asked_for():
    cells, runs = many(("p", "q"))
    assert len(rankings(cells, runs, Rule())) == 2
    with pytest.raises(TlbenchError, match=r"protocols p, q mixes .* --mix-protocols"):
        ranking(cells, runs, Rule(), "all")
    (mixed,) = rankings(cells, runs, Rule(), mix_protocols=True)
    assert (mixed.ranks.n_pairs, mixed.ranks.n_methods) == (12, 3)


def test_a_method_with_a_hole_is_not_ranked_and_named_and_several_sources_stand_apart():
    cells, runs = many(pairs=["u", "v", "w", "x", "y", "a+b"])
    titles = [found.title for found in rankings(cells, runs, Rule())]
    assert sorted(title.split(" · ")[-1] for title in titles) == ["one source", "several sources"]
    holed = cells.assign(score=cells["score"].where((cells["method"] != "mmd") | (cells["pair"] != "u-t")))
    found = ranking(holed, runs, Rule(), "all")
    assert found.table["method"].tolist() == ["coral", "dann"]
    assert found.unranked == ["mmd"]
