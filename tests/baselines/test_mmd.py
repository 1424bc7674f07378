import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from baselines.mmd import VARIANTS, Mmd
from tlbench.backbones.small import Identity
from tlbench.classifiers.head import Head
from tlbench.classifiers.network import Network
from tlbench.errors import TlbenchError
from tlbench.functional.kernels import FIVE, SINGLE, bandwidth, kernel, squared_distances
from tlbench.functional.mmd_estimates import ESTIMATORS, biased_mmd, cyclic_mmd, linear_mmd, unbiased_mmd
from tlbench.method import SourceOutput, TargetOutput

SCALES = [0.25, 0.5, 1.0, 2.0, 4.0]


def draw(n: int, seed: int = 0, shift: float = 0.0) -> torch.Tensor:
    return torch.randn(n, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(seed)) + shift


def estimated(estimate, xs, xt, scales=SCALES, kernels=FIVE):
    return estimate(replace(kernels, scales=tuple(scales)).at(xs, xt), xs, xt)


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
    got = estimated(unbiased_mmd, torch.from_numpy(xs), torch.from_numpy(xt), SCALES).item()
    assert got == pytest.approx(within_s + within_t - 2 * across, rel=1e-10)


def test_linear_estimate_by_hand():
    # one quadruple: k(s1, s2) + k(t1, t2) - k(s1, t2) - k(s2, t1), squared distances 1, 9, 25, 4; mean over 12 pairs
    xs, xt = torch.tensor([[0.0], [1.0]]), torch.tensor([[2.0 + 0.0], [5.0]])
    width = 2 * (1 + 4 + 25 + 1 + 16 + 9) / 12
    want = sum(sign * math.exp(-d / width) for sign, d in ((1, 1), (1, 9), (-1, 25), (-1, 1)))
    assert estimated(linear_mmd, xs, xt, [1.0]).item() == pytest.approx(want, rel=1e-5)


def test_the_estimate_is_unbiased_where_a_biased_one_is_not():
    # same distribution: the mean over many draws is near zero; with the diagonal left in it would be near 2 / 8
    values = [estimated(unbiased_mmd, draw(8, 2 * i), draw(8, 2 * i + 1), [1.0]).item() for i in range(400)]
    assert abs(np.mean(values)) < 4 * np.std(values) / 20
    assert min(values) < 0


@given(st.integers(0, 50))
def test_domains_may_be_exchanged_and_examples_reordered_scaled_and_moved(seed):
    xs, xt = draw(5, seed), draw(7, seed + 100, 1.0)
    value = estimated(unbiased_mmd, xs, xt, SCALES).item()
    assert estimated(unbiased_mmd, xt, xs, SCALES).item() == pytest.approx(value)
    assert estimated(unbiased_mmd, xs.flip(0), xt, SCALES).item() == pytest.approx(value)
    assert estimated(unbiased_mmd, 3 * xs + 7, 3 * xt + 7, SCALES).item() == pytest.approx(
        value
    )  # the bandwidth follows


@pytest.mark.parametrize("estimate", ESTIMATORS.values())
def test_gradient_reaches_both_domains_and_takes_the_bandwidth_as_fixed(estimate):
    xs, xt = draw(6).requires_grad_(), draw(6, 1, 1.0).requires_grad_()
    width = bandwidth(xs, xt)
    assert not width.requires_grad
    estimated(estimate, xs, xt, SCALES).backward()
    step = 1e-6 * xs.grad

    def at_fixed_width(x):  # scales in units of a bandwidth that changes with x: undo it
        return estimated(estimate, x, xt, [s * (width / bandwidth(x, xt)).item() for s in SCALES]).item()

    moved = at_fixed_width((xs + step).detach()) - at_fixed_width((xs - step).detach())
    assert moved == pytest.approx(2e-6 * xs.grad.square().sum().item(), rel=1e-4)
    assert xt.grad.abs().sum() > 0


def test_every_scale_counts():
    xs, xt = draw(6), draw(6, 1, 1.0)
    assert estimated(unbiased_mmd, xs, xt, [1.0]).item() != pytest.approx(estimated(unbiased_mmd, xs, xt, [2.0]).item())
    d, width = squared_distances(xs, xt), bandwidth(xs, xt)
    pair = (kernel(d, width, [1.0]) + kernel(d, width, [2.0])) / 2
    torch.testing.assert_close(kernel(d, width, [1.0, 2.0]), pair)


