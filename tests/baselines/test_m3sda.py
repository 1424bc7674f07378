"""M3SDA: its distances by hand, every phase and its slopes beside loops in numpy, and MCD as its limit."""

import copy
from itertools import combinations

import numpy as np
import pytest
import torch

from baselines.m3sda import M3sda
from baselines.mcd import Mcd
from tests.baselines.tiny import array, slope_at, softmax
from tests.support import config_of, prepared
from tlbench.backbones.small import Identity
from tlbench.classifiers.head import Head
from tlbench.classifiers.network import Network
from tlbench.errors import TlbenchError
from tlbench.functional.source_moments import central_distance, moment_distance
from tlbench.method.views import TargetBatch

GIVEN = {"weight": 0.7, "discrepancy": 1.3, "repeats": 2, "variant": "beta"}
SIZES, M = (5, 4, 6), 7


def make(n_sources: int = 3, **changed) -> M3sda:
    torch.manual_seed(0)
    head = Head(in_dim=3, n_classes=3, bottleneck=4, dropout=0.0, activation="sigmoid")
    network = Network(Identity(input_shape=(3,)), head)
    return M3sda(network=network, n_sources=n_sources, **GIVEN | changed).double()


def batch(*sizes: int, seed: int = 0):
    generator = torch.Generator().manual_seed(seed)

    def draw(n):
        return torch.randn(n, 3, dtype=torch.float64, generator=generator) + n / 4

    return [(draw(n), torch.arange(n) % 3) for n in sizes], TargetBatch.of(draw(M))


def rows(*values):
    return torch.tensor(values, dtype=torch.float64)[:, None]


def test_closed_forms():
    one, two, target = rows(0.0, 2.0), rows(3.0), rows(1.0)
    # means 1, 3, 1: (0 + 2) / 2 + 2 = 3; mean squares 2, 9, 1: (1 + 8) / 2 + 7 = 11.5
    assert moment_distance([one, two], target).item() == pytest.approx(14.5)
    assert moment_distance([one], target).item() == pytest.approx(1.0)  # no pair: 0 + 1
    # centred -1 1, 0, 0: first rows 1, 1, 0 apart; moments 2 and 4 are 1, 0, 0, moments 3 and 5 are 0: 3 times 2/3
    assert central_distance([one, two], target).item() == pytest.approx(2.0)


def far(a, b):
    return np.sqrt(sum((p - q) ** 2 for p, q in zip(a, b, strict=True)))


def raw_by_loops(domains):
    *sources, target = domains
    total = 0.0
    for k in (1, 2):
        mean = [[np.mean([row[d] ** k for row in x]) for d in range(x.shape[1])] for x in (*sources, target)]
        total += np.mean([far(own, mean[-1]) for own in mean[:-1]])
        total += np.mean([far(a, b) for a, b in combinations(mean[:-1], 2)])
    return total


def central_by_loops(domains):
    centred = [x - x.mean(axis=0) for x in domains]
    total = 0.0
    for a, b in (pairs := list(combinations(centred, 2))):
        n = min(len(x) for x in centred)
        total += np.sqrt(((a[:n] - b[:n]) ** 2).sum())
        total += sum(np.sqrt((((a**k).mean(axis=0) - (b**k).mean(axis=0)) ** 2).sum()) for k in (2, 3, 4, 5))
    return total / len(pairs)


@pytest.mark.parametrize(("distance", "loops"), [(moment_distance, raw_by_loops), (central_distance, central_by_loops)])
def test_distances_agree_with_loops_pass_gradients_and_know_no_order_of_sources(distance, loops):
    parts, target = batch(*SIZES)
    xs = [x.requires_grad_() for x, _ in parts]
    t = target.train.requires_grad_()
    assert distance(xs, t).item() == pytest.approx(loops([array(x) for x in (*xs, t)]))
    assert torch.autograd.gradcheck(lambda *all_: distance(all_[:-1], all_[-1]), (*xs, t))
    torch.testing.assert_close(distance(xs[::-1], t), distance(xs, t))


@pytest.mark.parametrize("distance", [moment_distance, central_distance])
def test_like_domains_cost_nothing_and_have_no_slope(distance):
    x = torch.randn(5, 2, dtype=torch.float64).requires_grad_()
    value = distance([x, x.clone()], x.clone())
    (slope,) = torch.autograd.grad(value, x)
    assert value.item() == 0.0
    assert not slope.any()  # and no NaN, which the root of 0 would give


