import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import ortho_group

from tlbench.transfer.distances import coral_distance, mean_shift, mmd, proxy_a_distance, sliced_wasserstein
from tlbench.transfer.domain_probe import stratified_folds


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def draw(n: int, width: int = 4, seed: int = 0, **law: float) -> np.ndarray:
    return rng(seed).normal(size=(n, width), **law)


def column(*values: float) -> np.ndarray:
    return np.array(values, dtype=float)[:, None]


# ---- proxy A-distance


def test_a_distance_by_hand():
    # 2 of 10 source examples lie where all 10 target examples lie: err = (0.2 + 0) / 2, so 2 (1 - 0.2)
    xs, xt = column(*[0] * 8, 1, 1), column(*[1] * 10)
    assert proxy_a_distance(xs, xt, rng=rng()) == pytest.approx(1.6)
    assert proxy_a_distance(xs, np.tile(xt, (4, 1)), rng=rng()) == pytest.approx(1.6)  # balanced: sizes do not matter


def test_a_distance_is_near_zero_for_one_distribution_and_two_far_apart():
    near = [proxy_a_distance(draw(150, seed=k), draw(100, seed=50 + k), rng=rng(k)) for k in range(10)]
    assert 0 <= np.mean(near) < 0.15
    assert proxy_a_distance(draw(50), draw(30, loc=20), rng=rng()) == 2


def test_a_distance_of_a_domain_to_itself_is_zero_not_negative():
    x = draw(40)
    assert proxy_a_distance(x, x, rng=rng()) == 0


def test_a_distance_is_small_in_wide_data_without_a_difference():
    found = [proxy_a_distance(draw(60, 600, seed=k), draw(60, 600, seed=50 + k), rng=rng(k)) for k in range(8)]
    assert np.mean(found) < 0.3


def test_a_distance_lies_at_the_bayes_error_of_two_gaussians():
    # means 2 sd apart: err = Phi(-1) = 0.1587, so 2 (1 - 0.3173)
    found = [proxy_a_distance(draw(400, 1, k), draw(400, 1, 50 + k, loc=2), rng=rng(k)) for k in range(5)]
    assert np.mean(found) == pytest.approx(1.365, abs=0.06)


def test_a_distance_does_not_depend_on_scale_or_offset_of_a_column():
    xs, xt = draw(30), draw(40, seed=1, loc=0.5)
    scale, offset = np.array([1e-3, 1, 50, 1e6]), np.array([5, -3, 0, 1e6])
    assert proxy_a_distance(xs, xt, rng=rng()) == proxy_a_distance(xs * scale + offset, xt * scale + offset, rng=rng())


@pytest.mark.parametrize("folds", [2, 5])
def test_a_distance_agrees_with_folds_gone_through_one_by_one(folds):
    xs, xt = draw(23, 3), draw(31, 3, seed=1, loc=0.7)
    x, domain = np.concatenate([xs, xt]), np.repeat([0, 1], [23, 31])
    x = (x - x.mean(axis=0)) / x.std(axis=0)
    fold, wrong = stratified_folds(domain, folds, rng(4)), np.zeros(54)
    for i in range(54):
        train = fold != fold[i]
        weight = np.array([0.5 / (23 if d == 0 else 31) for d in domain[train]])
        weight /= weight.sum()
        mean = (weight[:, None] * x[train]).sum(axis=0)
        spread = sum(w * np.sum((row - mean) ** 2) for w, row in zip(weight, x[train], strict=True))
        design = np.column_stack([np.ones(train.sum()), x[train]])
        penalty = np.diag([0.0, *[spread / train.sum()] * 3])
        coef = np.linalg.inv(design.T @ np.diag(weight) @ design + penalty) @ design.T @ (weight * domain[train])
        wrong[i] = (coef @ [1, *x[i]] > 0.5) != domain[i]
    want = 2 * (1 - (wrong[:23].mean() + wrong[23:].mean()))
    assert proxy_a_distance(xs, xt, rng=rng(4), folds=folds) == pytest.approx(want)


# ---- MMD


def test_mmd_by_hand():
    # squared distances of 0, 1, 3, 3 are 0, 1, 4, 4, 9, 9: median 4, so k = exp(-d^2 / 8)
    found, _ = mmd(column(0, 1), column(3, 3), rng=rng())
    assert found == pytest.approx(np.exp(-1 / 8) + 1 - (np.exp(-9 / 8) + np.exp(-1 / 2)))


