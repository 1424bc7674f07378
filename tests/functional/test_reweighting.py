import numpy as np
import pytest

from tlbench.functional.reweighting import capped, effective_share, flattening, tamed_weights


def test_effective_share_by_hand():
    assert effective_share(np.ones(7)) == pytest.approx(1)
    assert effective_share(np.array([3.0, 1.0])) == pytest.approx(16 / 20)  # 4^2 / (2 * 10)
    assert effective_share(np.array([5.0, 0, 0, 0])) == pytest.approx(1 / 4)


def test_a_cap_by_hand():
    # 6, 1, 1: 3 stands still at 1.5, the others have 1.5 between them
    assert capped(np.array([6.0, 1, 1]), 1.5) == pytest.approx([1.5, 0.75, 0.75])
    assert capped(np.array([1.0, 6, 1]), 9.0) == pytest.approx([3 / 8, 18 / 8, 3 / 8])  # no more than the mean
    # 8, 4, 1, 1 at 1.5: both large ones are cut, 1 is left for two
    assert capped(np.array([8.0, 4, 1, 1]), 1.5) == pytest.approx([1.5, 1.5, 0.5, 0.5])


@pytest.mark.parametrize("seed", range(5))
def test_a_cap_holds_at_a_mean_of_one_and_keeps_the_order(seed):
    weights = np.random.default_rng(seed).lognormal(0, 3, 50)
    got = capped(weights, 4.0)
    assert got.mean() == pytest.approx(1)
    assert got.max() <= 4 + 1e-12
    below = got < 4 - 1e-9
    assert np.ptp(got[below] / weights[below]) < 1e-9  # one factor for all that are not at the cap
    assert (np.diff(got[np.argsort(weights)]) >= 0).all()


def test_one_weight_and_zeros_stay_below_the_cap():
    # cut at 10 and scaled to mean 1 again it would have all the weight, as before
    got, _ = tamed_weights(np.array([5.0] + [0.0] * 99), cap=10.0, min_ess=0.0)
    assert got[0] == pytest.approx(10)
    assert got[1:] == pytest.approx(np.full(99, 90 / 99))


def test_flattening_is_the_least_that_is_needed():
    weights = np.array([9.0, 1.0])
    # (9^g + 1)^2 / (2 (81^g + 1)) at g = 1/2: (3 + 1)^2 / (2 * 10)
    assert flattening(weights, 0.8) == pytest.approx(0.5)
    assert flattening(weights, 100 / 164) == pytest.approx(1)  # that of the weights themselves
    assert flattening(weights, 1.0) == pytest.approx(0, abs=1e-6)
    got, exponent = tamed_weights(weights, cap=10.0, min_ess=0.8)
    assert exponent == pytest.approx(0.5)
    assert got == pytest.approx([1.5, 0.5])


@pytest.mark.parametrize("seed", range(3))
def test_weights_are_within_all_bounds_and_only_their_ratios_count(seed):
    ratio = np.random.default_rng(seed).lognormal(0, 4, 200) * (np.arange(200) % 3 > 0)
    got, exponent = tamed_weights(ratio, cap=8.0, min_ess=0.3)
    assert got.mean() == pytest.approx(1)
    assert got.max() <= 8 + 1e-12
    assert got.min() >= 0.99e-3
    assert effective_share(got) >= 0.3 - 1e-9
    assert 0 < exponent < 1
    np.testing.assert_allclose(tamed_weights(1e-9 * ratio, cap=8.0, min_ess=0.3)[0], got)


def test_even_weights_are_left_alone():
    ratio = np.array([1.0, 2, 3])
    got, exponent = tamed_weights(ratio, cap=10.0, min_ess=0.1)
    assert exponent == 1
    assert got == pytest.approx(ratio / 2)


def test_each_example_keeps_a_thousandth_of_the_mean():
    got, _ = tamed_weights(np.array([1.0, 0.0]), cap=10.0, min_ess=0.0)
    assert got[1] == pytest.approx(1e-3 * 2 / 2.001)  # 2 and 0.001, scaled to mean 1


@pytest.mark.parametrize(
    ("ratio", "cap", "min_ess"),
    [
        ([1.0, -1], 2.0, 0.1),
        ([1.0, np.inf], 2.0, 0.1),
        ([0.0, 0], 2.0, 0.1),
        ([1.0, 2], 1.0, 0.1),
        ([1.0, 2], 2.0, 1.1),
    ],
)
def test_refusals(ratio, cap, min_ess):
    tamed_weights(np.array([1.0, 0]), cap=1.1, min_ess=1.0)
    with pytest.raises(ValueError, match="tamed_weights needs"):
        tamed_weights(np.array(ratio), cap=cap, min_ess=min_ess)
