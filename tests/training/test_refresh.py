"""Looks at whole sets: when, in which order, and after an interruption; the method of the developers' page."""

import dataclasses
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

import tlbench
from tests.support import config_of, gaussian_task, last_of, trained
from tlbench.backbones.small import Identity
from tlbench.classifiers.head import Head
from tlbench.classifiers.network import Network
from tlbench.errors import TlbenchError
from tlbench.method import GradientMethod
from tlbench.method.average import Average
from tlbench.running.kept_model import load_network, save_learner
from tlbench.running.rehearse_network import check_passes
from tlbench.training.look import Look
from tlbench.training.refresh import pools_of

TASK, HELD_OUT = gaussian_task(n=40, m=30, shots_per_class=3)
TEST = HELD_OUT.test.inputs
PAGE = Path(tlbench.__file__).parents[1] / "docs" / "development.md"


def small(method, dropout=0.3, **given):
    torch.manual_seed(0)
    head = Head(in_dim=3, n_classes=2, bottleneck=4, norm="batch", dropout=dropout)
    return method(network=Network(Identity(input_shape=(3,)), head), **given)


def settings(*words):
    own = last_of(
        "optim.steps=9", "optim.batch_size=8", "optim.lr=0.1", "trainer=cpu", "trainer.checkpoint_steps=2", *words
    )
    return config_of("dataset=mini_digits", "pair=H-P", "method=source_only", "backbone=lenet", "classifier=head", *own)


class Looks(GradientMethod):
    refresh_every = 4

    def prepare(self, task):
        self.register_buffer("bank", torch.zeros(len(task.target), 2))
        self.at = []

    def refresh(self, pools):
        self.at.append((round(self.progress * self.steps), self.training))
        self.bank.copy_(pools.target()[1])

    def adaptation_terms(self, source, target):
        return {"drift": F.mse_loss(target.logits.softmax(dim=1), self.bank[target.rows])}


def test_looks_come_before_the_first_step_and_every_so_many_after_it_in_evaluation_mode():
    method = small(Looks)
    trained(method, TASK, TEST, settings())
    assert method.at == [(0, False), (4, False), (8, False)]


@pytest.mark.parametrize("words", [[], ["trainer.accumulate=2", "optim.batch_size=32"]])
def test_a_look_that_keeps_nothing_moves_nothing(words):
    """It draws nothing and leaves batch norms as they are: the run is that of a method without looks."""

    class Idle(Looks):
        def refresh(self, pools):
            self.at.append(0)
            pools.target(), pools.labelled(0), pools.labelled(1)

    class Never(Looks):
        refresh_every = None

    one, other = small(Idle), small(Never)
    got, want = (trained(m, TASK, TEST, settings(*words)) for m in (one, other))
    assert got[1] == want[1]
    np.testing.assert_array_equal(got[0][-1].test, want[0][-1].test)
    assert len(one.at) == 3  # once a step, however many parts it has


def test_pools_hold_the_rows_that_batches_name():
    method = small(Looks).eval()
    pools = pools_of(method, TASK, torch.device("cpu"))
    features, probabilities = pools.target()
    x = torch.from_numpy(TASK.target).float()
    want = method.network(x)
    torch.testing.assert_close(features, want[0])
    torch.testing.assert_close(probabilities, want[1].softmax(dim=1))
    shots = torch.from_numpy(TASK.shots.inputs).float()
    torch.testing.assert_close(pools.labelled(1)[0], method.network(shots)[0])
    assert not features.requires_grad
    val = torch.from_numpy(TASK.source_val.inputs).float()
    other = small(Looks, dropout=0.0).eval().network  # a network that does not predict
    torch.testing.assert_close(pools.held_out(other), other(val)[1])
    assert pools_of(method, dataclasses.replace(TASK, source_val=None), torch.device("cpu")).held_out is None


