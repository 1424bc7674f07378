"""BSP: dann or cdan to the bit without its penalty, and the penalty of each domain's features as they are."""

import math

import numpy as np
import pytest
import torch

from baselines.bsp import Bsp
from baselines.cdan import Cdan
from baselines.dann import Dann
from tests.baselines.tiny import array, network, outputs
from tlbench.errors import Refused, TlbenchError
from tlbench.method import SourceOutput, TargetOutput

SHARED = {"weight": 0.8, "gamma": 10.0, "hidden": 6, "smoothing": 0.0}
OF_CDAN = {"entropy": False, "randomised": None}


def made(method, **parameters):
    torch.manual_seed(0)
    found = method(**{**SHARED, **parameters}, network=network()).double()
    found.progress = 0.3
    return found


def make(**changes) -> Bsp:
    return made(Bsp, **{"beta": 0.5, "base": "dann", **OF_CDAN, **changes})


def penalty(method: Bsp, source: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    zeros = torch.zeros(2, 3, dtype=torch.float64)
    labels = torch.zeros(2, dtype=torch.long)
    return method.adaptation_terms(SourceOutput(source, zeros, labels), TargetOutput(target, zeros))["spectral"]


def diagonal(*values: float) -> torch.Tensor:
    return torch.eye(2, 4, dtype=torch.float64) * torch.tensor([[v] for v in values], dtype=torch.float64)


def test_the_penalty_by_hand():
    # diag(3, 1) and diag(1, 2) have largest singular values 3 and 2: 9 + 4. Stacked, the Gram matrix is diag(10, 5)
    assert penalty(make(), diagonal(3, 1), diagonal(1, 2)).item() == pytest.approx(0.5 * (9 + 4))
    # two equal rows of length 5 have the one singular value 5 sqrt 2; centred they would have none
    one = torch.tensor([[3.0, 4.0, 0.0, 0.0]] * 2, dtype=torch.float64)
    assert penalty(make(), one, 0 * one).item() == pytest.approx(0.5 * 50)


def test_the_penalty_agrees_with_the_eigenvalues_of_the_gram_matrices():
    source, target = outputs()
    want = sum(np.linalg.eigvalsh(array(out.features).T @ array(out.features)).max() for out in (source, target))
    assert make().adaptation_terms(source, target)["spectral"].item() == pytest.approx(0.5 * want)


def test_the_gradient_of_the_penalty_shortens_the_longest_direction_of_both_domains_and_is_not_reversed():
    source, target = outputs()
    make().adaptation_terms(source, target)["spectral"].backward()
    for out in (source, target):
        u, s, vt = np.linalg.svd(array(out.features), full_matrices=False)
        np.testing.assert_allclose(array(out.features.grad), 0.5 * 2 * s[0] * np.outer(u[:, 0], vt[0]), atol=1e-10)
        assert out.logits.grad is None


@pytest.mark.parametrize("base", ["dann", "cdan"])
def test_the_penalty_leaves_the_discriminator_alone(base):
    method = make(base=base)
    terms = method.adaptation_terms(*outputs())
    terms["spectral"].backward(retain_graph=True)
    assert all(p.grad is None for p in method.discriminator.parameters())
    terms["domain"].backward()
    assert all(p.grad.abs().sum() > 0 for p in method.discriminator.parameters())


@pytest.mark.parametrize("beta", [0.0, 0.5])
@pytest.mark.parametrize(("base", "method", "own"), [
    ("dann", Dann, {}), ("cdan", Cdan, OF_CDAN), ("cdan", Cdan, {"entropy": True, "randomised": None}),
    ("cdan", Cdan, {"entropy": False, "randomised": 5}),
])  # fmt: skip
def test_beside_the_penalty_it_is_dann_or_cdan_to_the_bit(base, method, own, beta):
    mine, plain = make(base=base, beta=beta, **own), made(method, **own)
    assert {name: p.tolist() for name, p in mine.state_dict().items()} == {
        name: p.tolist() for name, p in plain.state_dict().items()
    }
    pulls = []
    for one in (mine, plain):
        source, target = outputs()
        terms = one.adaptation_terms(source, target)
        assert set(terms) == ({"domain", "spectral"} if beta and one is mine else {"domain"})
        terms["domain"].backward()
        pulls.append([terms["domain"].item(), source.features.grad.tolist(), target.features.grad.tolist()])
    assert pulls[0] == pulls[1]


def test_rotations_and_the_order_of_the_rows_change_no_penalty():
    source, target = outputs()
    turn = torch.linalg.qr(torch.randn(4, 4, dtype=torch.float64)).Q
    plain = make().adaptation_terms(source, target)["spectral"].item()
    turned = SourceOutput(source.features.flip(0) @ turn, source.logits, source.labels)
    assert make().adaptation_terms(turned, target)["spectral"].item() == pytest.approx(plain)


def test_every_parameter_counts():
    def terms(**changes) -> dict[str, float]:
        return {k: v.item() for k, v in make(**changes).adaptation_terms(*outputs()).items()}

    assert terms(beta=1.0)["spectral"] == pytest.approx(2 * terms()["spectral"])
    assert terms(weight=1.6)["domain"] == pytest.approx(2 * terms()["domain"])
    assert terms(weight=1.6)["spectral"] == terms()["spectral"]
    for change in ({"base": "cdan"}, {"hidden": 9}, {"smoothing": 0.2}):
        assert terms(**change)["domain"] != pytest.approx(terms()["domain"], rel=1e-6)


@pytest.mark.parametrize(("key", "allowed", "refused"), [
    ("beta", 0.0, -0.1), ("beta", 1.0, math.nan), ("base", "cdan", "mcd"), ("weight", 0.0, -0.1), ("gamma", 0.1, 0.0),
    ("hidden", 1, 0), ("smoothing", 0.5, 0.6),
])  # fmt: skip
def test_what_is_out_of_range_is_refused(key, allowed, refused):
    make(**{key: allowed})
    with pytest.raises(TlbenchError, match=f"method.{key}"):
        make(**{key: refused})


@pytest.mark.parametrize(("key", "value"), [("entropy", True), ("randomised", 5)])
def test_what_only_cdan_reads_is_not_to_be_set_with_dann(key, value):
    make(base="cdan", **{key: value})
    with pytest.raises(Refused, match=rf"method\.{key}={value} has no say with method\.base=dann"):
        make(**{key: value})
