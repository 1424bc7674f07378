import math

import numpy as np
import pytest
import torch

from baselines.cdan import Cdan
from tests.baselines.tiny import C, D, array, network, outputs, slope_at, softmax
from tlbench.errors import TlbenchError
from tlbench.functional.conditional import multilinear_map, random_multilinear_map

DEFAULT = {"weight": 1.0, "gamma": 10.0, "hidden": 6, "entropy": False, "randomised": None}


def make(progress: float = 0.3, **changes) -> Cdan:
    torch.manual_seed(0)
    method = Cdan(**{**DEFAULT, **changes}, network=network()).double()
    method.progress = progress
    return method


def term(method: Cdan, **batch) -> torch.Tensor:
    return method.adaptation_terms(*outputs(**batch))["domain"]


def by_hand(method: Cdan, source, target, entropy: bool) -> float:
    """The term in numpy: flattened products, discriminator, mean of each domain."""
    losses = []
    for out, sign in ((source, -1), (target, 1)):
        f, p = array(out.features), softmax(array(out.logits))
        if method.maps is None:
            h = np.stack([np.outer(a, b).ravel() for a, b in zip(f, p, strict=True)])
        else:
            rf, rg = array(method.maps.map_DK), array(method.maps.map_CK)
            h = np.array(
                [[(a @ rf[:, k]) * (b @ rg[:, k]) for k in range(rf.shape[1])] for a, b in zip(f, p, strict=True)]
            )
            h = h / math.sqrt(rf.shape[1])
        for layer in method.discriminator:
            h = np.maximum(h, 0) if isinstance(layer, torch.nn.ReLU) else h @ array(layer.weight).T + array(layer.bias)
        weights = 1 + np.exp((p * np.log(p)).sum(axis=1)) if entropy else np.ones(len(p))
        losses.append(np.average(np.log1p(np.exp(sign * h[:, 0])), weights=weights))
    return sum(losses) / 2


def test_the_map_by_hand():
    f, p = torch.tensor([[1.0, 2.0], [0.0, -4.0]]), torch.tensor([[0.25, 0.75], [1.0, 0.0]])
    assert multilinear_map(f, p).tolist() == [[0.25, 0.75, 0.5, 1.5], [0.0, 0.0, -4.0, 0.0]]


def test_inner_products_of_maps_are_products_of_inner_products_and_the_random_map_keeps_them_on_average():
    torch.manual_seed(0)
    (f, g), (p, q) = torch.randn(2, 1, D).double(), torch.rand(2, 1, C).double()
    want = (f @ g.T).item() * (p @ q.T).item()
    assert (multilinear_map(f, p) @ multilinear_map(g, q).T).item() == pytest.approx(want)
    k = 200_000
    maps = torch.randn(D, k).double(), torch.randn(C, k).double()
    products = (random_multilinear_map(f, p, *maps) * random_multilinear_map(g, q, *maps)).squeeze() * k
    assert abs(products.mean().item() - want) < 4 * products.std().item() / math.sqrt(k)
    assert abs(want) > 10 * products.std().item() / math.sqrt(k)


@pytest.mark.parametrize("entropy", [False, True])
@pytest.mark.parametrize("randomised", [None, 8])
def test_the_term_in_numpy(entropy, randomised):
    method = make(entropy=entropy, randomised=randomised)
    assert term(method).item() == pytest.approx(by_hand(method, *outputs(), entropy))


def test_examples_may_be_reordered_and_logits_moved():
    method = make(entropy=True)
    source, target = outputs()
    moved = type(target)(target.features.flip(0), target.logits.flip(0) + 7)
    assert method.adaptation_terms(source, moved)["domain"].item() == pytest.approx(term(method).item())


@pytest.mark.parametrize("entropy", [False, True])
@pytest.mark.parametrize("randomised", [None, 8])
def test_the_features_get_the_turned_gradient_and_the_logits_none(entropy, randomised):
    method = make(entropy=entropy, randomised=randomised, weight=2.0)
    source, target = outputs()
    method.adaptation_terms(source, target)["domain"].backward()
    strength = 2 / (1 + math.exp(-3)) - 1
    for out, row, column in ((source, 1, 2), (target, 4, 0)):
        slope = slope_at(out.features, row, column, lambda: by_hand(method, source, target, entropy))
        assert out.features.grad[row, column].item() == pytest.approx(-strength * 2 * slope, rel=1e-4)
        assert out.logits.grad is None


def test_the_discriminator_learns_to_tell_the_domains_apart():
    method = make()
    before = term(method)
    before.backward()
    with torch.no_grad():
        for parameter in method.discriminator.parameters():
            parameter -= 0.01 * parameter.grad
    assert term(method) < before


def test_random_matrices_are_drawn_from_the_seed_kept_and_not_trained():
    one, two = make(randomised=5), make(randomised=5)
    torch.testing.assert_close(one.maps.map_DK, two.maps.map_DK, rtol=0, atol=0)
    assert {"maps.map_DK", "maps.map_CK"} <= one.state_dict().keys()
    assert not any("maps" in name for name, _ in one.named_parameters())
    wide = make(randomised=4000).maps
    assert wide.map_DK.std().item() == pytest.approx(1, abs=0.05)
    assert wide.map_CK.std().item() == pytest.approx(1, abs=0.05)
    assert wide.map_DK.mean().item() == pytest.approx(0, abs=0.05)


def test_every_parameter_counts():
    assert term(make(weight=3.0)).item() == pytest.approx(3 * term(make()).item())
    assert make(hidden=9).discriminator[0].out_features == 9
    for change in ({"entropy": True}, {"randomised": 8}, {"hidden": 9}):
        assert term(make(**change)).item() != pytest.approx(term(make()).item(), rel=1e-6)

    def pull(method: Cdan) -> float:
        source, target = outputs()
        method.adaptation_terms(source, target)["domain"].backward()
        return source.features.grad.norm().item()

    assert pull(make(gamma=1.0)) < pull(make(gamma=10.0))
    assert pull(make(progress=0.0)) == 0
    assert pull(make(progress=0.1)) < pull(make(progress=0.9))


@pytest.mark.parametrize(("key", "allowed", "refused"), [
    ("weight", 0.0, -0.1), ("gamma", 0.1, 0.0), ("hidden", 1, 0), ("randomised", 1, 0), ("randomised", None, 2.5),
    ("randomised", 2, True), ("weight", 1e6, math.nan),
])  # fmt: skip
def test_what_is_out_of_range_is_refused(key, allowed, refused):
    make(**{key: allowed})
    with pytest.raises(TlbenchError, match=f"method.{key}"):
        make(**{key: refused})


def test_with_one_class_the_map_is_the_features():
    f = torch.randn(4, D)
    torch.testing.assert_close(multilinear_map(f, torch.ones(4, 1)), f)


def test_smoothing_moves_the_domain_labels():
    """At 1/2 the term is log 2 or more whatever the discriminator says, and least where it says nothing."""
    batch = outputs()
    plain, smooth, half = (make(smoothing=s).adaptation_terms(*batch)["domain"].item() for s in (0.0, 0.2, 0.5))
    assert plain != smooth
    assert half >= math.log(2)
    with pytest.raises(TlbenchError, match=r"method\.smoothing must be from 0 to 0\.5, got 0\.6"):
        make(smoothing=0.6)
