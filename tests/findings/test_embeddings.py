import numpy as np
import pytest

from tlbench.findings.embeddings import embedding_map, embedding_numbers, nearest_neighbour, with_reference


def features(gap=50.0, n=20, m=30, width=5, kinds=("raw", "trained")):
    rng = np.random.default_rng(0)
    found = {"source_label": np.arange(n) % 3, "oracle_target_label": np.arange(m) % 3}
    for kind in kinds:
        shift = gap if kind == "raw" else 0.0
        found |= {f"{kind}_source": rng.normal(size=(n, width)), f"{kind}_target": rng.normal(size=(m, width)) + shift}
    return found


def test_numbers_are_of_the_features_domains_apart_and_mixed():
    raw, trained = embedding_numbers(features()).to_dict("records")
    assert (raw["kind"], raw["nearest_neighbour"], raw["a_distance"]) == ("raw", 1.0, 2.0)
    assert trained["nearest_neighbour"] < 0.7
    assert trained["a_distance"] < 0.7
    assert (raw["n_source"], raw["n_target"], raw["width"]) == (20, 30, 5)


def test_the_nearest_other_example_counts_and_both_domains_count_alike():
    # source at 0 and 1 (each other's nearest), target at 1.1 (nearest: source), 10, 10.1
    xs, xt = np.array([[0.0], [0.4]]), np.array([[0.9], [10.0], [10.1]])
    assert nearest_neighbour(xs, xt) == pytest.approx((1 + 2 / 3) / 2)


@pytest.mark.parametrize("how", ["tsne", "pca"])
def test_a_map_has_every_example_and_is_the_same_each_time(how):
    found, again = (embedding_map(features(), ["a", "b", "c"], how=how) for _ in range(2))
    assert found.equals(again)
    assert found.groupby(["kind", "domain"]).size().to_dict() == {
        ("raw", "source"): 20, ("raw", "target"): 30, ("trained", "source"): 20, ("trained", "target"): 30
    }  # fmt: skip
    target = found[(found["kind"] == "raw") & (found["domain"] == "target")]
    assert target["label"].tolist() == ["abc"[i % 3] for i in range(30)]
    source = found[(found["kind"] == "raw") & (found["domain"] == "source")]
    assert source["x"].max() < target["x"].min() or target["x"].max() < source["x"].min() or how == "tsne"


def test_pca_places_are_the_principal_components():
    x = features(kinds=["raw"])
    both = np.concatenate([x["raw_source"], x["raw_target"]])
    both = (both - both.mean(0)) / both.std(0)
    want = both @ np.linalg.svd(both, full_matrices=False)[2][:2].T
    np.testing.assert_allclose(np.abs(embedding_map(x, how="pca")[["x", "y"]]), np.abs(want), atol=1e-8)


def test_a_method_without_features_of_its_own_has_one_map_and_none_is_refused():
    assert embedding_map(features(kinds=["raw"]), how="pca")["kind"].unique().tolist() == ["raw"]
    with pytest.raises(ValueError, match="raw or trained"):
        embedding_map(features(kinds=[]))
    with pytest.raises(ValueError, match="two examples"):
        embedding_numbers(features(n=1))


def test_what_the_reference_has_learnt_stands_between_before_and_after():
    mine, other = features(), features(gap=7.0)
    both = with_reference(mine, {**mine, "trained_source": other["raw_source"], "trained_target": other["raw_target"]})
    found = embedding_numbers(both)
    assert found["kind"].tolist() == ["raw", "reference", "trained"]
    alone = embedding_numbers({**both, "raw_source": other["raw_source"], "raw_target": other["raw_target"]})
    assert found.iloc[1]["a_distance"] == alone.iloc[0]["a_distance"]
    assert embedding_map(both, how="pca")["kind"].unique().tolist() == ["raw", "reference", "trained"]


def test_equal_features_have_equal_numbers_whatever_they_are_called():
    x = features(gap=1.0, kinds=["raw"])
    same = {
        f"{kind}_{domain}": x[f"raw_{domain}"]
        for kind in ("raw", "reference", "trained")
        for domain in ("source", "target")
    }
    found = embedding_numbers({**x, **same}).drop(columns="kind")
    assert (found == found.iloc[0]).all(axis=None)


@pytest.mark.parametrize("name", ["source_label", "oracle_target_label", "raw_source", "raw_target"])
def test_a_reference_of_other_examples_or_without_features_is_left_out(name):
    mine = features()
    assert set(with_reference(mine, {**mine, name: mine[name] + 1})) == set(mine)
    assert set(with_reference(mine, {k: v for k, v in mine.items() if "trained" not in k})) == set(mine)
