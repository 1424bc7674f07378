"""Runs of a program are as they are alone, and have nothing to do with one another."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.conformance.cases import variants
from tests.training.stacked.runs import (
    STACKABLE,
    alone,
    assert_close,
    assert_same,
    group_of,
    members_of,
    stacked,
    with_optim,
)
from tlbench.errors import Diverged
from tlbench.training.stacked.member import kind_of
from tlbench.training.stacked.stacked_fit import fit_stacked

VARIED = [
    (method, variant) for method in STACKABLE for variant in (variants(method) if method != "source_only" else [""])
]
CALMER = {("mmd", "median"): 0.1}
"""Its kernel's root is steep at 0: at a high rate, rounding alone grows to another run within a dozen steps."""
HEADS = {
    "batch": "classifier.norm=batch",
    "layer": "classifier.norm=layer",
    "cosine": "classifier.last=cosine",
    "weight_norm": "classifier.last=weight_norm",
    "linear": "classifier.bottleneck=0",
}


@pytest.mark.parametrize(("method", "variant"), VARIED)
def test_a_stacked_run_is_as_it_is_alone(method, variant, toy):
    """Other pairs, seeds, rates, decays, momenta, annealings and weights in one program."""
    configs = [
        with_optim(config, lr=config.optim.lr * CALMER.get((method, variant), 1))
        for config in group_of(method, toy, variant=variant)
    ]
    for found, config in zip(stacked(configs), configs, strict=True):
        assert_close(found, alone(config))


@pytest.mark.parametrize("head", HEADS)
def test_whatever_the_head(head, toy):
    configs = group_of("coral", toy, HEADS[head])
    for found, config in zip(stacked(configs), configs, strict=True):
        assert_close(found, alone(config))


@pytest.mark.parametrize("kind", ["adam", "adamw"])
def test_whatever_the_optimiser(kind, toy):
    configs = group_of("coral", toy, kind=kind, momentum=0.0)
    for found, config in zip(stacked(configs), configs, strict=True):
        assert_close(found, alone(config))


def test_each_run_has_a_schedule_of_its_own(toy):
    schedules = ("constant", "cosine", "quarters")
    configs = [
        with_optim(config, schedule=schedule, annealing=None)
        for config, schedule in zip(group_of("source_only", toy, n=3), schedules, strict=True)
    ]
    for found, config in zip(stacked(configs), configs, strict=True):
        assert_close(found, alone(config))


def test_what_is_left_of_a_run_is_its_last_weights(toy):
    """Features are looked at after the fit, and a model may be kept."""
    members = members_of(group_of("coral", toy))
    found = fit_stacked(members)
    for member, outcome in zip(members, found, strict=True):
        member.method.eval()
        with torch.inference_mode():
            again = member.method.predict_proba(torch.from_numpy(np.asarray(member.test, np.float32)))
        np.testing.assert_allclose(again.numpy(), outcome.checkpoints[-1].test, atol=1e-6)


def test_what_one_run_is_given_moves_no_other_by_a_bit(toy):
    members = members_of(group_of("dann", toy, n=3))
    noisy = members_of(group_of("dann", toy, n=3))
    noise = np.random.default_rng(0).normal(size=noisy[1].task.target.shape)
    noisy[1] = replace(noisy[1], task=replace(noisy[1].task, target=noise))
    found, other = fit_stacked(members), fit_stacked(noisy)
    assert_same(found[0], other[0])
    assert_same(found[2], other[2])
    assert found[1].history != other[1].history


def test_one_that_diverges_fails_alone_where_it_would_have(toy):
    configs = group_of("coral", toy, n=3)
    calm = stacked(configs)
    configs[1] = with_optim(configs[1], lr=1e30)
    with pytest.raises(Diverged) as wanted:
        alone(configs[1])
    found = stacked(configs)
    assert isinstance(found[1].error, Diverged)
    assert (found[1].error.step, found[1].error.term) == (wanted.value.step, wanted.value.term)
    assert_same(found[0], calm[0])
    assert_same(found[2], calm[2])


def test_what_goes_wrong_in_all_leaves_the_methods_as_they_were(toy, monkeypatch):
    members = members_of(group_of("coral", toy))
    before = [{name: value.clone() for name, value in m.method.state_dict().items()} for m in members]
    monkeypatch.setattr("tlbench.training.stacked.stacked_fit._Fit._settle", broken)
    with pytest.raises(RuntimeError, match="broken"):
        fit_stacked(members)
    for member, state in zip(members, before, strict=True):
        assert all(torch.equal(value, state[name]) for name, value in member.method.state_dict().items())


def broken(self, pending) -> None:
    for run in range(len(self.members)):
        self.program.load(run)
    raise RuntimeError("broken")


@pytest.mark.parametrize(
    ("change", "together"),
    [("seed=3", True), ("optim.lr=0.3", True), ("method.weight=3", True), ("classifier.bottleneck=5", False),
     ("+classifier.activation=sigmoid", False), ("optim.batch_size=15", False), ("method.variant=mean", False),
     ("+optim.label_smoothing=0.1", False), ("optim.nesterov=true", False)],
)  # fmt: skip
def test_runs_are_of_one_kind_where_they_differ_in_what_each_has_for_itself(change, together, toy):
    one, other = (members_of(group_of("coral", toy, *extra, n=1))[0] for extra in ((), (change,)))
    assert kind_of(one) is not None
    assert (kind_of(one) == kind_of(other)) is together


@pytest.mark.parametrize("change", ["classifier.dropout=0.5", "trainer.accumulate=2", "trainer.compile=true"])
def test_what_would_not_be_the_same_is_not_stacked(change, toy):
    assert kind_of(members_of(group_of("coral", toy, change, n=1))[0]) is None
