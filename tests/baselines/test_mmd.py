import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from baselines.mmd import linear_mmd, unbiased_mmd
from tlbench.functional.kernels import bandwidth, kernel, squared_distances

SCALES = [0.25, 0.5, 1.0, 2.0, 4.0]


def draw(n: int, seed: int = 0, shift: float = 0.0) -> torch.Tensor:
    return torch.randn(n, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(seed)) + shift


def reference_kernel(x, y, width, scales):
    return np.mean([math.exp(-sum((a - b) ** 2 for a, b in zip(x, y, strict=True)) / (s * width)) for s in scales])


def reference_width(xs, xt):
    pooled = [*xs, *xt]
    pairs = [(a, b) for i, a in enumerate(pooled) for j, b in enumerate(pooled) if i != j]
    return np.mean([sum((p - q) ** 2 for p, q in zip(a, b, strict=True)) for a, b in pairs])


def test_unbiased_estimate_by_loops():
    xs, xt = draw(4).numpy(), draw(6, 1, 0.5).numpy()
    width = reference_width(xs, xt)

    def k(x, y):
        return reference_kernel(x, y, width, SCALES)

    within_s = np.mean([k(xs[i], xs[j]) for i in range(4) for j in range(4) if i != j])
    within_t = np.mean([k(xt[i], xt[j]) for i in range(6) for j in range(6) if i != j])
    across = np.mean([k(a, b) for a in xs for b in xt])
    got = unbiased_mmd(torch.from_numpy(xs), torch.from_numpy(xt), SCALES).item()
    assert got == pytest.approx(within_s + within_t - 2 * across, rel=1e-10)


def test_linear_estimate_by_hand():
    # one quadruple: k(s1, s2) + k(t1, t2) - k(s1, t2) - k(s2, t1), squared distances 1, 9, 25, 4; mean over 12 pairs
    xs, xt = torch.tensor([[0.0], [1.0]]), torch.tensor([[2.0 + 0.0], [5.0]])
    width = 2 * (1 + 4 + 25 + 1 + 16 + 9) / 12
    want = sum(sign * math.exp(-d / width) for sign, d in ((1, 1), (1, 9), (-1, 25), (-1, 1)))
    assert linear_mmd(xs, xt, [1.0]).item() == pytest.approx(want, rel=1e-5)


def test_the_estimate_is_unbiased_where_a_biased_one_is_not():
    # same distribution: the mean over many draws is near zero; with the diagonal left in it would be near 2 / 8
    values = [unbiased_mmd(draw(8, 2 * i), draw(8, 2 * i + 1), [1.0]).item() for i in range(400)]
    assert abs(np.mean(values)) < 4 * np.std(values) / 20
    assert min(values) < 0


@given(st.integers(0, 50))
def test_domains_may_be_exchanged_and_examples_reordered_scaled_and_moved(seed):
    xs, xt = draw(5, seed), draw(7, seed + 100, 1.0)
    value = unbiased_mmd(xs, xt, SCALES).item()
    assert unbiased_mmd(xt, xs, SCALES).item() == pytest.approx(value)
    assert unbiased_mmd(xs.flip(0), xt, SCALES).item() == pytest.approx(value)
    assert unbiased_mmd(3 * xs + 7, 3 * xt + 7, SCALES).item() == pytest.approx(value)  # the bandwidth follows


@pytest.mark.parametrize("estimate", [unbiased_mmd, linear_mmd])
def test_gradient_reaches_both_domains_and_takes_the_bandwidth_as_fixed(estimate):
    xs, xt = draw(6).requires_grad_(), draw(6, 1, 1.0).requires_grad_()
    width = bandwidth(xs, xt)
    assert not width.requires_grad
    estimate(xs, xt, SCALES).backward()
    step = 1e-6 * xs.grad

    def at_fixed_width(x):  # scales in units of a bandwidth that changes with x: undo it
        return estimate(x, xt, [s * (width / bandwidth(x, xt)).item() for s in SCALES]).item()

    moved = at_fixed_width((xs + step).detach()) - at_fixed_width((xs - step).detach())
    assert moved == pytest.approx(2e-6 * xs.grad.square().sum().item(), rel=1e-4)
    assert xt.grad.abs().sum() > 0


def test_every_scale_counts():
    xs, xt = draw(6), draw(6, 1, 1.0)
    assert unbiased_mmd(xs, xt, [1.0]).item() != pytest.approx(unbiased_mmd(xs, xt, [2.0]).item())
    d, width = squared_distances(xs, xt), bandwidth(xs, xt)
    pair = (kernel(d, width, [1.0]) + kernel(d, width, [2.0])) / 2
    torch.testing.assert_close(kernel(d, width, [1.0, 2.0]), pair)


def test_equal_points_leave_finite_values_and_gradients():
    xs, xt = torch.ones(3, 2, requires_grad=True), torch.ones(4, 2)
    value = unbiased_mmd(xs, xt, SCALES)
    value.backward()
    assert value.item() == pytest.approx(0)
    assert torch.isfinite(xs.grad).all()


def test_two_samples_are_enough_and_one_is_refused():
    unbiased_mmd(draw(2), draw(2, 1), SCALES)
    for estimate in (unbiased_mmd, linear_mmd):
        with pytest.raises(ValueError, match="two or more samples"):
            estimate(draw(1), draw(2), SCALES)
