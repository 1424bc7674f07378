"""Kernels and their units by hand, on points of a line; the sets as their toolkits give them."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from tlbench.functional.kernels import (
    FIVE,
    FIXED,
    MEDIAN,
    SINGLE,
    SUMMED,
    KernelSet,
    bandwidth,
    mean_of_all,
    median_of_source,
    one,
)

XS, XT = torch.tensor([[0.0], [1.0], [3.0]], dtype=torch.float64), torch.tensor([[7.0]], dtype=torch.float64)
# squared distances: 1, 9, 4 within the source, 49, 36, 16 to the target: sum 115 over 6 pairs, or twice that over 16


def test_units_by_hand():
    assert bandwidth(XS, XT).item() == pytest.approx(115 / 6)
    assert mean_of_all(XS, XT).item() == pytest.approx(2 * 115 / 16)
    assert median_of_source(XS, XT).item() == 1  # of 0 0 0 1 1 4 4 9 9
    assert median_of_source(XS[1:], XT).item() == pytest.approx(0, abs=1e-12)  # of 0 0 4 4, the lower one
    assert one(XS, XT).item() == 1


@pytest.mark.parametrize("unit", [bandwidth, mean_of_all, median_of_source, one])
def test_units_have_no_gradient_and_are_above_zero(unit):
    value = unit(XS.clone().requires_grad_(), XT)
    assert not value.requires_grad
    assert unit(XT, XT).item() > 0


def test_values_by_hand():
    near = KernelSet((0.5, 2.0), median_of_source)
    want = np.exp(-np.array([[0, 1, 9], [1, 0, 4], [9, 4, 0]]) / 0.5) / 2
    want = want + np.exp(-np.array([[0, 1, 9], [1, 0, 4], [9, 4, 0]]) / 2) / 2
    np.testing.assert_allclose(near.at(XS, XT).of_all(XS, XS), want)
    np.testing.assert_allclose(replace(near, summed=True).at(XS, XT).of_all(XS, XS), 2 * want)
    np.testing.assert_allclose(near.at(XS, XT).of_rows(XS, XS.roll(-1, 0)), want[[0, 1, 2], [1, 2, 0]])
    assert near.at(XS, XT).of_all(XS, XT).shape == (3, 1)


def test_with_the_root_distances_are_not_squared():
    far = KernelSet((1.0,), lambda xs, xt: xs.new_tensor(4.0), root=True)  # the unit's root is 2
    want = np.exp(-np.array([[0, 1, 3], [1, 0, 2], [3, 2, 0]]) / 2)
    np.testing.assert_allclose(far.at(XS, XT).of_all(XS, XS), want)
    np.testing.assert_allclose(far.at(XS, XT).of_rows(XS, XS.roll(-1, 0)), want[[0, 1, 2], [1, 2, 0]])


@pytest.mark.parametrize("kernels", [FIVE, FIXED, MEDIAN])
def test_gradients_are_right_and_finite_where_points_are_equal(kernels):
    x, y = (torch.randn(4, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(i)) for i in (0, 1))
    kernel = kernels.at(x, y)
    assert torch.autograd.gradcheck(kernel.of_all, (x.requires_grad_(), y.requires_grad_()))
    assert torch.autograd.gradcheck(kernel.of_rows, (x, y))
    for value in (kernel.of_all(x, x), kernel.of_rows(x, x)):
        assert torch.isfinite(torch.autograd.grad(value.sum(), x)[0]).all()


def test_in_single_precision_an_example_is_at_no_distance_from_itself():
    x = 100 + torch.randn(40, 64, generator=torch.Generator().manual_seed(0))
    assert MEDIAN.at(x, x).of_all(x, x).diagonal().eq(33).all()


def test_the_sets_are_those_of_their_toolkits():
    np.testing.assert_allclose(FIVE.scales, [2 * 2.0**k for k in range(-3, 2)])
    np.testing.assert_allclose(SUMMED.scales, [2 * 2.0**k for k in range(-3, 2)])  # 2 sigma^2 = 2 alpha * mean
    np.testing.assert_allclose(FIXED.scales, 1 / np.array([0.001, 0.01, 0.1, 1, 10, 100, 1000]))
    np.testing.assert_allclose(MEDIAN.scales, [2 ** (-8) * 2 ** (i * 1 / 2) for i in range(33)])
    assert SINGLE.scales == (1.0,)
