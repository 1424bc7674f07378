import numpy as np
import pytest
import torch

from baselines.self_ensembling import SelfEnsembling, consistency, uneven
from tests.baselines.tiny import D, network
from tests.support import config_of, gaussian_task, last_of, trained
from tlbench.backbones.small import Identity
from tlbench.classifiers.head import Head
from tlbench.classifiers.network import Network
from tlbench.errors import TlbenchError
from tlbench.method.views import TargetBatch

GIVEN = {"weight": 3.0, "decay": 0.9, "threshold": 0.34, "balance": 0.0}


def p(*rows):
    return torch.tensor(rows, dtype=torch.float64)


def make(net=None, **changed):
    torch.manual_seed(0)
    return SelfEnsembling(**{**GIVEN, **changed}, network=net or network())


def test_closed_forms():
    loss, kept = consistency(p([1.0, 0.0]), p([0.0, 1.0]), 0.9)
    assert (loss.item(), kept.item()) == (1.0, 1.0)  # (1 + 1) / 2 classes
    assert consistency(p([1.0, 0.0]), p([0.4, 0.6]), 0.9)[0].item() == 0  # an unsure teacher
    both, share = consistency(p([1.0, 0.0], [1.0, 0.0]), p([0.0, 1.0], [0.5, 0.5]), 0.9)
    assert (both.item(), share.item()) == (0.5, 0.5)  # over all rows
    # classes at shares 1/4 and 3/4 of two: -(0.5 log 0.25 + 0.5 log 0.75) for each
    assert uneven(p([0.25, 0.75])).tolist() == pytest.approx([0.836988, 0.836988], abs=1e-6)
    assert uneven(p([0.5, 0.5])).tolist() == pytest.approx([np.log(2)] * 2)
    assert torch.isfinite(uneven(p([1.0, 0.0]))).all()


def test_agrees_with_numpy_and_teachers_get_no_gradient():
    rng = torch.Generator().manual_seed(1)
    z, t = (torch.randn(5, 3, dtype=torch.float64, generator=rng).requires_grad_() for _ in range(2))
    own, other = z.softmax(dim=1), t.softmax(dim=1)
    a, b = own.detach().numpy(), other.detach().numpy()
    want = sum(((a[i] - b[i]) ** 2).mean() for i in range(5) if b[i].max() > 0.5) / 5
    assert consistency(own, other, 0.5)[0].item() == pytest.approx(want)
    assert torch.autograd.gradcheck(lambda v: consistency(v.softmax(dim=1), other.detach(), 0.5)[0], (z,))
    assert torch.autograd.gradcheck(uneven, (own.detach().requires_grad_(),))


@pytest.mark.parametrize(("variant", "fold"), [("authors", torch.sum), ("tllib", torch.mean)])
def test_the_terms(variant, fold):
    method = make(balance=0.01, variant=variant)
    with torch.no_grad():
        method.teacher.module.head.last.weight.mul_(2.0)
    x, again = torch.randn(6, D), torch.randn(6, D)
    terms = method.losses([(torch.randn(4, D), torch.arange(4) % 3)], TargetBatch.of(x, again=again))
    own, other = method.network(x)[1].softmax(dim=1), method.teacher.module(again)[1].softmax(dim=1)
    agreement, kept = consistency(own, other, 0.34)
    assert 0 < kept <= 1
    torch.testing.assert_close(terms["consistency"], 3 * agreement)
    torch.testing.assert_close(terms["balance"], 3 * 0.01 * kept * fold(uneven(own)))
    torch.testing.assert_close(method.told["kept"], kept)
    sum(terms.values()).backward()
    assert all(q.grad is None for q in method.teacher.parameters())


def test_it_predicts_by_the_teacher():
    method, x = make(), torch.randn(3, D)
    with torch.no_grad():
        method.network.head.last.weight.zero_()
    torch.testing.assert_close(method.predict_proba(x), method.teacher.module(x)[1].softmax(dim=1))


def test_the_teacher_is_the_moving_average_of_the_weights_after_each_step():
    task, held_out = gaussian_task()
    seen = []

    class Looked(SelfEnsembling):
        def after_step(self):
            super().after_step()
            seen.append({n: v.detach().clone() for n, v in self.network.state_dict().items()})

    torch.manual_seed(0)
    head = Head(in_dim=3, n_classes=2, bottleneck=4, norm="batch", dropout=0.0)
    method = Looked(network=Network(Identity(input_shape=(3,)), head), **GIVEN)
    average = {n: v.detach().clone() for n, v in method.network.state_dict().items()}
    own = last_of("optim.steps=4", "optim.batch_size=8", "trainer.accelerator=cpu")
    words = ["dataset=mini_digits", "pair=H-P", "method=source_only", "backbone=lenet", "classifier=head"]
    trained(method, task, held_out.test.inputs, config_of(*words, *own))
    assert len(seen) == 4
    for now in seen:
        average = {n: 0.9 * average[n] + 0.1 * v if v.is_floating_point() else v for n, v in now.items()}
    for name, value in method.teacher.module.state_dict().items():
        torch.testing.assert_close(value, average[name], rtol=1e-5, atol=1e-6)


def test_a_teacher_s_batch_norms_use_the_batch_and_keep_the_average():
    head = Head(in_dim=D, n_classes=3, bottleneck=4, norm="batch", dropout=0.0)
    method = make(Network(Identity(input_shape=(D,)), head))
    norm = method.teacher.module.head.bottleneck[1]
    before = norm.running_mean.clone()
    method.losses(
        [(torch.randn(4, D), torch.arange(4) % 3)], TargetBatch.of(torch.randn(6, D), again=torch.randn(6, D) + 9)
    )
    assert torch.equal(norm.running_mean, before)
    assert method.network.head.bottleneck[1].num_batches_tracked.item() == 1


@pytest.mark.parametrize(
    "wrong", [{"weight": -1.0}, {"decay": 1.1}, {"threshold": -1.0}, {"balance": -1.0}, {"variant": "x"}]
)
def test_refusals(wrong):
    make()
    with pytest.raises(TlbenchError, match=next(iter(wrong))):
        make(**wrong)
