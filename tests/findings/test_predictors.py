from itertools import permutations

import numpy as np
import pytest
from scipy.stats import spearmanr

from tests.findings.tables import cell, run, table
from tlbench.findings.predictors import NAMES, gain_by_distance, pair_distances, predictions
from tlbench.findings.rule import Rule
from tlbench.transfer.shift_kind import SHIFT_NAMES

PAIRS = [f"a-{c}" for c in "bcdefg"]
GAINS, FAR = [5.0, 1.0, 2.0, -3.0, -1.0, -4.0], [0.1, 0.3, 0.2, 1.5, 1.9, 1.8]


def distances(key, features="raw", **values):
    return {"run_key": key, "features": features, **dict.fromkeys(NAMES, np.nan), **values}


def store(n=6, features="raw"):
    cells = [cell(pair=p, gain=g) for p, g in zip(PAIRS[:n], GAINS, strict=False)]
    runs = [run(pair=p, seed=s) for p in PAIRS[:n] for s in (0, 1)]
    found = [distances(f"dann/{p}/{s}", features, a_distance=a + d, mmd=1.0)
             for p, a in zip(PAIRS[:n], FAR, strict=False) for s, d in ((0, -0.05), (1, 0.05))]  # fmt: skip
    return table(*cells), table(*runs), table(*found)


def test_distances_of_a_pair_are_means_over_runs_of_raw_features():
    rows = [distances("dann/a-b/0", a_distance=1.0), distances("dann/a-b/1", a_distance=1.5),
            distances("dann/a-b/0", "trained", a_distance=9.0), distances("x", a_distance=0.3)]  # fmt: skip
    runs = [run(seed=0), run(seed=0, selection="oracle"), run(seed=1), run(run_key="x", protocol="q")]
    found = pair_distances(table(*runs), table(*rows)).set_index("protocol")
    assert found["a_distance"].to_dict() == pytest.approx({"p": 1.25, "q": 0.3})
    assert found["n_runs"].to_dict() == {"p": 2, "q": 1}
    assert len(pair_distances(table(run()), table(rows[2]))) == 0


@pytest.mark.parametrize("features", ["raw", "trained"])
def test_rho_is_spearman_s_over_pairs(features):
    (row,) = predictions(*store(features=features), Rule()).to_dict("records")  # mmd does not vary
    want = spearmanr(FAR, GAINS)
    assert (row["features"], row["distance"], row["n"]) == (features, "a_distance", 6)
    assert row["rho"] == pytest.approx(want.statistic)
    assert np.isnan([row["low"], row["high"]]).all()  # of six pairs
    assert row["p_corrected"] == row["p"]  # one distance varies
    far = [abs(spearmanr(FAR, turned).statistic) >= abs(want.statistic) - 1e-12 for turned in permutations(GAINS)]
    assert row["p"] == pytest.approx(np.mean(far))  # exact: 720 orders


def test_fewer_than_five_pairs_say_nothing():
    assert len(predictions(*store(5), Rule())) == 1
    assert len(predictions(*store(4), Rule())) == 0


def test_methods_are_looked_at_apart_and_references_not():
    cells, runs, found = store()
    more = [cell("coral", p, gain=-g) for p, g in zip(PAIRS, GAINS, strict=True)]
    more += [cell("source_only", p, gain=1.0) for p in PAIRS] + [cell("late", p) for p in PAIRS]
    table_ = predictions(table(*cells.to_dict("records"), *more), runs, found, Rule()).set_index("method")
    rho = spearmanr(FAR, GAINS).statistic
    assert table_["rho"].to_dict() == pytest.approx({"dann": rho, "coral": -rho})


def test_gains_beside_a_distance_have_their_method_s_correlation():
    cells, runs, found = store()
    cells = table(
        *cells.to_dict("records"), cell("mmd", PAIRS[0], gain=7.0, variant="w"), cell("mmd", "a+b-c", gain=1.0)
    )
    of_pairs = pair_distances(runs, found)
    rows = gain_by_distance(cells, of_pairs, predictions(cells, runs, found, Rule()), "a_distance")
    dann, mmd = rows[rows["method"] == "dann"], rows[rows["method"] == "mmd w"]
    assert dict(zip(dann["pair"], dann["gain"], strict=True)) == dict(zip(PAIRS, GAINS, strict=True))
    assert dann["distance"].tolist() == pytest.approx(FAR)
    assert dann["rho"].tolist() == pytest.approx([spearmanr(FAR, GAINS).statistic] * 6)
    assert (dann["n"].unique().tolist(), mmd["n"].tolist()) == ([6], [1])
    assert np.isnan(mmd["rho"]).all()  # of one pair
    none = gain_by_distance(cells, of_pairs, predictions(cells[:4], runs, found, Rule()), "a_distance")
    assert len(none) == 7
    assert none["rho"].isna().all()


def test_the_shift_of_a_pair_is_named_by_means_over_seeds_and_is_no_predictor():
    covariate = {"mmd_p": 0.005, "oracle_labels_p": 0.9, "oracle_inside_p": 0.005, "oracle_outputs_p": 0.6}
    rows = [
        distances(f"dann/a-b/{seed}", **covariate | {"mmd_p": p, "oracle_directions": 0.9})
        for seed, p in ((0, 0.005), (1, 0.012))
    ]
    older = [distances("dann/c-d/0")]  # a run of before it was told
    runs = table(run(seed=0), run(seed=1), run(pair="c-d"))
    found = pair_distances(runs, table(*rows, *older)).set_index("pair")
    assert found["oracle_shift"].to_dict() == {"a-b": "covariate", "c-d": ""}  # a mean of 0.0085
    assert pair_distances(runs, table(rows[1])).set_index("pair")["oracle_shift"].to_dict() == {"a-b": "none"}
    assert "mmd_p" not in found
    assert set(SHIFT_NAMES).isdisjoint([*found, *NAMES])
    assert pair_distances(runs, table(*older).drop(columns=NAMES[3]))["oracle_shift"].tolist() == [""]
