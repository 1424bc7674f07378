import math

import numpy as np
import pytest
import torch
from torch import nn

from tests.support import config_of, gaussian_task, trained
from tlbench.backbones.small import MLP
from tlbench.classifiers.head import Head
from tlbench.classifiers.network import Network
from tlbench.errors import Diverged, TlbenchError
from tlbench.method import GradientMethod
from tlbench.method.supervised_network import SupervisedNetwork
from tlbench.training.checkpoints import evaluation_steps
from tlbench.training.device import device_of, set_arithmetic
from tlbench.training.module import AdaptationModule, make_optimizer
from tlbench.training.multi_device import divergence_in
from tlbench.training.settings import OptimConfig


def network() -> Network:
    torch.manual_seed(0)
    return Network(MLP(input_shape=(3,), hidden=[4]), Head(in_dim=4, n_classes=2, bottleneck=3, dropout=0.0))


@pytest.fixture
def config(toy):
    return config_of("dataset=toy", "pair=L-R", "optim.steps=6", "optim.evaluations=3", config_dir=toy)


class Constant(GradientMethod):
    """Adds a term that does not depend on the network, not finite from step `bad` on."""

    def __init__(self, bad: float = math.inf, **base) -> None:
        super().__init__(**base)
        self.bad, self.progresses, self.lengths, self.calls = bad, [], set(), 0

    def adaptation_terms(self, source, target):
        self.progresses.append(self.progress)
        self.lengths.add(self.steps)
        self.calls += 1
        return {"extra": source.features.sum() * 0 + (math.nan if self.calls > self.bad else 0.5)}


def test_progress_runs_from_zero_over_the_runs_own_length(config):
    task, held_out = gaussian_task()
    method = Constant(network=network())
    checkpoints, history = trained(method, task, held_out.test.inputs, config)
    assert method.progresses == pytest.approx([i / 6 for i in range(6)])
    assert method.lengths == {6}
    assert [c.step for c in checkpoints] == [2, 4, 6]
    assert len(history) == 6
    assert all(terms["extra"] == 0.5 for terms in history)


def test_a_run_equals_a_loop_written_by_hand(config):
    task, held_out = gaussian_task()
    method = SupervisedNetwork(network=network(), examples=[task.source])
    checkpoints, history = trained(method, task, held_out.test.inputs, config)
    from tlbench.training.batches import PairedBatches

    own = network()
    velocity = [torch.zeros_like(p) for p in own.parameters()]
    optim = config.optim
    assert (optim.momentum, optim.schedule) == (0.9, "annealed")
    for step, (((x, y),), _) in enumerate(PairedBatches([task.source], None, batch_size=16, steps=6, seed=config.seed)):
        loss = nn.functional.cross_entropy(own(x)[1], y)
        assert history[step] == {"classification": pytest.approx(loss.item(), rel=1e-5)}
        rate = optim.lr * (1 + 10 * step / 6) ** -0.75
        with torch.no_grad():
            for p, v, g in zip(own.parameters(), velocity, torch.autograd.grad(loss, own.parameters()), strict=True):
                v.mul_(0.9).add_(g + optim.weight_decay * p)
                p -= rate * v
    test = torch.from_numpy(held_out.test.inputs.astype(np.float32))
    np.testing.assert_allclose(checkpoints[-1].test, own(test)[1].softmax(1).detach().numpy(), rtol=1e-4, atol=1e-6)
    val = torch.from_numpy(task.source_val.inputs.astype(np.float32))
    np.testing.assert_allclose(
        checkpoints[-1].source_val, own(val)[1].softmax(1).detach().numpy(), rtol=1e-4, atol=1e-6
    )


def test_the_first_step_and_term_that_is_not_finite_are_named(config):
    task, held_out = gaussian_task()
    with pytest.raises(Diverged) as caught:
        trained(Constant(bad=3, network=network()), task, held_out.test.inputs, config)
    assert (caught.value.step, caught.value.term) == (3, "extra")
    assert (back := divergence_in(f"...\ntlbench.errors.Diverged: {caught.value}\n")) is not None
    assert (back.step, back.term) == (3, "extra")
    assert divergence_in("ValueError: something else") is None


def optim(**changes) -> OptimConfig:
    return OptimConfig(**{"name": "x", "kind": "sgd", "lr": 0.2, "weight_decay": 0.01, "backbone_lr": 0.1,
                          "schedule": "constant", "batch_size": 4, "balanced": False, "steps": 10, "evaluations": 1,
                          **changes})  # fmt: skip


@pytest.mark.parametrize(("pretrained", "rate"), [(True, 0.02), (False, 0.2)])
def test_pretrained_weights_have_a_learning_rate_of_their_own_and_every_parameter_is_in_one_group(pretrained, rate):
    method = Constant(network=network())
    method.network.backbone.pretrained = pretrained
    method.extra = nn.Linear(2, 2)
    groups = AdaptationModule(method, optim()).configure_optimizers()["optimizer"].param_groups
    assert [group["lr"] for group in groups] == pytest.approx([0.2, rate])
    assert {id(p) for p in groups[1]["params"]} == {id(p) for p in method.network.backbone.parameters()}
    assert sorted(id(p) for g in groups for p in g["params"]) == sorted(id(p) for p in method.parameters())