def example():
    (text,) = re.findall(r"```python\n(class Remembered.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    assert len(text.splitlines()) <= 40
    names = {"GradientMethod": GradientMethod, "Average": Average, "F": F, "torch": torch, "nn": nn}
    exec(text, names)
    return names["Remembered"]


def test_the_method_of_the_page_trains_and_its_bank_is_what_its_teacher_said():
    method = small(example(), weight=1.0, decay=0.5)
    _, history = trained(method, TASK, TEST, settings("optim.steps=11"))
    assert set(history[0]) == {"classification", "remembered", "kept"}
    assert history[-1]["kept"] > 0
    assert method.bank.shape == (30, 2)
    assert torch.allclose(method.bank.sum(dim=1), torch.ones(30))


@pytest.mark.parametrize("stop", [3, 5, 7])
def test_interrupted_it_goes_on_as_if_it_had_not_been(stop, tmp_path):
    """With a bank, a teacher, strong views and dropout; also where the state was kept right before a look."""
    kind, path = example(), tmp_path / "state.ckpt"
    whole, history = trained(small(kind, weight=1.0, decay=0.5), TASK, TEST, settings("optim.steps=11"))

    class Stopped(Exception):
        pass

    class Stops(kind):
        done = 0

        def after_step(self):
            super().after_step()
            self.done += 1
            if self.done == stop:
                raise Stopped

    with pytest.raises(Stopped):
        trained(small(Stops, weight=1.0, decay=0.5), TASK, TEST, settings("optim.steps=11"), resume=path)
    again, rest = trained(small(kind, weight=1.0, decay=0.5), TASK, TEST, settings("optim.steps=11"), resume=path)
    assert rest == history
    np.testing.assert_array_equal(again[-1].test, whole[-1].test)


def test_what_is_kept_of_a_task_s_examples_is_in_no_kept_model(tmp_path):
    method = small(example(), weight=1.0, decay=0.5)
    trained(method, TASK, TEST, settings("optim.steps=2", "optim.evaluations=1"))
    assert method.task_state == {"bank"}
    again = small(example(), weight=1.0, decay=0.5)
    load_network(again, save_learner(method, tmp_path / "kept"))
    x = torch.randn(4, 3)
    torch.testing.assert_close(again.eval().predict_proba(x), method.eval().predict_proba(x))


def test_looks_at_whole_sets_are_not_shared_over_devices():
    check_passes(small(Looks), "looks", settings().trainer)
    with pytest.raises(TlbenchError, match=r"trainer\.devices=2 would not share\. Set trainer\.devices=1"):
        check_passes(small(Looks), "looks", settings().trainer.model_copy(update={"devices": 2}))


class Taught(GradientMethod):
    def __init__(self, **base):
        super().__init__(**base)
        self.teacher = Average(self.network)

    def outputs(self, x):
        features, logits = self.teacher.module(x)
        return features, logits.softmax(dim=1)


def by_domain():
    torch.manual_seed(0)
    head = Head(in_dim=3, n_classes=2, bottleneck=4, norm="batch", dropout=0.0)
    method = Taught(network=Network(Identity(input_shape=(3,)), head, batch_norm="per_domain"))
    method.network.each([torch.randn(9, 3), torch.randn(9, 3) + 5], ["source", "target"])
    return method


@pytest.mark.parametrize("last", ["source", "target"])
def test_a_teacher_follows_the_statistics_of_each_domain_once_whichever_was_seen_last(last):
    method = by_domain()
    norm, taught = (net.head.bottleneck[1] for net in (method.network, method.teacher.module))
    before = {d: getattr(taught, f"{d}_running_mean").clone() for d in ("source", "target")}
    method.network.train().see(last)
    method.teacher.follow(method.network, 0.9)
    for d in ("source", "target"):
        want = 0.9 * before[d] + 0.1 * getattr(norm, f"{d}_running_mean")
        torch.testing.assert_close(getattr(taught, f"{d}_running_mean"), want)


def test_what_predicts_sees_the_domain_that_it_is_asked_about(tmp_path):
    method = by_domain()
    method.teacher.follow(method.network, 0.0)
    method.eval()
    x, said = torch.randn(5, 3), {}
    for domain in ("source", "target"):
        method.see(domain)
        said[domain] = method.predict_proba(x)
        method.network.see(domain)
        torch.testing.assert_close(said[domain], method.network(x)[1].softmax(dim=1))
    assert not torch.allclose(said["source"], said["target"])
    look = Look(method, torch.device("cpu"), 0)
    assert look.probabilities(x.numpy(), "source") == pytest.approx(said["source"].detach().numpy(), abs=1e-6)
