"""MFSAN: its loss and slopes beside loops in numpy, its branches, and what passes with what."""

import math
from itertools import combinations

import numpy as np
import pytest
import torch

from baselines.mfsan import Mfsan
from tests.baselines.tiny import array, slope_at, softmax
from tests.support import config_of, prepared
from tlbench.backbones.small import Identity
from tlbench.classifiers.head import Head
from tlbench.classifiers.network import Network
from tlbench.errors import TlbenchError
from tlbench.method.views import TargetBatch
from tlbench.running.kept_model import load_network, save_learner

GIVEN = {"weight": 0.7, "agreement": 1.3, "gamma": 8.0, "variant": "outputs"}
P = 0.2
GROWN = 2 / (1 + math.exp(-8 * P)) - 1


class Doubled(Identity):
    """A backbone with a weight."""

    def __init__(self) -> None:
        super().__init__(input_shape=(3,))
        self.mix = torch.nn.Linear(3, 3)

    def forward(self, x):
        return self.mix(x)


def make(n_sources: int = 3, norm: str = "none", batch_norm: str = "shared", **changed) -> Mfsan:
    torch.manual_seed(0)
    head = Head(in_dim=3, n_classes=3, bottleneck=4, dropout=0.0, activation="sigmoid", norm=norm)
    network = Network(Doubled(), head, batch_norm=batch_norm)
    method = Mfsan(network=network, n_sources=n_sources, **GIVEN | changed)
    method.progress = P
    return method


def batch(*sizes: int, m: int = 7, dtype=torch.float64):
    generator = torch.Generator().manual_seed(0)

    def draw(n):
        return torch.randn(n, 3, dtype=dtype, generator=generator) + n / 4

    return [(draw(n), torch.arange(n) % 3) for n in sizes], TargetBatch.of(draw(m))


def layer(x, of):
    return x @ array(of.weight).T + array(of.bias)


def in_branches(method, xs):
    """(features, probabilities) of each array in each branch, in numpy: found[branch][array]."""
    heads = [method.network.head, *(one.head for one in method.more)]
    found = []
    for head in heads:
        features = [1 / (1 + np.exp(-layer(layer(x, method.network.backbone.mix), head.bottleneck[0]))) for x in xs]
        found.append([(f, softmax(layer(f, head.last))) for f in features])
    return found


def squared(x, y):
    return ((x[:, None] - y[None]) ** 2).sum(axis=2)


def mean_square(x, y):
    """Mean squared distance of all different pairs."""
    both = np.concatenate([x, y])
    return squared(both, both).sum() / (len(both) * (len(both) - 1))


def widths_of(method, labelled, target):
    found = in_branches(method, [array(x) for x in (*(x for x, _ in labelled), target.train)])
    return [mean_square(found[j][j][0], found[j][-1][0]) for j in range(len(found))]


def by_hand(method, labelled, target, widths):
    """The loss in numpy, under kernels of these widths: no gradient passes them."""
    found = in_branches(method, [array(x) for x in (*(x for x, _ in labelled), target.train)])
    risks, gaps = [], []
    for j, (_, y) in enumerate(labelled):
        (s, p), (t, _) = found[j][j], found[j][-1]
        risks.append(np.mean([-np.log(row[label]) for row, label in zip(p, y, strict=True)]))

        def k(a, b, w=widths[j]):
            return sum(np.exp(-squared(a, b) / (scale * w)) for scale in (0.25, 0.5, 1, 2, 4)).mean()

        gaps.append(k(s, s) + k(t, t) - 2 * k(s, t))
    said = [p if method.variant == "outputs" else softmax(f) for f, p in (own[-1] for own in found)]
    apart = np.mean([np.abs(a - b).mean() for a, b in combinations(said, 2)])
    return np.mean(risks) + GROWN * (0.7 * np.mean(gaps) + 1.3 * apart)


@pytest.mark.parametrize("variant", ["outputs", "features"])
def test_the_loss_and_its_slopes_are_those_of_loops(variant):
    method, (labelled, target) = make(variant=variant).double(), batch(5, 4, 6)
    widths = widths_of(method, labelled, target)
    # features and logits of a step are kept in single precision, so the slopes agree to that
    total = sum(method.losses(labelled, target).values())
    assert total.item() == pytest.approx(by_hand(method, labelled, target, widths), rel=1e-5)
    moved = list(method.parameters())
    for parameter, slope in zip(moved, torch.autograd.grad(total, moved), strict=True):
        matrix, found = (parameter, slope) if parameter.ndim == 2 else (parameter[None], slope[None])
        by_steps = slope_at(matrix.data, 0, -1, lambda: by_hand(method, labelled, target, widths))
        assert found[0, -1].item() == pytest.approx(by_steps, rel=1e-4, abs=2e-6)


