import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from baselines.jan import Jan, biased_jmmd, linear_jmmd, unbiased_jmmd
from tests.baselines.tiny import array, network, outputs, softmax
from tlbench.errors import TlbenchError
from tlbench.functional.kernels import bandwidth

SCALES = [0.25, 0.5, 1.0, 2.0, 4.0]
ESTIMATES = [biased_jmmd, unbiased_jmmd, linear_jmmd]


def draw(n: int, seed: int = 0, shift: float = 0.0) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    features = torch.randn(n, 3, dtype=torch.float64, generator=generator) + shift
    return features, (2 * torch.randn(n, 4, dtype=torch.float64, generator=generator)).softmax(dim=1)


def make(**changes) -> Jan:
    given_values = {"weight": 1.0, "scales": SCALES, "sigma": 0.92, "estimator": "biased", **changes}
    return Jan(**given_values, network=network())


def squared(a, b) -> float:
    return sum((p - q) ** 2 for p, q in zip(a, b, strict=True))


def reference_width(xs, xt) -> float:
    pooled = [*xs, *xt]
    return np.mean([squared(a, b) for i, a in enumerate(pooled) for j, b in enumerate(pooled) if i != j])


def by_loops(source, target, scales, sigma, itself=True) -> float:
    width = reference_width(source[0], target[0])

    def mean(one, other) -> float:
        values = []
        for i, (x, p) in enumerate(zip(*one, strict=True)):
            for j, (y, q) in enumerate(zip(*other, strict=True)):
                if one is not other or i != j or itself:
                    features = np.mean([math.exp(-squared(x, y) / (s * width)) for s in scales])
                    values.append(features * math.exp(-squared(p, q) / (2 * sigma**2)))
        return np.mean(values)

    return mean(source, source) + mean(target, target) - 2 * mean(source, target)


@pytest.mark.parametrize("sigma", [0.3, 0.92])
def test_biased_estimate_by_loops(sigma):
    source, target = draw(4), draw(6, 1, 0.5)
    want = by_loops([array(x) for x in source], [array(x) for x in target], SCALES, sigma)
    assert biased_jmmd(source, target, SCALES, sigma).item() == pytest.approx(want, rel=1e-10)


@pytest.mark.parametrize("sigma", [0.3, 0.92])
def test_unbiased_estimate_by_loops(sigma):
    source, target = draw(4), draw(6, 1, 0.5)
    want = by_loops([array(x) for x in source], [array(x) for x in target], SCALES, sigma, itself=False)
    assert unbiased_jmmd(source, target, SCALES, sigma).item() == pytest.approx(want, rel=1e-10)


def test_unbiased_estimate_is_tllibs_form_of_it():
    """One weight for each pooled pair, 1 / (n (n - 1)), 0 on the diagonal and -1 / n^2 across; five kernels added up there."""
    n, (source, target) = 5, (draw(5), draw(5, 1, 0.5))
    x, p = (np.concatenate([array(a), array(b)]) for a, b in zip(source, target, strict=True))
    weights = np.kron(np.eye(2), (np.ones((n, n)) - np.eye(n)) / (n * (n - 1))) - np.kron(
        1 - np.eye(2), np.ones((n, n)) / n**2
    )
    far, apart = (((a[:, None] - a[None]) ** 2).sum(axis=2) for a in (x, p))
    width = far.sum() / (2 * n * (2 * n - 1))
    kernels = sum(np.exp(-far / (s * width)) for s in SCALES) * np.exp(-apart / (2 * 0.92**2))
    assert 5 * unbiased_jmmd(source, target, SCALES, 0.92).item() == pytest.approx((weights * kernels).sum(), rel=1e-10)


def test_the_unbiased_estimate_by_hand_and_its_mean_for_equal_distributions():
    # features 0 and 1 in both domains, predictions alike, mean squared distance 2 / 3: the pair within each has e^-1.5; of
    # the four across two have 1 and two e^-1.5
    x, p = torch.tensor([[0.0], [1.0]], dtype=torch.float64), torch.ones(2, 1, dtype=torch.float64)
    want = 2 * math.exp(-1.5) - (1 + math.exp(-1.5))
    assert unbiased_jmmd((x, p), (x, p), [1.0], 0.92).item() == pytest.approx(want, rel=1e-9)
    values = [
        [estimate(draw(8, i), draw(8, 1000 + i), SCALES, 0.92).item() for i in range(400)] for estimate in ESTIMATES[:2]
    ]
    biased, unbiased = np.mean(values, axis=1)
    assert abs(unbiased) < 4 * np.std(values[1]) / 20
    assert biased > 0.1


def test_domains_of_equal_margins_that_differ_jointly():
    """Features and probabilities are alike in both domains, but not together: (1 - a)(1 - b), no sum of kernels sees it."""
    x, p = torch.tensor([[0.0], [1.0]]), torch.eye(2)
    a, b = (
        math.exp(-1 / 0.92**2),
        math.exp(-1 / (2 / 3)),
    )  # |p - q|^2 = 2; the mean squared distance of 0, 1, 0, 1 is 2 / 3
    assert biased_jmmd((x, p), (x, p.flip(0)), [1.0], 0.92).item() == pytest.approx((1 - a) * (1 - b), rel=1e-5)
    assert biased_jmmd((x, p), (x, p), [1.0], 0.92).item() == pytest.approx(0, abs=1e-6)