def test_equal_points_leave_finite_values_and_gradients():
    xs, xt = torch.ones(3, 2, requires_grad=True), torch.ones(4, 2)
    value = estimated(unbiased_mmd, xs, xt, SCALES)
    value.backward()
    assert value.item() == pytest.approx(0)
    assert torch.isfinite(xs.grad).all()


def test_two_samples_are_enough_and_one_is_refused():
    for estimate in ESTIMATORS.values():
        estimated(estimate, draw(2), draw(2, 1), SCALES)
        with pytest.raises(ValueError, match="two or more samples"):
            estimated(estimate, draw(1), draw(2), SCALES)


def test_biased_and_cyclic_estimates_by_hand():
    # squared distances 1, 9, 4 within the source 0, 1, 3; one target point thrice, 16, 9 and 1 away
    xs, xt = torch.tensor([[0.0], [1.0], [3.0]]), torch.full((3, 1), 4.0)
    e = {d: math.exp(-d) for d in (1, 4, 9, 16)}
    within, across = (3 + 2 * (e[1] + e[9] + e[4])) / 9, (e[16] + e[9] + e[1]) / 3
    assert estimated(biased_mmd, xs, xt, [1.0], SINGLE).item() == pytest.approx(within + 1 - 2 * across)
    cycle = (e[1] + e[4] + e[9]) / 3 + 1 - 2 * across
    assert estimated(cyclic_mmd, xs, xt, [1.0], SINGLE).item() == pytest.approx(cycle)


@pytest.mark.parametrize("estimate", ESTIMATORS.values())
@pytest.mark.parametrize("kernels", [kernels for kernels, _ in VARIANTS.values()])
def test_gradients_of_all_estimates_with_all_kernels(estimate, kernels):
    xs, xt = draw(5).requires_grad_(), draw(4, 1, 1.0).requires_grad_()
    kernel = kernels.at(xs, xt)
    assert torch.autograd.gradcheck(lambda s, t: estimate(kernel, s, t), (xs, xt))


# The losses named MMD or DAN, written again from each toolkit's definition, in plain numpy. x and y: rows of the domains.


def square(x, y):
    return ((x[:, None] - y[None]) ** 2).sum(axis=-1)


def v_statistic(k, x, y):
    return k(x, x).mean() + k(y, y).mean() - 2 * k(x, y).mean()


def of_tllib(x, y):  # for batches of one size; there a constant 2 / (n - 1) is added
    n, d = len(x), square(np.concatenate([x, y]), np.concatenate([x, y]))
    k = sum(np.exp(-d / (2 * 2.0**power * d.mean())) for power in range(-3, 2))
    pairs = [(i, (i + 1) % n) for i in range(n)]
    return sum(k[i, j] + k[n + i, n + j] - k[i, n + j] - k[j, n + i] for i, j in pairs) / n


def of_domainbed(x, y):
    return v_statistic(lambda a, b: sum(np.exp(-g * square(a, b)) for g in (0.001, 0.01, 0.1, 1, 10, 100, 1000)), x, y)


