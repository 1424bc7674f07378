"""Domain generalisation: what is added to the mean risk of the sources, and what the sources have of a batch."""

import numpy as np
import pytest
import torch

from baselines.vrex import Vrex
from tests.baselines.tiny import C, D, array, network, softmax
from tests.support import config_of, last_of, prepared
from tlbench.errors import Refused, TlbenchError
from tlbench.method import SourceOutput
from tlbench.running.refusals import refuse_impossible
from tlbench.running.setup import Setup

VREX = {"weight": 10.0, "warmup": 0.1}


def domains(*sizes: int, seed: int = 0) -> list[SourceOutput]:
    """What a step saw of sources of these sizes, in double precision."""
    generator = torch.Generator().manual_seed(seed)
    return [
        SourceOutput(
            torch.randn(n, D, dtype=torch.float64, generator=generator).requires_grad_(),
            torch.randn(n, C, dtype=torch.float64, generator=generator).requires_grad_(),
            torch.arange(n) % C,
        )
        for n in sizes
    ]


def risks_by_hand(found: list[SourceOutput]) -> list[float]:
    return [
        float(np.mean([-np.log(p[y]) for p, y in zip(softmax(array(d.logits)), d.labels, strict=True)])) for d in found
    ]


def test_the_penalty_of_vrex_is_the_population_variance_of_the_risks():
    method, found = Vrex(**VREX, network=network()), domains(4, 6, 5)
    method.progress = 0.5
    want = 10 * np.var(risks_by_hand(found))
    assert method.domain_terms(found)["variance"].item() == pytest.approx(want, rel=1e-6)


@pytest.mark.parametrize(
    ("progress", "weight", "factor"), [(0.0, 10.0, 1.0), (0.09, 10.0, 1.0), (0.1, 10.0, 10.0), (0.0, 0.3, 0.3)]
)
def test_the_weight_of_vrex_after_its_warm_up(progress, weight, factor):
    """Risks of 1 and 3 have a variance of 1: logits (-r', 0) of two classes with log(1 + exp(r')) = r."""
    method = Vrex(weight=weight, warmup=0.1, network=network())
    method.progress = progress
    found = [
        SourceOutput(torch.zeros(1, D), torch.tensor([[-float(np.log(np.expm1(r))), 0.0, -60.0]]), torch.tensor([0]))
        for r in (1.0, 3.0)
    ]
    assert method.domain_terms(found)["variance"].item() == pytest.approx(factor, rel=1e-5)


def words(method, *extra):
    own = [f"method={method}", "optim.batch_size=10", "trainer=cpu", "validators=10"]
    return last_of("dataset=toy", "pair=L+T-R", *own, *extra)


def test_a_step_has_equal_parts_of_each_source_and_all_pass_as_one_batch(toy):
    run, _ = prepared(config_of(*words("vrex"), config_dir=toy))
    assert [len(part) for part in run.learner.labelled(run.task)] == [48, 48]
    assert len(run.task.target) == 0
    sizes = []
    run.learner.network.register_forward_pre_hook(lambda module, given: sizes.append(len(given[0])))
    x = torch.randn(10, 4)
    terms = run.learner.losses([(x[:5], torch.arange(5) % 3), (x[5:], torch.arange(5) % 3)], None)
    assert (sizes, set(terms)) == ([10], {"classification", "variance"})


def test_one_source_is_refused_with_words(toy):
    setup = Setup.of(config_of(*words("vrex"), config_dir=toy).model_copy(update={"pair": "left-right"}))
    with pytest.raises(
        Refused, match=r"vrex compares source domains, and pair=left-right has one. Use pair=leave_one_out"
    ):
        refuse_impossible(setup)


@pytest.mark.parametrize(("bad", "told"), [
    ({"weight": -1.0}, "method.weight must be 0 or more"),
    ({"warmup": 1.1}, "method.warmup must be from 0 to 1"),
])  # fmt: skip
def test_refuses_what_makes_no_sense(bad, told):
    with pytest.raises(TlbenchError, match=told):
        Vrex(**VREX | bad, network=network())