def test_linear_estimate_by_hand_on_two_quadruples_with_an_odd_example_left_over():
    source, target = [array(x) for x in draw(5)], [array(x) for x in draw(4, 1, 0.5)]
    width = reference_width(source[0], target[0])

    def k(one, i, other, j) -> float:
        features = np.mean([math.exp(-squared(one[0][i], other[0][j]) / (s * width)) for s in SCALES])
        return features * math.exp(-squared(one[1][i], other[1][j]) / (2 * 0.92**2))

    want = np.mean(
        [
            k(source, i, source, i + 2)
            + k(target, i, target, i + 2)
            - k(source, i, target, i + 2)
            - k(source, i + 2, target, i)
            for i in range(2)
        ]
    )
    assert linear_jmmd(draw(5), draw(4, 1, 0.5), SCALES, 0.92).item() == pytest.approx(want, rel=1e-10)


def test_a_wide_kernel_of_the_probabilities_leaves_the_features_alone():
    source, target = draw(5), draw(6, 1, 0.5)
    alone = [(x, torch.ones(len(x), 1, dtype=torch.float64)) for x, _ in (source, target)]
    for estimate in ESTIMATES:
        got = estimate(source, target, SCALES, 1e6).item()
        assert got == pytest.approx(estimate(*alone, SCALES, 0.92).item(), abs=1e-9)


@given(st.integers(0, 50))
def test_is_a_squared_distance_blind_to_order_scale_and_place(seed):
    source, target = draw(5, seed), draw(7, seed + 100, 1.0)
    value = biased_jmmd(source, target, SCALES, 0.92).item()
    assert value > 0
    assert biased_jmmd(source, source, SCALES, 0.92).item() == pytest.approx(0, abs=1e-12)
    assert biased_jmmd(target, source, SCALES, 0.92).item() == pytest.approx(value)
    flipped = tuple(x.flip(0) for x in source)
    assert biased_jmmd(flipped, target, SCALES, 0.92).item() == pytest.approx(value)
    (xs, ps), (xt, pt) = source, target
    assert biased_jmmd((3 * xs + 7, ps), (3 * xt + 7, pt), SCALES, 0.92).item() == pytest.approx(value)
    assert biased_jmmd((xs, ps.flip(1)), (xt, pt.flip(1)), SCALES, 0.92).item() == pytest.approx(value)


@pytest.mark.parametrize("estimate", ESTIMATES)
def test_gradient_reaches_both_layers_of_both_domains_and_takes_the_bandwidth_as_fixed(estimate):
    (xs, ps), (xt, pt) = ([x.requires_grad_() for x in draw(6, seed, seed)] for seed in (0, 1))
    width = bandwidth(xs, xt).item()
    assert torch.autograd.gradcheck(lambda p, q: estimate((xs.detach(), p), (xt.detach(), q), SCALES, 0.92), (ps, pt))
    estimate((xs, ps), (xt, pt), SCALES, 0.92).backward()
    step = 1e-6 * xs.grad

    def at_fixed_width(x):  # scales in units of a bandwidth that changes with x: undo it
        return estimate((x, ps), (xt, pt), [s * width / bandwidth(x, xt).item() for s in SCALES], 0.92).item()

    moved = at_fixed_width((xs + step).detach()) - at_fixed_width((xs - step).detach())
    assert moved == pytest.approx(2e-6 * xs.grad.square().sum().item(), rel=1e-4)
    assert all(x.grad.abs().sum() > 0 for x in (xs, ps, xt, pt))


def test_the_term_is_of_features_and_softmax():
    source, target = outputs()
    (value,) = make(weight=0.5).adaptation_terms(source, target).values()
    layers = [(array(out.features), softmax(array(out.logits))) for out in (source, target)]
    assert value.item() == pytest.approx(0.5 * by_loops(*layers, SCALES, 0.92))
    value.backward()
    assert all(x.grad.abs().sum() > 0 for out in (source, target) for x in (out.features, out.logits))


def test_every_parameter_counts():
    def term(**changes) -> float:
        return make(**changes).adaptation_terms(*outputs())["jmmd"].item()

    assert term(weight=2.0) == pytest.approx(2 * term())
    for change in ({"scales": [1.0]}, {"sigma": 0.5}, {"estimator": "linear"}, {"estimator": "unbiased"}):
        assert term(**change) != pytest.approx(term(), rel=1e-3)
    both = (term(scales=[1.0]) + term(scales=[2.0])) / 2
    assert term(scales=[1.0, 2.0]) == pytest.approx(both)


@pytest.mark.parametrize(("key", "allowed", "refused"), [
    ("weight", 0.0, -0.1), ("scales", [1.0], []), ("scales", [0.1, 1.0], [0.0, 1.0]), ("sigma", 0.1, 0.0),
    ("sigma", 1.0, math.nan), ("estimator", "linear", "liner"), ("estimator", "unbiased", "unbiassed"),
])  # fmt: skip
def test_what_is_out_of_range_is_refused(key, allowed, refused):
    make(**{key: allowed})
    with pytest.raises(TlbenchError, match=f"method.{key}"):
        make(**{key: refused})


@pytest.mark.parametrize("estimate", ESTIMATES)
def test_two_samples_are_enough_and_one_is_refused(estimate):
    estimate(draw(2), draw(2, 1), SCALES, 0.92)
    for pair in ((draw(1), draw(2, 1)), (draw(2), draw(1, 1))):
        with pytest.raises(ValueError, match="two or more samples"):
            estimate(*pair, SCALES, 0.92)