def test_mmd_falls_back_on_the_mean_distance_where_most_examples_coincide():
    # 10 of 21 pairs lie 1 apart: k = exp(-(21 / 10)^2 / 2) off the coincidences
    found, _ = mmd(column(0, 0, 1), column(0, 0, 0, 1), rng=rng())
    assert found == pytest.approx(-(1 - np.exp(-(2.1**2) / 2)) / 3)


def loops_mmd2(xs: np.ndarray, xt: np.ndarray) -> float:
    x = [*xs, *xt]
    h2 = np.median([np.sum((a - b) ** 2) for a, b in itertools.combinations(x, 2)])

    def mean_kernel(pairs):
        return np.mean([np.exp(-np.sum((a - b) ** 2) / (2 * h2)) for a, b in pairs])

    within = mean_kernel(itertools.combinations(xs, 2)) + mean_kernel(itertools.combinations(xt, 2))
    return within - 2 * mean_kernel(itertools.product(xs, xt))


def test_mmd_agrees_with_loops_for_domains_of_unequal_size():
    xs, xt = draw(7) + 1e6, draw(12, seed=1, loc=0.4) + 1e6
    assert mmd(xs, xt, rng=rng())[0] == pytest.approx(loops_mmd2(xs, xt))


def test_the_p_value_of_mmd_is_the_share_of_splits_that_reach_it():
    x = column(0.0, 0.3, 1.1, 1.5, 4.0, 5.0)
    value = loops_mmd2(x[[0, 3]], x[[1, 2, 4, 5]])
    splits = [loops_mmd2(x[list(s)], np.delete(x, s, axis=0)) for s in itertools.combinations(range(6), 2)]
    exact = np.mean(np.array(splits) >= value - 1e-12)
    assert 0.2 < exact < 0.9
    assert mmd(x[[0, 3]], x[[1, 2, 4, 5]], rng=rng(), permutations=5000)[1] == pytest.approx(exact, abs=0.02)


def test_p_values_of_mmd_are_uniform_where_the_domains_are_equal():
    p = np.array([mmd(draw(9, 2, k), draw(12, 2, 1000 + k), rng=rng(k), permutations=99)[1] for k in range(300)])
    for level in (0.1, 0.25, 0.5, 0.75, 0.9):
        assert (p <= level).mean() == pytest.approx(level, abs=3 * (level * (1 - level) / 300) ** 0.5)


def test_p_values_of_mmd_are_never_zero_and_reach_one_when_nothing_differs():
    assert mmd(draw(20), draw(20, loc=30), rng=rng(), permutations=49)[1] == pytest.approx(1 / 50)
    assert mmd(np.full((4, 2), 0.1), np.full((3, 2), 0.1), rng=rng()) == (pytest.approx(0), 1)


def test_mmd_is_unbiased_for_equal_domains():
    found = [mmd(draw(8, 2, k), draw(8, 2, 1000 + k), rng=rng(), permutations=1)[0] for k in range(400)]
    assert abs(np.mean(found)) < 3 * np.std(found) / 400**0.5  # the biased estimate is off by about 0.1
    assert np.min(found) < -0.05


def test_mmd_does_not_depend_on_order_rotation_scale_or_which_domain_comes_first():
    xs, xt = draw(15), draw(20, seed=1, loc=0.5)
    turn = ortho_group.rvs(4, random_state=0)
    want = mmd(xs, xt, rng=rng())[0]
    for a, b in ((xs[::-1], xt), (xs @ turn, xt @ turn), (7 * xs - 3, 7 * xt - 3), (xt, xs)):
        assert mmd(a, b, rng=rng())[0] == pytest.approx(want)


# ---- CORAL


def test_coral_by_hand():
    # (a, -a) has variance 2 a^2: (2 * 4 - 2 * 1)^2 / 4
    assert coral_distance(column(2, -2), column(1, -1)) == pytest.approx(9)


@pytest.mark.parametrize("width", [3, 40])
def test_coral_agrees_with_covariances_written_out_and_ignores_the_means(width):
    xs, xt = draw(7, width), 2 * draw(11, width, seed=1)
    apart = np.zeros((width, width))
    for x, sign in ((xs, 1), (xt, -1)):
        for row in x:
            apart += sign * np.outer(row - x.mean(axis=0), row - x.mean(axis=0)) / (len(x) - 1)
    assert coral_distance(xs + 5, xt - 2) == pytest.approx((apart**2).sum() / (4 * width**2))


def test_coral_grows_with_the_fourth_power_of_the_scale_and_is_zero_for_equal_covariances():
    xs, xt = draw(9), draw(12, seed=1)
    assert coral_distance(3 * xs, 3 * xt) == pytest.approx(81 * coral_distance(xs, xt))
    assert 0 <= coral_distance(xs, -xs + 4) < 1e-15
    turn = ortho_group.rvs(4, random_state=0)
    assert coral_distance(xs @ turn, xt @ turn) == pytest.approx(coral_distance(xs, xt)) == coral_distance(xt, xs)