def test_the_distance_of_the_code_knows_no_means():
    parts, target = batch(*SIZES)
    xs = [x for x, _ in parts]
    torch.testing.assert_close(central_distance([xs[0] + 5, *xs[1:]], target.train), central_distance(xs, target.train))
    assert moment_distance([xs[0] + 5, *xs[1:]], target.train) > moment_distance(xs, target.train) + 1


@pytest.mark.parametrize(
    "wrong",
    [([], torch.zeros(2, 3)), ([torch.zeros(0, 3)], torch.zeros(2, 3)), ([torch.zeros(2, 4)], torch.zeros(2, 3))],
)
def test_distances_refuse_what_they_cannot_compare(wrong):
    moment_distance([torch.zeros(2, 3)], torch.zeros(2, 3))
    with pytest.raises(ValueError, match="A moment distance needs"):
        moment_distance(*wrong)


def by_hand(method: M3sda, labelled, target) -> list[float]:
    """What phases A, B and C minimise, in numpy, from the weights as they are; a fourth number is A of `plain`."""
    head, variant, n = method.network.head, method.variant, len(labelled)

    def layer(f, one):
        return f @ array(one.weight).T + array(one.bias)

    def feature(x):
        return 1 / (1 + np.exp(-layer(array(x), head.bottleneck[0])))

    firsts = [head.last, *method.more]
    own = [0] * n if variant == "code" else list(range(n))
    risks, features = [], [feature(x) for x, _ in labelled]
    for i, (f, (_, y)) in enumerate(zip(features, labelled, strict=True)):
        heads = [firsts[own[i]], *([] if variant == "plain" else [method.seconds[own[i]]])]
        risks.append(sum(np.mean([-np.log(p[k]) for p, k in zip(softmax(layer(f, h)), y, strict=True)]) for h in heads))
    seen = feature(target.train)
    distance = central_by_loops if variant == "code" else raw_by_loops
    fitted = sum(risks) / n
    first = fitted + GIVEN["weight"] * distance([*features, seen]) / n
    if variant == "plain":
        return [first]
    gaps = [
        np.abs(softmax(layer(seen, a)) - softmax(layer(seen, b))).mean()
        for a, b in zip(firsts, method.seconds, strict=True)
    ]
    far = GIVEN["discrepancy"] * np.mean(gaps)
    return [first, fitted - far, far, far]


@pytest.mark.parametrize("variant", ["beta", "plain", "code"])
def test_every_phase_and_its_slopes_are_those_of_loops(variant):
    method, (labelled, target) = make(variant=variant), batch(*SIZES)
    want = by_hand(method, labelled, target)
    phases = method.phases(labelled, target)  # features and probabilities are kept in single precision
    assert len(phases) == len(want)
    for number, phase in enumerate(phases):
        total = sum(phase.terms().values())
        assert total.item() == pytest.approx(want[number], rel=1e-6)
        moved = list(method.parameters()) if phase.trains is None else list(phase.trains)
        slopes = torch.autograd.grad(total, moved)
        for parameter, slope in zip(moved, slopes, strict=True):
            matrix, found = (parameter, slope) if parameter.ndim == 2 else (parameter[None], slope[None])
            by_steps = slope_at(matrix.data, 0, -1, lambda n=number: by_hand(method, labelled, target)[n])
            assert found[0, -1].item() == pytest.approx(by_steps, rel=1e-4, abs=1e-6)


def test_who_moves_when():
    method = make(2)
    first, apart, *together = method.phases(*batch(4, 4))
    names = {id(v): n for n, v in method.named_parameters()}
    assert first.trains is None
    assert {names[id(v)].rsplit(".", 1)[0] for v in apart.trains} == {
        "network.head.last", "more.0", "seconds.0", "seconds.1"
    }  # fmt: skip
    assert [{names[id(v)] for v in phase.trains} for phase in together] == [
        {"network.head.bottleneck.0.weight", "network.head.bottleneck.0.bias"}
    ] * 2
    assert set(first.terms()) == {"classification", "second_classification", "moments"}
    assert set(apart.terms()) == {"classification", "second_classification", "apart"}
    assert (method.passes, method.batches_per_step) == (4, 6)
    plain = make(2, variant="plain")
    assert (plain.passes, plain.batches_per_step, len(plain.seconds), len(plain.more)) == (1, 2, 0, 1)
    assert (len(make(3, variant="code").seconds), len(make(3, variant="code").more)) == (1, 0)