@pytest.mark.parametrize(
    ("kind", "want"), [("sgd", torch.optim.SGD), ("adam", torch.optim.Adam), ("adamw", torch.optim.AdamW)]
)
def test_the_optimiser_is_the_one_named(kind, want):
    made = make_optimizer(optim(kind=kind, momentum=0.3), [{"params": [nn.Parameter(torch.ones(1))], "lr": 0.1}])
    assert type(made) is want
    assert made.param_groups[0]["weight_decay"] == 0.01
    assert made.param_groups[0].get("momentum", 0.3) == 0.3


def test_evaluations_are_spread_evenly_and_end_with_the_run():
    assert sorted(evaluation_steps(300, 5)) == [60, 120, 180, 240, 300]
    assert sorted(evaluation_steps(7, 3)) == [2, 5, 7]
    assert sorted(evaluation_steps(4, 1)) == [4]


@pytest.mark.parametrize(
    ("changes", "fits"),
    [(["optim.batch_size=4", "trainer.accumulate=2"], True), (["optim.batch_size=3", "trainer.accumulate=2"], False),
     (["optim.batch_size=2"], True)],
)  # fmt: skip
def test_parts_of_a_step_hold_two_examples_of_each_set(toy, changes, fits):
    task, held_out = gaussian_task()
    config = config_of("dataset=toy", "pair=L-R", "optim.steps=2", "optim.evaluations=1", *changes, config_dir=toy)
    if fits:
        trained(SupervisedNetwork(network=network(), examples=[task.source]), task, held_out.test.inputs, config)
        return
    with pytest.raises(TlbenchError, match=r"fewer than two for each of 1 devices x 2 parts"):
        trained(SupervisedNetwork(network=network(), examples=[task.source]), task, held_out.test.inputs, config)


def test_sixteen_bit_floats_need_a_gpu(toy):
    task, held_out = gaussian_task()
    config = config_of("dataset=toy", "pair=L-R", "trainer=cpu", "trainer.precision=16-mixed", config_dir=toy)
    with pytest.raises(TlbenchError, match="16-mixed needs a GPU"):
        trained(Constant(network=network()), task, held_out.test.inputs, config)


def test_tf32_is_for_products_and_convolutions_alike_and_leaves_no_trace(toy):
    for tf32 in (True, False):
        set_arithmetic(
            config_of("dataset=toy", "pair=L-R", f"trainer.tf32={str(tf32).lower()}", config_dir=toy).trainer
        )
        assert torch.backends.cudnn.allow_tf32 is tf32
        assert torch.get_float32_matmul_precision() == ("high" if tf32 else "highest")


def test_terms_are_worked_out_in_full_precision_under_bf16(config):
    task, held_out = gaussian_task()
    seen = []

    class Looks(Constant):
        def adaptation_terms(self, source, target):
            seen.extend([source.features.dtype, target.logits.dtype, (source.features @ target.features.T).dtype])
            return super().adaptation_terms(source, target)

    low = config.model_copy(update={"trainer": config.trainer.model_copy(update={"precision": "bf16-mixed"})})
    trained(Looks(network=network()), task, held_out.test.inputs, low)
    assert set(seen) == {torch.float32}


def test_a_gpu_that_is_not_there_is_told(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert device_of("auto") == device_of("cpu") == torch.device("cpu")
    with pytest.raises(TlbenchError, match="torch sees no GPU"):
        device_of("gpu")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert device_of("auto") == device_of("gpu") == torch.device("cuda")
    assert device_of("cpu") == torch.device("cpu")


def test_a_step_in_parts_is_the_same_step(toy):
    """Losses that are means over examples: the mean of the parts' gradients is the gradient of the whole."""
    task, held_out = gaussian_task()
    found = []
    for parts in (1, 2, 4):
        config = config_of("dataset=toy", "pair=L-R", "optim.steps=6", "optim.evaluations=3", f"trainer.accumulate={parts}",
                           config_dir=toy)  # fmt: skip
        method = SupervisedNetwork(network=network(), examples=[task.source])
        checkpoints, history = trained(method, task, held_out.test.inputs, config)
        assert [c.step for c in checkpoints] == [2, 4, 6]
        assert len(history) == 6
        found.append((checkpoints, [terms["classification"] for terms in history]))
    for checkpoints, losses in found[1:]:
        assert losses == pytest.approx(found[0][1], rel=1e-4)
        for one, other in zip(found[0][0], checkpoints, strict=True):
            np.testing.assert_allclose(one.test, other.test, rtol=1e-3, atol=1e-5)
