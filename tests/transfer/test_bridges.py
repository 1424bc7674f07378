"""Candidates for a bridge: the one on the way comes first, whoever is called source, and however rows are ordered."""

import numpy as np
import pytest
import scipy.sparse as sp

from tlbench.seeds import stream
from tlbench.transfer.bridges import rank_bridges
from tlbench.transfer.distances import proxy_a_distance


def cloud(x, y=0.0, n=200, seed=0):
    rng = np.random.default_rng([seed, round(10 * (x + 10)), round(10 * (y + 10))])
    return np.array([x, y]) + rng.normal(size=(n, 2))


SOURCE, TARGET = cloud(0.0), cloud(2.0)
BRIDGES = {"behind": cloud(-1.5), "middle": cloud(1.0), "aside": cloud(1.0, 2.0)}


def test_of_gaussians_on_a_line_the_middle_one_wins_with_the_distances_of_the_bayes_error():
    # means a apart: err = Phi(-a / 2), d = 2 (1 - 2 err) = 2 (2 Phi(a / 2) - 1); a = 1: 0.766, a = 2: 1.365, a = 3.5: 1.840
    table = rank_bridges(SOURCE, TARGET, BRIDGES, seed=0).set_index("bridge")
    assert table.index.tolist() == ["middle", "aside", "behind"]
    assert table["rank"].tolist() == [1, 2, 3]
    assert table.loc["middle", ["source_to_bridge", "bridge_to_target", "source_to_target"]].tolist() == pytest.approx(
        [0.766, 0.766, 1.365], abs=0.15
    )
    assert table.loc["behind", "bridge_to_target"] == pytest.approx(1.840, abs=0.1)
    assert table["worst"].tolist() == table[["source_to_bridge", "bridge_to_target"]].max(axis=1).tolist()
    assert table["sum"].tolist() == (table["source_to_bridge"] + table["bridge_to_target"]).tolist()


def test_a_distance_is_the_mean_of_the_proxy_of_both_orders():
    table = rank_bridges(SOURCE, TARGET, {"middle": BRIDGES["middle"]}, seed=3)
    both = [
        proxy_a_distance(one, other, rng=stream(3, "a distance"))
        for one, other in ((SOURCE, BRIDGES["middle"]), (BRIDGES["middle"], SOURCE))
    ]
    assert table["source_to_bridge"].item() == sum(both) / 2


def test_source_and_target_may_change_places():
    there = rank_bridges(SOURCE, TARGET, BRIDGES, seed=0)
    back = rank_bridges(TARGET, SOURCE, BRIDGES, seed=0)
    assert back["source_to_bridge"].tolist() == there["bridge_to_target"].tolist()
    same = ["bridge", "source_to_target", "worst", "sum", "rank"]
    assert back[same].equals(there[same])


def test_the_order_of_rows_and_of_candidates_and_sparse_rows_change_no_rank():
    want = rank_bridges(SOURCE, TARGET, BRIDGES, seed=0)
    mixed = {name: rows[np.random.default_rng(1).permutation(200)] for name, rows in reversed(BRIDGES.items())}
    got = rank_bridges(SOURCE[::-1], TARGET, mixed, seed=0)
    assert got["bridge"].tolist() == want["bridge"].tolist()
    np.testing.assert_allclose(got["sum"], want["sum"], atol=0.1)
    sparse = {name: sp.coo_matrix(rows) for name, rows in BRIDGES.items()}
    for examples in (300, 50):
        want = rank_bridges(SOURCE, TARGET, BRIDGES, seed=0, examples=examples)
        got = rank_bridges(sp.csr_matrix(SOURCE), sp.csc_matrix(TARGET), sparse, seed=0, examples=examples)
        assert got.equals(want)


def test_of_larger_domains_some_rows_are_drawn_by_the_seed():
    far = np.concatenate(
        [np.zeros((50, 2)), np.full((50, 2), 90.0)]
    )  # seen in part, it is not where it lies as a whole
    some = [rank_bridges(SOURCE, TARGET, {"far": far}, seed=s, examples=20)["sum"].item() for s in (0, 0, 1)]
    assert some[0] == some[1] != some[2]
    few = stream(0, "bridges").permutation(200)[:20]
    want = rank_bridges(SOURCE[np.sort(few)], TARGET[np.sort(few)], {"far": far[:20]}, seed=0)
    got = rank_bridges(SOURCE, TARGET, {"far": far[:20]}, seed=0, examples=20)
    assert got.equals(want)


def test_equal_candidates_share_a_rank_and_keep_their_order():
    table = rank_bridges(SOURCE, TARGET, {"b": BRIDGES["middle"], "far": cloud(9.0), "a": BRIDGES["middle"]}, seed=0)
    assert table["bridge"].tolist() == ["b", "a", "far"]
    assert table["rank"].tolist() == [1, 1, 2]


def test_the_longer_step_counts_before_the_sum():
    # two steps of 1.2 sd (0.902 each, sum 1.8) come before one of 0.1 and one of 1.9 sd (0.08 and 1.316, sum 1.4)
    table = rank_bridges(
        cloud(0.0, n=600), cloud(2.0, n=600), {"near": cloud(0.1, n=600), "both": cloud(1.0, 0.6, n=600)}, seed=0,
        examples=600,
    )  # fmt: skip
    assert table["bridge"].tolist() == ["both", "near"]
    assert table["sum"].is_monotonic_decreasing


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"bridges": {}}, "names no domain"),
        ({"examples": 1}, "two or more examples of each domain, got examples=1"),
        ({"bridges": {"wide": np.zeros((9, 3))}}, r"distance to bridge 'wide' cannot be had.*one feature width"),
        ({"bridges": {"one": np.zeros((1, 2))}}, r"distance to bridge 'one' cannot be had.*2 or more examples"),
        ({"bridges": {"hole": np.full((9, 2), np.nan)}}, r"bridge 'hole' cannot be had.*finite"),
        ({"target_MD": np.zeros((9, 3))}, "distance to the target cannot be had"),
        ({"target_MD": 3.0}, "distance to the target cannot be had"),
    ],
)
def test_what_has_no_distance_is_refused(changed, told):
    with pytest.raises(ValueError, match=f"(?s){told}"):
        rank_bridges(**{"source_ND": SOURCE, "target_MD": TARGET, "bridges": BRIDGES, "seed": 0, **changed})
