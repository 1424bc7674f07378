"""SDAT: CDAN at rho 0, and the gradient of a point above at any other."""

import copy

import pytest
import torch
from torch.nn import functional as F

from baselines.cdan import Cdan
from baselines.sdat import Sdat
from tests.support import config_of, gaussian_task, last_of, trained
from tlbench.backbones.small import Identity
from tlbench.classifiers.head import Head
from tlbench.classifiers.network import Network
from tlbench.errors import TlbenchError
from tlbench.functional.adversarial import domain_loss
from tlbench.functional.class_confusion import class_confusion
from tlbench.method.views import TargetBatch
from tlbench.training.batches import PairedBatches

TASK, HELD_OUT = gaussian_task()
SHARED = {"weight": 0.8, "gamma": 10.0, "hidden": 4, "entropy": False, "randomised": None}


def make(method=Sdat, **given):
    torch.manual_seed(0)
    head = Head(in_dim=3, n_classes=2, bottleneck=5, dropout=0.0)
    return method(network=Network(Identity(input_shape=(3,)), head), **{**SHARED, **given})


def sdat(**given):
    return make(**{"rho": 0.3, "confusion": 0.0, "smoothing": 0.0, **given})


def config(*words):
    own = last_of("optim.steps=5", "optim.batch_size=8", "optim.lr=0.1", "trainer=cpu", *words)
    return config_of("dataset=mini_digits", "pair=H-P", "method=source_only", "backbone=lenet", "classifier=head", *own)


def test_at_rho_zero_it_is_cdan_to_the_bit():
    one, other = sdat(rho=0.0), make(Cdan)
    for method in (one, other):
        trained(method, TASK, HELD_OUT.test.inputs, config())
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters(), strict=True))
    assert (one.passes, sdat().passes) == (1, 2)


@pytest.mark.parametrize("confusion", [0.0, 1.5])
def test_a_step_by_hand(confusion):
    """The gradient at a point that lies rho uphill of the task loss, stepped from the weights as they were."""
    method = sdat(confusion=confusion)
    bare = copy.deepcopy(method)
    plain = [
        "optim.momentum=0.0",
        "optim.nesterov=false",
        "optim.weight_decay=0.0",
        "optim.steps=1",
        "optim.evaluations=1",
    ]
    settings = config(*plain)
    trained(method, TASK, HELD_OUT.test.inputs, settings)
    ((((x, y),), batch),) = PairedBatches([TASK.source], TASK.target, batch_size=8, steps=1, seed=0)
    target = batch.train

    def task(z_source, z_target):
        loss = F.cross_entropy(z_source, y)
        return loss + confusion * class_confusion(z_target, 2.5) if confusion else loss

    weights = list(bare.network.parameters())
    gradient = torch.autograd.grad(task(bare.network(x)[1], bare.network(target)[1]), weights)
    length = sum(g.square().sum() for g in gradient) ** 0.5
    with torch.no_grad():
        for w, g in zip(weights, gradient, strict=True):
            w += 0.3 * g / length
    (f_s, z_s), (f_t, z_t) = bare.network(x), bare.network(target)
    joint = torch.cat(
        [(f[:, :, None] * z.detach().softmax(1)[:, None, :]).flatten(1) for f, z in ((f_s, z_s), (f_t, z_t))]
    )
    domain = 0.8 * domain_loss(bare.discriminator(joint).squeeze(1), 8)
    of_task = torch.autograd.grad(task(z_s, z_t), weights, retain_graph=True)
    of_domain = torch.autograd.grad(domain, list(bare.discriminator.parameters()))
    with torch.no_grad():
        # progress is 0 in the first step, and so is the strength of the reversal: features get no gradient of the domain loss
        for w, g, step in zip(weights, gradient, of_task, strict=True):
            w -= 0.3 * g / length + settings.optim.lr * step
        for w, step in zip(bare.discriminator.parameters(), of_domain, strict=True):
            w -= settings.optim.lr * step
    for one, other in zip(method.parameters(), bare.parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-6)


def test_the_domain_classifier_does_not_climb():
    method = sdat()
    ascent = method.ascent([(torch.randn(4, 3), torch.arange(4) % 2)], TargetBatch.of(torch.randn(4, 3)))
    climbs = {id(p) for p in ascent.moves}
    assert climbs == {id(p) for p in method.network.parameters()}
    assert not climbs & {id(p) for p in method.discriminator.parameters()}
    assert (ascent.rho, ascent.adaptive) == (0.3, False)


def test_what_is_climbed_is_the_task_loss_without_the_domain_loss():
    batch = [(torch.randn(6, 3), torch.arange(6) % 2)], TargetBatch.of(torch.randn(5, 3))
    method = sdat(confusion=0.7)
    terms = method.losses(*batch)
    assert set(terms) == {"classification", "confusion", "domain"}
    torch.testing.assert_close(method.ascent(*batch).loss(), terms["classification"] + terms["confusion"])


@pytest.mark.parametrize("wrong", [{"rho": -0.1}, {"confusion": -1.0}, {"smoothing": 0.6}, {"weight": -1.0}])
def test_refusals(wrong):
    sdat(smoothing=0.5)
    with pytest.raises(TlbenchError, match=f"method.{next(iter(wrong))}"):
        sdat(**wrong)