# ---- sliced Wasserstein and the shift of the mean


def test_sliced_wasserstein_of_one_feature_by_hand():
    # quantiles 0, 1 against 0, 0, 3: 0 up to 1/2, 1 up to 2/3, 4 up to 1, so 1/6 + 4/3
    assert sliced_wasserstein(column(1, 0), column(3, 0, 0), rng=rng()) == pytest.approx(1.5**0.5)


@given(st.lists(st.floats(-9, 9), min_size=1, max_size=7), st.lists(st.floats(-9, 9), min_size=1, max_size=7))
def test_sliced_wasserstein_of_one_feature_equals_that_of_repeated_examples(xs, xt):
    apart = np.sort(np.repeat(xs, len(xt))) - np.sort(np.repeat(xt, len(xs)))
    want = np.sqrt(np.mean(apart**2))
    assert sliced_wasserstein(column(*xs), column(*xt), rng=rng()) == pytest.approx(want, abs=1e-9)


def test_sliced_wasserstein_averages_the_squares_over_unit_directions():
    xs, xt = draw(6, 3), draw(6, 3, seed=1, loc=1)
    directions = rng(5).standard_normal((3, 20)).T
    squares = []
    for direction in directions:
        unit = direction / np.sqrt(np.sum(direction**2))
        squares.append(np.mean((np.sort([x @ unit for x in xs]) - np.sort([x @ unit for x in xt])) ** 2))
    assert sliced_wasserstein(xs, xt, rng=rng(5), projections=20) == pytest.approx(np.sqrt(np.mean(squares)))


def test_a_shift_by_v_moves_sliced_wasserstein_by_v_over_root_d():
    x, v = draw(50, 9), np.array([3.0, *[0.0] * 8])
    assert sliced_wasserstein(x, x + v, rng=rng(), projections=4000) == pytest.approx(3 / 9**0.5, rel=0.05)
    assert sliced_wasserstein(x, np.repeat(x, 3, axis=0), rng=rng()) == pytest.approx(0, abs=1e-12)


def test_sliced_wasserstein_scales_and_does_not_depend_on_order_or_much_on_rotation():
    xs, xt = draw(30), draw(20, seed=1, loc=[2, 0, 0, 0])
    want = sliced_wasserstein(xs, xt, rng=rng(), projections=4000)
    turn = ortho_group.rvs(4, random_state=1)
    assert sliced_wasserstein(xs @ turn, xt @ turn, rng=rng(), projections=4000) == pytest.approx(want, rel=0.05)
    assert sliced_wasserstein(-5 * xs[::-1], -5 * xt, rng=rng(), projections=4000) == pytest.approx(5 * want)
    assert sliced_wasserstein(xt, xs, rng=rng(), projections=4000) == pytest.approx(want)


def test_mean_shift_by_hand():
    # means differ by 3 and 4: sqrt((9 + 16) / 2)
    assert mean_shift([[0, 0], [2, 2]], [[4, 5]]) == pytest.approx((25 / 2) ** 0.5)


# ---- refusals


@pytest.mark.parametrize(
    "measure",
    [lambda a, b: proxy_a_distance(a, b, rng=rng()), lambda a, b: mmd(a, b, rng=rng()), coral_distance],
    ids=["a_distance", "mmd", "coral"],
)
def test_one_example_in_a_domain_is_refused_and_two_are_not(measure):
    assert np.isfinite(measure(draw(2), draw(2, seed=1))).all()
    for xs, xt in ((draw(1), draw(2)), (draw(2), draw(1))):
        with pytest.raises(ValueError, match="2 or more"):
            measure(xs, xt)


@pytest.mark.parametrize("measure", [mean_shift, lambda a, b: sliced_wasserstein(a, b, rng=rng())])
def test_widths_that_differ_are_refused(measure):
    assert measure(draw(1), draw(1)) == 0
    with pytest.raises(ValueError, match=r"\(1, 4\).*\(1, 3\)"):
        measure(draw(1), draw(1, 3))


def test_nothing_to_draw_is_refused():
    with pytest.raises(ValueError, match="got 1"):
        proxy_a_distance(draw(5), draw(5), rng=rng(), folds=1)
    with pytest.raises(ValueError, match="got 0"):
        mmd(draw(5), draw(5), rng=rng(), permutations=0)
    with pytest.raises(ValueError, match="got 0"):
        sliced_wasserstein(draw(5), draw(5), rng=rng(), projections=0)
