import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from tlbench.seeds import stream
from tlbench.transfer import distances, transferability
from tlbench.transfer.pair import MARGINAL_NAMES, ORACLE_NAMES, measure_pair


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def domains(n: int = 40, m: int = 30, width: int = 5, n_classes: int = 3) -> dict:
    ys, yt = rng(1).integers(0, n_classes, n), rng(2).integers(0, n_classes, m)
    xs = rng(3).normal(size=(n, width)) + ys[:, None]
    return {"xs_ND": xs, "ys_N": ys, "xt_MD": rng(4).normal(size=(m, width)) + 2 * yt[:, None], "yt_M": yt}


def plain(found: dict) -> dict:
    return json.loads(json.dumps(found, allow_nan=False))


def test_every_quantity_is_that_of_its_function_on_jointly_standardised_features():
    data, p = domains(), rng(9).dirichlet(np.ones(4), 30)
    found = measure_pair(**data, n_classes=3, seed=7, probabilities_t=p)
    x = np.concatenate([data["xs_ND"], data["xt_MD"]])
    x = (x - x.mean(axis=0)) / x.std(axis=0)
    xs, ys, xt, yt = x[:40], data["ys_N"], x[40:], data["yt_M"]
    mmd2, p_value = distances.mmd(xs, xt, rng=stream(7, "mmd"))
    joint = transferability.joint_error(xs, ys, xt, yt, rng=stream(7, "joint error"))
    per_class = transferability.domain_accuracy_per_class(
        xs, ys, xt, yt, n_classes=3, rng=stream(7, "domain accuracy per class")
    )
    want = {
        "a_distance": distances.proxy_a_distance(xs, xt, rng=stream(7, "a distance")),
        "mmd": mmd2,
        "mmd_p": p_value,
        "coral": distances.coral_distance(xs, xt),
        "sliced_wasserstein": distances.sliced_wasserstein(xs, xt, rng=stream(7, "sliced wasserstein")),
        "mean_shift": distances.mean_shift(xs, xt),
        "oracle_label_shift": transferability.label_shift(ys, yt, 3),
        "oracle_joint_error": joint.error,
        "oracle_joint_excess": joint.excess,
        "oracle_logme": transferability.log_me(xt, yt, 3),
        "oracle_leep": transferability.leep(p, yt),
        "oracle_h_score": transferability.h_score(xt, yt),
        "oracle_class_a_distance": np.mean([max(0, 4 * accuracy - 2) for accuracy in per_class]),
    }
    assert found.pop("oracle_domain_accuracy_per_class") == pytest.approx(per_class)
    assert found == pytest.approx(want)


def test_names_are_always_the_same_and_say_oracle_where_labels_are_looked_at():
    for extra in ({}, {"probabilities_t": np.full((30, 2), 0.5)}):
        found = measure_pair(**domains(), n_classes=3, seed=0, **extra)
        assert list(found) == [*MARGINAL_NAMES, *ORACLE_NAMES]
        assert (found["oracle_leep"] is None) == (not extra)
    assert all(name.startswith("oracle_") and "ORACLE" in words for name, words in ORACLE_NAMES.items())
    assert not any("oracle" in name for name in MARGINAL_NAMES)
    assert all(words and "\n" not in words for words in (MARGINAL_NAMES | ORACLE_NAMES).values())


def test_what_is_not_oracle_does_not_change_with_the_labels():
    data = domains()
    other = data | {"ys_N": np.zeros(40, dtype=int), "yt_M": rng(8).permutation(data["yt_M"])}
    one, two = (measure_pair(**d, n_classes=3, seed=0) for d in (data, other))
    assert [one[name] for name in MARGINAL_NAMES] == [two[name] for name in MARGINAL_NAMES]
    assert one["oracle_logme"] != two["oracle_logme"]


def test_scale_and_offset_of_columns_do_not_matter_and_a_seed_gives_the_same_numbers_again():
    data = domains()
    moved = data | {name: data[name] * [1, 10, 1e-5, 3, 1e8] - [0, 5, 0, 1e3, 1] for name in ("xs_ND", "xt_MD")}
    one, two = (measure_pair(**d, n_classes=3, seed=0) for d in (data, moved))
    per_class = [found.pop("oracle_domain_accuracy_per_class") for found in (one, two)]
    assert one.pop("oracle_leep") is two.pop("oracle_leep") is None
    assert one == pytest.approx(two, rel=1e-6)
    assert per_class[0] == pytest.approx(per_class[1])
    assert measure_pair(**data, n_classes=3, seed=0) == measure_pair(**data, n_classes=3, seed=0)
    assert measure_pair(**data, n_classes=3, seed=0) != measure_pair(**data, n_classes=3, seed=1)


