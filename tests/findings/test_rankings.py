import numpy as np
import pandas as pd
import pytest
from scipy import stats

from tests.findings.tables import cell, run, table
from tlbench.errors import TlbenchError
from tlbench.findings.rankings import ranking, rankings
from tlbench.findings.rule import Rule

PAIRS = [f"a-{c}" for c in "bcdefg"]
MEANS = {"dann": [60, 61, 62, 63, 64, 65], "coral": [50, 70, 51, 52, 53, 54], "source_only": [40, 41, 42, 43, 44, 55]}


def cells_of(means=MEANS, pairs=PAIRS, **changes):
    suffix = "/" + changes["protocol"] if "protocol" in changes else ""
    return [cell(m, p, float(x), cell_key=f"{m}/{p}{suffix}", **changes)
            for m, scores in means.items() for p, x in zip(pairs, scores, strict=True)]  # fmt: skip


def runs_of(cells, spread=(-0.01, 0.0, 0.01)):
    """Three runs a cell round its mean; others under another selection."""
    return table(*[run(c["method"], c["pair"], seed, c["score"] / 100 + d, rule, cell_key=c["cell_key"])
                   for c in cells for seed, d in enumerate(spread) for rule in ("last", "oracle")
                   for d in [d if rule == "last" else 9.0]])  # fmt: skip


def made(cells, **options):
    return ranking(table(*cells), runs_of(cells), Rule(), "t", **options)


def test_ranks_means_and_test():
    found = made(cells_of())
    data = found.table.set_index("method")
    # dann is first but on a-c; source_only last but on a-g, where coral is
    assert data["average_rank"].to_dict() == pytest.approx({"dann": 7 / 6, "coral": 12 / 6, "source_only": 17 / 6})
    assert list(data.index) == ["dann", "coral", "source_only"]
    assert data["mean"].to_dict() == pytest.approx({"dann": 62.5, "coral": 55, "source_only": 265 / 6})
    chi2 = stats.friedmanchisquare(*MEANS.values()).statistic
    p = stats.f.sf(5 * chi2 / (12 - chi2), 2, 10)
    assert (found.ranks.n_pairs, found.ranks.n_methods, found.ranks.test) == (6, 3, "friedman")
    assert found.ranks.p == pytest.approx(p)


def test_interquartile_mean_is_over_the_runs_of_the_selection():
    data = made(cells_of()).table.set_index("method")
    for method, scores in MEANS.items():
        runs = np.sort(np.add.outer(scores, [-1, 0, 1]).ravel())
        assert data.loc[method, "iqm"] == pytest.approx(runs[4:14].mean())  # 18 runs, 4 cut at either end
        assert data.loc[method, "iqm_low"] < data.loc[method, "iqm"] < data.loc[method, "iqm_high"]


def test_two_methods_are_compared_by_wilcoxon_s_test_and_few_pairs_by_none():
    two = {m: MEANS[m] for m in ("dann", "source_only")}
    found = made(cells_of(two)).ranks
    assert (found.test, found.p) == ("wilcoxon", pytest.approx(2 / 2**6))
    few = made(cells_of({m: x[:4] for m, x in MEANS.items()}, PAIRS[:4]))
    assert few.ranks.test == ""
    assert few.ranks.pairwise_p is None
    assert made(cells_of({"dann": MEANS["dann"]})) is None


def test_methods_with_a_hole_are_left_out_and_named():
    cells = cells_of() + cells_of({"mmd": MEANS["dann"][:5]}, PAIRS[:5])
    cells += [cell("gap", p, np.nan if i else 70.0, hole="2 of 3 seeds" if i else "") for i, p in enumerate(PAIRS)]
    found = made(cells)
    assert found.table["method"].tolist() == ["dann", "coral", "source_only"]
    assert found.unranked == ["gap", "mmd"]
    assert made(cells_of()).unranked == []


def test_protocols_are_not_mixed_unless_asked_for():
    cells = cells_of() + cells_of({m: [100 - x for x in s] for m, s in MEANS.items()}, protocol="q")
    with pytest.raises(TlbenchError, match=r"over protocols p, q mixes what cannot be compared\..*--mix-protocols"):
        made(cells)
    mixed = made(cells, mix_protocols=True)
    assert mixed.table["average_rank"].tolist() == pytest.approx([2, 2, 2])  # each protocol undoes the other
    assert (mixed.ranks.n_pairs, mixed.ranks.n_methods) == (12, 3)
    apart = rankings(table(*cells), runs_of(cells), Rule())
    assert [s.title for s in apart] == [f"{p} · b · k · accuracy · one source" for p in "pq"]
    assert [s.table["method"][0] for s in apart] == ["dann", "source_only"]
    (one,) = rankings(table(*cells), runs_of(cells), Rule(), mix_protocols=True)
    pd.testing.assert_frame_equal(one.table, mixed.table)


def test_pairs_with_several_sources_are_ranked_apart():
    several = cells_of({"dann": [1.0, 2.0], "coral": [3.0, 4.0]}, ["a+b-c", "a+c-b"])
    cells = cells_of() + several
    one, more = rankings(table(*cells), runs_of(cells), Rule())
    assert one.title.endswith("one source")
    assert one.table["method"].tolist() == ["dann", "coral", "source_only"]
    assert more.title.endswith("several sources")
    assert more.table["average_rank"].to_dict() == {0: 1.0, 1: 2.0}
    assert more.table["method"].tolist() == ["coral", "dann"]


def test_classifiers_are_ranked_apart_and_data_sets_together():
    cells = cells_of() + [c | {"dataset": "e", "cell_key": "e/" + c["cell_key"]} for c in cells_of()]
    (one,) = rankings(table(*cells), runs_of(cells), Rule())
    assert one.ranks.n_pairs == 12
    cells = cells_of() + [c | {"classifier": "svm", "cell_key": "s/" + c["cell_key"]} for c in cells_of()]
    assert len(rankings(table(*cells), runs_of(cells), Rule())) == 2
    assert rankings(pd.DataFrame(), pd.DataFrame(), Rule()) == []
