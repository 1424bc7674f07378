"""Domain generalisation: what is added to the mean risk of the sources, and what the sources have of a batch."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from baselines.dg_coral import DgCoral
from baselines.dg_mmd import DgMmd
from baselines.groupdro import Groupdro
from baselines.irm import Irm, scale_slope
from baselines.mixup import Mixup
from baselines.rsc import Rsc, below_the_top
from baselines.sd import Sd
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


# the others


def softmax_loss(z, y):
    return float(np.mean([-np.log(p[label]) for p, label in zip(softmax(z), y, strict=True)]))


@pytest.mark.parametrize("variant", ["mean", "paper"])
def test_coral_between_sources_is_the_mean_over_pairs(variant):
    found = domains(5, 7, 6)
    xs = [array(of.features) for of in found]
    gaps = []
    for i in range(3):
        for j in range(i):
            c = np.cov(xs[i].T) - np.cov(xs[j].T)
            m = xs[i].mean(axis=0) - xs[j].mean(axis=0)
            gaps.append((c**2).mean() + (m**2).mean() if variant == "mean" else (c**2).sum() / (4 * D**2))
    got = DgCoral(weight=0.5, variant=variant, network=network()).domain_terms(found)["coral"]
    assert got.item() == pytest.approx(0.5 * np.mean(gaps), rel=1e-6)


def test_mmd_between_sources_has_domainbeds_kernels_and_all_pairs_of_examples():
    found = domains(4, 6)
    x, y = (array(of.features) for of in found)

    def k(a, b):
        d = ((a[:, None] - b[None]) ** 2).sum(axis=2)
        return sum(np.exp(-s * d) for s in (0.001, 0.01, 0.1, 1.0, 10.0, 100.0, 1000.0)).mean()

    got = DgMmd(weight=1.0, network=network()).domain_terms(found)["mmd"]
    assert got.item() == pytest.approx(k(x, x) + k(y, y) - 2 * k(x, y), rel=1e-6)


@pytest.mark.parametrize(
    "make", [lambda: DgCoral(weight=1.0, network=network()), lambda: DgMmd(weight=1.0, network=network())]
)
def test_like_sources_cost_nothing(make):
    (one,) = domains(6)
    (value,) = make().domain_terms([one, one, one]).values()
    assert value.item() == pytest.approx(0.0, abs=1e-9)


def with_risks(*risks: float) -> list[SourceOutput]:
    """One example a source whose loss is this: logits (-r', 0) of two classes with log(1 + exp(r')) = r."""
    rows = [torch.tensor([[-float(np.log(np.expm1(r))), 0.0, -60.0]]) for r in risks]
    return [SourceOutput(torch.zeros(1, D), row, torch.tensor([0])) for row in rows]


def grouped(n: int, eta: float) -> Groupdro:
    method = Groupdro(eta=eta, network=network())
    method.prepare(SimpleNamespace(sources=[None] * n))
    return method


def test_group_dro_weighs_by_risks_before_it_uses_the_weights():
    """Risks 1 and 2: q goes with e^eta and e^(2 eta), and with their squares at the next step."""
    method = grouped(2, eta=0.5)
    for step in (1, 2):
        loss = method.terms(with_risks(1.0, 2.0))["classification"].item()
        grown = np.exp(0.5 * step * np.array([1.0, 2.0]))
        q = grown / grown.sum()
        np.testing.assert_allclose(method.q_E, q, rtol=1e-5)
        assert loss == pytest.approx(q @ [1.0, 2.0], rel=1e-5)
        assert method.told["largest_share"].item() == pytest.approx(q.max(), rel=1e-5)


def test_group_dro_without_a_rate_is_the_mean_risk_and_its_weights_pass_no_gradient():
    found = domains(4, 4)
    loss = grouped(2, eta=0.0).terms(found)["classification"]
    assert loss.item() == pytest.approx(np.mean(risks_by_hand(found)), rel=1e-6)
    method = grouped(2, eta=3.0)
    slopes = torch.autograd.grad(method.terms(found)["classification"], [of.logits for of in found])
    for q, of, slope in zip(method.q_E, found, slopes, strict=True):
        (own,) = torch.autograd.grad(torch.nn.functional.cross_entropy(of.logits, of.labels), of.logits)
        torch.testing.assert_close(slope, q * own, check_dtype=False, rtol=1e-5, atol=1e-8)


def test_the_slope_of_irm_is_the_derivative_by_a_factor_on_the_logits():
    (of,) = domains(6)
    z, y = array(of.logits), of.labels.numpy()
    want = (softmax_loss(1.000001 * z, y) - softmax_loss(0.999999 * z, y)) / 2e-6
    assert scale_slope(of.logits, of.labels).item() == pytest.approx(want, rel=1e-5)


def test_the_penalty_of_irm_is_of_even_and_odd_examples_and_may_be_below_zero():
    method, found = Irm(weight=3.0, warmup=0.1, network=network()), domains(6, 5)
    method.progress = 0.5
    slopes = [
        [scale_slope(of.logits[part::2], of.labels[part::2]).item() for part in (0, 1)] for of in found
    ]  # of 5 examples 3 and 2
    assert method.domain_terms(found)["invariance"].item() == pytest.approx(
        3 * np.mean([a * b for a, b in slopes]), rel=1e-6
    )
    good, bad = torch.tensor([[4.0, 0.0, 0.0]]), torch.tensor([[0.0, 4.0, 0.0]])
    sure = SourceOutput(torch.zeros(2, D), torch.cat([good, bad]), torch.tensor([0, 0]))
    method.progress = 0.0
    assert method.domain_terms([sure])["invariance"].item() < 0


def test_spectral_decoupling_by_hand():
    """Every logit 2: the mean square is 4."""
    found = [SourceOutput(torch.zeros(3, D), torch.full((3, C), 2.0), torch.zeros(3, dtype=torch.long))] * 2
    assert Sd(weight=0.1, network=network()).domain_terms(found)["decoupling"].item() == pytest.approx(0.4)


def batches(*sizes: int) -> list[tuple[torch.Tensor, torch.Tensor]]:
    generator = torch.Generator().manual_seed(1)
    return [(torch.randn(n, D, generator=generator), torch.arange(n) % C) for n in sizes]


def test_mixtures_by_loops():
    method, parts = Mixup(alpha=0.2, network=network()), batches(4, 6)
    pairs, shares = [(0, 1), (1, 0)], [0.25, 0.6]
    total = 0.0
    for (i, j), share in zip(pairs, shares, strict=True):
        (x, y), (u, v) = ((a[:4], b[:4]) for a, b in (parts[i], parts[j]))
        with torch.no_grad():
            z = array(method.network(share * x + (1 - share) * u)[1].double())
        total += share * softmax_loss(z, y) + (1 - share) * softmax_loss(z, v)
    assert method.mixed(parts, pairs, shares).item() == pytest.approx(total / 2, rel=1e-5)


def test_mixtures_of_one_alone_are_the_risk_of_the_first_members():
    method, parts = Mixup(alpha=0.2, network=network()), batches(5, 5, 5)
    risks = method.risks(method.passed(parts)).mean()
    assert method.mixed(parts, [(0, 1), (1, 2), (2, 0)], [1.0, 1.0, 1.0]).item() == pytest.approx(
        risks.item(), rel=1e-6
    )


def test_the_ring_has_every_source_once_on_either_side():
    method, seen = Mixup(alpha=0.2, network=network()), []
    method.mixed = lambda labelled, pairs, shares: seen.append((pairs, shares)) or torch.zeros(())
    torch.manual_seed(0)
    for _ in range(20):
        method.losses(batches(3, 3, 3), None)
    for pairs, shares in seen:
        assert sorted(i for i, _ in pairs) == sorted(j for _, j in pairs) == [0, 1, 2]
        assert all(i != j for i, j in pairs)
        assert all(0 <= share <= 1 for share in shares)
    assert len({tuple(pairs) for pairs, _ in seen}) > 1
    assert np.var([share for _, shares in seen for share in shares]) > 0.1  # Beta(0.2, 0.2): most shares near 0 or 1


def test_below_the_top_by_hand():
    """Of 1 to 4 the quantile of 0.5 is 2.5."""
    x = torch.tensor([[4.0, 1.0, 3.0, 2.0]])
    assert below_the_top(x, 0.5).tolist() == [[False, True, False, True]]
    assert below_the_top(x, 0.0).all()


def test_rsc_agrees_with_loops():
    method, (of,) = Rsc(features=0.5, examples=0.5, network=network()), domains(8)
    w, b = (array(p).astype(float) for p in method.network.head.last.parameters())
    f, y = array(of.features), of.labels.numpy()
    z = f @ w.T + b
    light = np.stack([w[label] < np.quantile(w[label], 0.5) for label in y])  # the slope of a logit is its row
    before, after = softmax(z)[np.arange(8), y], softmax((f * light) @ w.T + b)[np.arange(8), y]
    spared = before - after < np.quantile(before - after, 0.5)
    want = light | spared[:, None]
    got = method.double().what_stays(of.features.detach(), torch.tensor(z), of.labels)
    np.testing.assert_array_equal(got.numpy(), want)
    out = SourceOutput(of.features, torch.tensor(z), of.labels)
    assert method.terms([out])["classification"].item() == pytest.approx(
        softmax_loss((f * want) @ w.T + b, y), rel=1e-6
    )
    assert method.told["taken"].item() == pytest.approx(1 - want.mean())


@pytest.mark.parametrize("how", [{"features": 0.0, "examples": 0.5}, {"features": 0.5, "examples": 0.0}])
def test_rsc_that_takes_nothing_away_is_the_reference(how):
    method, (of,) = Rsc(**how, network=network()).double(), domains(8)
    assert method.what_stays(of.features.detach(), of.logits.detach(), of.labels).all()


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


@pytest.mark.parametrize(("method", "good", "bad", "told"), [
    (Vrex, VREX, {"weight": -1.0}, "method.weight must be 0 or more"),
    (Vrex, VREX, {"warmup": 1.1}, "method.warmup must be from 0 to 1"),
    (Irm, VREX, {"weight": -1.0}, "method.weight must be 0 or more"),
    (Irm, VREX, {"warmup": -0.1}, "method.warmup must be from 0 to 1"),
    (DgCoral, {"weight": 1.0}, {"weight": -1.0}, "method.weight must be 0 or more"),
    (DgCoral, {"weight": 1.0}, {"variant": "logits"}, "method.variant must be mean or paper"),
    (DgMmd, {"weight": 1.0}, {"weight": -1.0}, "method.weight must be 0 or more"),
    (Sd, {"weight": 1.0}, {"weight": -1.0}, "method.weight must be 0 or more"),
    (Groupdro, {"eta": 1.0}, {"eta": -1.0}, "method.eta must be 0 or more"),
    (Mixup, {"alpha": 1.0}, {"alpha": 0.0}, "method.alpha must be above 0"),
    (Rsc, {"features": 0.3, "examples": 0.3}, {"features": 1.3}, "method.features must be from 0 to 1"),
    (Rsc, {"features": 0.3, "examples": 0.3}, {"examples": -0.3}, "method.examples must be from 0 to 1"),
])  # fmt: skip
def test_refuses_what_makes_no_sense(method, good, bad, told):
    with pytest.raises(TlbenchError, match=told):
        method(**good | bad, network=network())