def test_sparse_counts_give_what_dense_ones_give():
    data = domains(width=40)
    data["xs_ND"], data["xt_MD"] = np.maximum(data["xs_ND"].round(), 0), np.maximum(data["xt_MD"].round(), 0)
    thin = data | {"xs_ND": sparse.csr_matrix(data["xs_ND"]), "xt_MD": sparse.csr_array(data["xt_MD"])}
    assert measure_pair(**data, n_classes=3, seed=0) == measure_pair(**thin, n_classes=3, seed=0)


def test_wide_features_are_measured_whole():
    data = domains(60, 60, width=5000)
    found = measure_pair(**data, n_classes=3, seed=0)
    data["xt_MD"][:, 4900:] += 50
    assert measure_pair(**data, n_classes=3, seed=0)["mean_shift"] > found["mean_shift"]


def test_equal_domains_with_contradicting_labels_are_near_by_features_and_far_by_labels():
    y = np.arange(150) % 3
    xs, xt = (rng(k).normal(size=(150, 6)) + 6 * np.eye(6)[y] for k in (0, 1))
    found = measure_pair(xs, y, xt, (y + 1) % 3, n_classes=3, seed=0)
    assert found["a_distance"] < 0.25
    assert found["mmd_p"] > 0.01
    assert found["oracle_label_shift"] == 0
    assert found["oracle_joint_excess"] > 0.8


def test_a_domain_of_one_example_has_no_distances_that_need_two():
    data = domains(1, 30)
    found = plain(measure_pair(**data, n_classes=3, seed=0))
    missing = {name for name, value in found.items() if value is None}
    assert missing == {
        "a_distance",
        "mmd",
        "mmd_p",
        "coral",
        "oracle_joint_error",
        "oracle_joint_excess",
        "oracle_leep",
        "oracle_class_a_distance",
    }
    assert found["oracle_domain_accuracy_per_class"] == [None] * 3


def test_two_examples_a_domain_are_enough_for_all_but_the_classes():
    found = plain(measure_pair(**domains(2, 2), n_classes=3, seed=0))
    assert [name for name, value in found.items() if value is None] == ["oracle_leep", "oracle_class_a_distance"]


@pytest.mark.parametrize("value", [0.0, 0.1, 1e30])
def test_constant_features_are_no_distance(value):
    data = domains() | {"xs_ND": np.full((40, 4), value), "xt_MD": np.full((30, 4), value)}
    found = plain(measure_pair(**data, n_classes=3, seed=0))
    for name in ("a_distance", "mmd", "coral", "sliced_wasserstein", "mean_shift", "oracle_h_score"):
        assert found[name] == pytest.approx(0, abs=1e-9)
    assert found["mmd_p"] == 1


@settings(max_examples=60)
@given(n=st.integers(1, 7), m=st.integers(1, 7), width=st.integers(1, 9), n_classes=st.integers(1, 4),
       seed=st.integers(0, 99), digits=st.sampled_from([-1, 0, 3]), scale=st.sampled_from([1e-150, 1.0, 1e150]))  # fmt: skip
def test_small_and_degenerate_inputs_give_finite_numbers_or_none(n, m, width, n_classes, seed, digits, scale):
    draw = rng(seed)
    xs, xt = (scale * draw.normal(size=(k, width)).round(digits) for k in (n, m))
    ys, yt = draw.integers(0, n_classes, n), draw.integers(0, draw.integers(1, n_classes + 1), m)
    p = np.eye(3)[draw.integers(0, 3, m)]
    found = plain(measure_pair(xs, ys, xt, yt, n_classes=n_classes, seed=seed, probabilities_t=p))
    bounds = {"a_distance": 2, "mmd_p": 1, "oracle_label_shift": 1, "oracle_joint_error": 2}
    for name, bound in bounds.items():
        assert found[name] is None or 0 <= found[name] <= bound
    assert found["oracle_leep"] <= 1e-12
    assert -1e-9 <= found["oracle_h_score"] <= n_classes - 1 + 1e-9
    assert len(found["oracle_domain_accuracy_per_class"]) == n_classes


@pytest.mark.parametrize(
    "broken",
    [{"xs_ND": np.full((40, 5), np.nan)}, {"xt_MD": np.ones((30, 4))}, {"ys_N": np.full(40, 3)},
     {"yt_M": np.zeros(29, dtype=int)}, {"xt_MD": np.ones((0, 5)), "yt_M": np.zeros(0, dtype=int)},
     {"probabilities_t": np.full((29, 2), 0.5)}],
)  # fmt: skip
def test_what_cannot_be_meant_is_refused(broken):
    with pytest.raises(ValueError):
        measure_pair(**(domains() | broken), n_classes=3, seed=0)