def test_closed_form_of_the_agreement():
    """Branches that say (1, 0, 0) and (0, 1, 0) of all examples are 2/3 apart; the third in between, 1/3 and 1/3."""
    method = make(3)
    biases = ([60.0, 0.0, -60.0], [0.0, 60.0, -60.0], [60.0, 60.0, -60.0])
    with torch.no_grad():
        for branch, bias in zip(method.branches, biases, strict=True):
            branch.head.last.weight.zero_()
            branch.head.last.bias.copy_(torch.tensor(bias))
    terms = method.losses(*batch(4, 4, 4, dtype=torch.float32))
    assert terms["agreement"].item() == pytest.approx(GROWN * 1.3 * (2 / 3 + 1 / 3 + 1 / 3) / 3, rel=1e-5)


def test_what_is_added_grows_from_nothing():
    method, given = make(), batch(4, 4, 4, dtype=torch.float32)
    late = method.losses(*given)
    method.progress = 0.0
    early = method.losses(*given)
    assert (early["mmd"].item(), early["agreement"].item()) == (0.0, 0.0)
    assert early["classification"] == late["classification"]
    assert min(late["mmd"].item(), late["agreement"].item()) > 0


def test_like_domains_in_like_branches_cost_nothing():
    method = make(2)
    method.more[0].head.load_state_dict(method.network.head.state_dict())
    ((x, y),), _ = batch(6, dtype=torch.float32)
    terms = method.losses([(x, y), (x, y)], TargetBatch.of(x))
    assert terms["mmd"].item() == pytest.approx(0.0, abs=1e-6)
    assert terms["agreement"].item() == 0.0
    alone = method.classification(method.network(x)[1], y)
    torch.testing.assert_close(terms["classification"], alone)


def test_branches_follow_their_sources_whatever_the_order():
    method, (labelled, target) = make(2), batch(4, 5, dtype=torch.float32)
    before = method.losses(labelled, target)
    first, second = method.network.head.state_dict(), method.more[0].head.state_dict()
    first = {name: value.clone() for name, value in first.items()}
    method.network.head.load_state_dict(second)
    method.more[0].head.load_state_dict(first)
    after = method.losses(labelled[::-1], target)
    for name, value in before.items():
        torch.testing.assert_close(after[name], value)
    assert abs(method.losses(labelled, target)["classification"] - before["classification"]) > 1e-3


def test_a_source_passes_its_own_branch_with_the_target_and_each_alone_where_statistics_are_apart():
    for batch_norm, want in (("shared", [[11], [12]]), ("per_domain", [[4, 7], [5, 7]])):
        method, sizes = make(2, norm="batch", batch_norm=batch_norm), [[], []]
        for branch, seen in zip(method.branches, sizes, strict=True):
            branch.head.register_forward_pre_hook(lambda module, given, seen=seen: seen.append(len(given[0])))
        method.losses(*batch(4, 5, dtype=torch.float32))
        assert sizes == want
    norm = method.more[0].head.bottleneck[1]
    assert not torch.equal(norm.source_running_mean, norm.target_running_mean)
    assert norm.source_running_mean.all()  # both have moved from 0
    assert norm.target_running_mean.all()


def test_it_predicts_with_the_mean_of_the_branches():
    method, x = make(3).eval(), torch.randn(4, 3)
    below = method.network.backbone(x)
    found = [branch.head(below) for branch in method.branches]
    features, probabilities = method.outputs(x)
    torch.testing.assert_close(probabilities, sum(z.softmax(dim=1) for _, z in found) / 3)
    torch.testing.assert_close(features, sum(f for f, _ in found) / 3)


def test_branches_are_drawn_by_the_seed_differ_and_come_back_with_a_kept_model(toy, tmp_path):
    words = ("dataset=toy", "pair=L+T-R", "method=mfsan", "trainer=cpu")
    one, two = (prepared(config_of(*words, config_dir=toy))[0].learner for _ in range(2))
    heads = [branch.head for branch in one.branches]
    assert len(heads) == 2
    assert not torch.equal(heads[0].bottleneck[0].weight, heads[1].bottleneck[0].weight)
    for p, q in zip(one.parameters(), two.parameters(), strict=True):
        assert torch.equal(p, q)
    with torch.no_grad():
        heads[1].last.bias.add_(1.0)
    load_network(two, save_learner(one, tmp_path))
    x = torch.randn(5, 4)
    torch.testing.assert_close(one.eval().predict_proba(x), two.eval().predict_proba(x))


@pytest.mark.parametrize("wrong", [{"weight": -0.1}, {"agreement": -1.0}, {"gamma": 0.0}, {"variant": "logits"}])
def test_refusals(wrong):
    make()
    with pytest.raises(TlbenchError, match=rf"method\.{next(iter(wrong))} must be"):
        make(**wrong)