def test_domains_have_statistics_of_their_own_where_the_recipe_keeps_them_apart():
    head = Head(in_dim=3, n_classes=3, bottleneck=4, dropout=0.0, norm="batch")
    network = Network(Identity(input_shape=(3,)), head, batch_norm="per_domain")
    method, norm = M3sda(network=network, n_sources=2, **GIVEN).double(), head.bottleneck[1]
    first, _, together, _ = method.phases(*batch(4, 5))
    first.terms()
    after = norm.source_running_mean.clone(), norm.target_running_mean.clone()
    assert after[0].all()  # both have moved from 0
    assert after[1].all()
    together.terms()
    assert torch.equal(norm.source_running_mean, after[0])  # the target alone passes
    assert not torch.equal(norm.target_running_mean, after[1])


@pytest.mark.parametrize(("variant", "n"), [("beta", 1), ("code", 2)])
def test_one_pair_of_classifiers_without_moments_is_mcd(variant, n):
    """With one source, or one pair for all sources: equal shares make the mean of risks the risk of all."""
    method = make(n, variant=variant, weight=0.0)
    other = Mcd(network=copy.deepcopy(method.network), weight=1.3, repeats=2, balance=0.0)
    other.second.load_state_dict(method.seconds[0].state_dict())
    other.double()
    labelled, target = batch(*[6] * n)
    other.domains = method.domains
    for one, two in zip(method.phases(labelled, target), other.phases(labelled, target), strict=True):
        torch.testing.assert_close(sum(one.terms().values()), sum(two.terms().values()))
    torch.testing.assert_close(method.predict_proba(target.train), other.predict_proba(target.train))


def test_sources_meet_their_own_classifiers_and_their_order_is_no_matter():
    method, (labelled, target) = make(2), batch(4, 5)
    swapped = copy.deepcopy(method)
    swapped.network.head.last.load_state_dict(method.more[0].state_dict())
    swapped.more[0].load_state_dict(method.network.head.last.state_dict())
    for place in (0, 1):
        swapped.seconds[place].load_state_dict(method.seconds[1 - place].state_dict())
    pairs = list(zip(method.phases(labelled, target), swapped.phases(labelled[::-1], target), strict=True))
    for one, other in pairs:
        torch.testing.assert_close(sum(one.terms().values()), sum(other.terms().values()))
    wrong = swapped.phases(labelled, target)[0].terms()["classification"]
    assert abs(wrong - pairs[0][0].terms()["classification"]) > 1e-3


@pytest.mark.parametrize("variant", ["beta", "plain", "code"])
def test_it_predicts_with_the_mean_of_all_classifiers(variant):
    method, x = make(2, variant=variant), torch.randn(4, 3, dtype=torch.float64)
    features, _ = method.network(x)
    heads = [method.network.head.last, *method.more, *method.seconds]
    assert len(heads) == {"beta": 4, "plain": 2, "code": 2}[variant]
    want = sum(head(features).softmax(dim=1) for head in heads) / len(heads)
    torch.testing.assert_close(method.predict_proba(x), want, check_dtype=False)


def test_the_pair_says_how_many_sources_there_are_and_the_seed_what_their_classifiers_are(toy):
    words = ("dataset=toy", "pair=L+T-R", "method=m3sda", "trainer=cpu")
    one, two = (prepared(config_of(*words, config_dir=toy))[0] for _ in range(2))
    assert (one.learner.n_sources, len(one.learner.seconds)) == (2, 2)
    assert [len(part) for part in one.learner.labelled(one.task)] == [48, 48]
    for p, q in zip(one.learner.parameters(), two.learner.parameters(), strict=True):
        assert torch.equal(p, q)
    weights = [head.weight for head in (*one.learner.firsts, *one.learner.seconds)]
    assert not any(torch.equal(p, q) for p, q in combinations(weights, 2))  # else they never part


@pytest.mark.parametrize("wrong", [{"weight": -0.1}, {"discrepancy": -1.0}, {"repeats": -1}, {"variant": "alpha"}])
def test_refusals(wrong):
    make()
    with pytest.raises(TlbenchError, match=rf"method\.{next(iter(wrong))} must be"):
        make(**wrong)