def of_pytorch_adapt(x, y):
    width = np.sort(square(x, x), axis=None)[(len(x) ** 2 - 1) // 2]
    s, t = np.arange(0, len(x) - 1, 2), np.arange(1, len(x), 2)

    def k(a, b):
        return np.exp(-((a - b) ** 2).sum(axis=1) / width)

    return (k(x[s], x[t]) + k(y[s], y[t]) - k(x[s], y[t]) - k(x[t], y[s])).mean()


def of_skada(x, y):
    median = np.sort(np.sqrt(square(x, x)), axis=None)[(len(x) ** 2 - 1) // 2]
    return v_statistic(
        lambda a, b: sum(np.exp(-np.sqrt(square(a, b)) / (2 ** (i / 2 - 8) * median)) for i in range(33)), x, y
    )


def of_dan_here(x, y):
    pooled = np.concatenate([x, y])
    width = square(pooled, pooled).sum() / (len(pooled) * (len(pooled) - 1))
    k = np.mean([np.exp(-square(pooled, pooled) / (s * width)) for s in SCALES], axis=0)
    n, m = len(x), len(y)
    within = (k[:n, :n].sum() - n) / (n * (n - 1)) + (k[n:, n:].sum() - m) / (m * (m - 1))
    return within - 2 * k[:n, n:].mean()


def of_pykale(x, y):
    pooled = np.concatenate([x, y])
    width = square(pooled, pooled).sum() / (len(pooled) ** 2 - len(pooled)) / 2.0 ** (5 // 2)
    return v_statistic(lambda a, b: sum(np.exp(-square(a, b) / (width * 2.0**i)) for i in range(5)), x, y)


def method(**changed) -> Mmd:
    head = Head(in_dim=3, n_classes=2, bottleneck=0, dropout=0.0)
    return Mmd(network=Network(Identity(input_shape=(3,)), head), **({"weight": 1.0} | changed))


def term(xs, xt, **changed) -> float:
    source, target = SourceOutput(xs, xs[:, :2], torch.zeros(len(xs))), TargetOutput(xt, xt[:, :2])
    (value,) = method(**changed).adaptation_terms(source, target).values()
    return value.item()


@pytest.mark.parametrize(
    ("variant", "reference"),
    [("five", of_dan_here), ("summed", of_tllib), ("fixed", of_domainbed), ("single", of_pytorch_adapt),
     ("median", of_skada)],
)  # fmt: skip
def test_each_variant_is_the_loss_of_its_toolkit(variant, reference):
    xs, xt = draw(6), draw(6, 1, 0.7)
    paired = (
        [0, 3, 1, 4, 2, 5] if variant == "single" else list(range(6))
    )  # there neighbours are pairs, here the halves
    want = reference(xs.numpy()[paired], xt.numpy()[paired])
    assert term(xs, xt, variant=variant) == pytest.approx(want, rel=1e-9)
    assert term(xs, xt, variant=variant, weight=0.5) == pytest.approx(0.5 * want, rel=1e-9)


def test_pykale_is_five_times_the_biased_estimate():
    xs, xt = draw(6), draw(4, 1, 0.7)
    assert 5 * term(xs, xt, estimator="biased") == pytest.approx(of_pykale(xs.numpy(), xt.numpy()), rel=1e-9)


@pytest.mark.parametrize("variant", VARIANTS)
def test_scales_and_estimator_take_the_place_of_the_variants_own(variant):
    xs, xt = draw(6), draw(5, 1, 0.7)
    kernels, own = VARIANTS[variant]
    for name, estimate in ESTIMATORS.items():
        assert term(xs, xt, variant=variant, estimator=name) == pytest.approx(
            estimate(kernels.at(xs, xt), xs, xt).item()
        )
    other = estimated(ESTIMATORS[own], xs, xt, [0.7, 3], kernels).item()
    assert term(xs, xt, variant=variant, scales=[0.7, 3]) == pytest.approx(other)
    assert term(xs, xt, variant=variant) != pytest.approx(other)


@pytest.mark.parametrize("variant", VARIANTS)
def test_equal_points_leave_finite_terms_and_gradients_with_all_variants(variant):
    xs = torch.ones(4, 3, requires_grad=True)
    source, target = SourceOutput(xs, xs[:, :2], torch.zeros(4)), TargetOutput(torch.ones(4, 3), torch.ones(4, 2))
    (value,) = method(variant=variant).adaptation_terms(source, target).values()
    value.backward()
    assert value.item() == pytest.approx(0, abs=1e-5)
    assert torch.isfinite(xs.grad).all()


def test_values_out_of_range_are_refused():
    method(weight=0.0, scales=[0.1], estimator="linear")
    with pytest.raises(TlbenchError, match=r"Unknown variant 'fve'\. Did you mean 'five'"):
        method(variant="fve")
    with pytest.raises(TlbenchError, match=r"Unknown estimator 'linea'\. Did you mean 'linear'"):
        method(estimator="linea")
    for changed in ({"weight": -0.1}, {"scales": []}, {"scales": [1.0, 0.0]}):
        with pytest.raises(TlbenchError, match=r"method\.weight must be >= 0 and method\.scales > 0"):
            method(**changed)
