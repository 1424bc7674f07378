import numpy as np
import pytest
import torch

from baselines.cst import Cst, cycle_loss, tsallis_loss
from tests.baselines.tiny import D, network
from tlbench.errors import TlbenchError
from tlbench.functional.class_confusion import class_confusion
from tlbench.method.views import TargetBatch

GIVEN = {"pseudo": 0.5, "threshold": 0.34, "cycle": 2.0, "tsallis": 0.1, "alpha": 1.9, "temperature": 2.0, "rho": 0.5}


def make(**changed):
    torch.manual_seed(0)
    return Cst(**{**GIVEN, **changed}, network=network())


def draw(n, c, seed=0):
    return 3 * torch.randn(n, c, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def test_closed_forms_of_the_cycle():
    eye, right, swapped = torch.eye(2, dtype=torch.float64), torch.tensor([0, 1]), torch.tensor([1, 0])
    # K = I: said = Y / 1.001, Y = +-1/2: (1/2 - 1/2.002)^2 = (0.0005 / 1.001)^2
    assert cycle_loss(eye, right, eye, right, 2).item() == pytest.approx((0.0005 / 1.001) ** 2)
    assert cycle_loss(eye, right, eye, swapped, 2).item() == pytest.approx(0.99900, abs=1e-5)  # (1/2 + 1/2.002)^2
    assert cycle_loss(7 * eye, right, 3 * eye, right, 2).item() == pytest.approx((0.0005 / 1.001) ** 2)  # lengths are 1


def test_the_cycle_in_numpy_with_domains_of_two_sizes():
    xs, xt, y, g = draw(5, 4).numpy(), draw(7, 4, 1).numpy(), np.arange(5) % 3, np.arange(7) % 3
    a, b = (x / np.linalg.norm(x, axis=1, keepdims=True) for x in (xs, xt))
    coefficients = np.linalg.inv(b @ b.T + 1e-3 * np.eye(7)) @ (np.eye(3)[g] - 1 / 3)
    want = np.mean((a @ b.T @ coefficients - np.eye(3)[y] + 1 / 3) ** 2)
    got = cycle_loss(*map(torch.from_numpy, (xs, y, xt, g)), 3)
    assert got.item() == pytest.approx(want)


def test_gradients_of_the_cycle_reach_both_domains():
    xs, xt = draw(4, 3).requires_grad_(), draw(5, 3, 1).requires_grad_()
    y, g = torch.arange(4) % 2, torch.arange(5) % 2
    assert torch.autograd.gradcheck(lambda a, b: cycle_loss(a, y, b, g, 2), (xs, xt))
    assert all(s.abs().sum() > 0 for s in torch.autograd.grad(cycle_loss(xs, y, xt, g, 2), [xs, xt]))


@pytest.mark.parametrize("temperature", [1.0, 2.5])
def test_at_alpha_two_the_entropy_is_the_number_of_classes_times_mcc(temperature):
    z = draw(6, 4)
    assert tsallis_loss(z, 2.0, temperature).item() == pytest.approx(4 * class_confusion(z, temperature).item())


@pytest.mark.parametrize("alpha", [0.5, 1.9, 3.0])
def test_the_entropy_in_numpy(alpha):
    z = draw(6, 4)
    p = torch.softmax(z / 2, dim=1).numpy()
    w = 1 + np.exp((p * np.log(p)).sum(axis=1))
    w = 6 * w / w.sum()
    s = (w[:, None] * p).sum(axis=0)
    want = sum(4 / 6 - w[i] * sum(p[i, c] ** alpha / s[c] for c in range(4)) for i in range(6)) / (alpha - 1)
    assert tsallis_loss(z, alpha, 2.0).item() == pytest.approx(want)


def test_no_gradient_passes_through_the_weights_of_the_entropy():
    z = draw(5, 3).requires_grad_()
    p = torch.softmax(z, dim=1)
    w = (1 + torch.exp((p * p.log()).sum(dim=1))).detach()
    plain = (3 - (w[:, None] * p**1.9 / (w[:, None] * p).sum(dim=0)).sum()) / 0.9
    (got,), (want,) = (torch.autograd.grad(value, z) for value in (tsallis_loss(z, 1.9, 1.0), plain))
    torch.testing.assert_close(got, want)
    assert torch.isfinite(tsallis_loss(torch.tensor([[100.0, 0.0, -1e3]]), 1.9, 1.0))


def test_the_terms_and_what_is_climbed():
    method, strong = make(), torch.randn(6, D)
    batch = [(torch.randn(5, D), torch.arange(5) % 3)], TargetBatch.of(torch.randn(6, D), strong=strong)
    terms = method.losses(*batch)
    assert set(terms) == {"classification", "pseudo", "cycle", "tsallis"}
    (xs, _), (xt, zt) = method.network(batch[0][0][0]), method.network(batch[1].train)
    torch.testing.assert_close(terms["cycle"], 2 * cycle_loss(xs, batch[0][0][1], xt, zt.argmax(dim=1), 3))
    torch.testing.assert_close(terms["tsallis"], 0.1 * tsallis_loss(zt, 1.9, 2.0))
    ascent = method.ascent(*batch)
    assert (ascent.rho, ascent.adaptive) == (0.5, True)
    torch.testing.assert_close(ascent.loss(), sum(terms.values()))
    assert {id(p) for p in ascent.moves} == {id(p) for p in method.parameters()}
    assert (method.passes, make(rho=0.0).passes) == (2, 1)


@pytest.mark.parametrize("wrong", [{name: -1.0} for name in GIVEN] + [{"alpha": 1.0}])
def test_refusals(wrong):
    make()
    with pytest.raises(TlbenchError, match=f"method.{next(iter(wrong))}"):
        make(**wrong)
