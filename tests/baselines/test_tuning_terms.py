"""What fine-tuning methods add to the loss: pulls of weights and maps to the start, a spectrum, soft source labels."""

import numpy as np
import pytest
import torch
from torch import nn

from baselines.bss import Bss
from baselines.co_tuning import CoTuning, relation
from baselines.delta import VARIANTS, Delta, map_distance
from baselines.l2_sp import L2Sp
from tests.baselines.tiny import array, softmax
from tests.support import gaussian_task
from tlbench.backbones.small import MLP, Identity
from tlbench.classifiers.head import Head
from tlbench.classifiers.network import Network
from tlbench.errors import Refused, TlbenchError
from tlbench.functional.singular_values import smallest_squares
from tlbench.functional.weight_penalties import squared_length
from tlbench.method.fine_tuned import ShotsOutput
from tlbench.method.pools import Pools

TASK, _ = gaussian_task(shots_per_class=3)  # three features, two classes, six shots
X = torch.as_tensor(TASK.shots.inputs, dtype=torch.float32)
Y = torch.as_tensor(TASK.shots.labels)
L2SP = {"alpha": 0.1, "beta": 0.2}
DELTA = {"weight": 0.1, "head": 0.2, "layers": 4, "attention": "uniform"}


def tuned(method, *, init="pretrained", prepare=True, backbone=None, bottleneck=4, **how):
    torch.manual_seed(0)
    backbone = MLP(input_shape=(3,), hidden=[5, 4]) if backbone is None else backbone
    head = Head(in_dim=backbone.out_dim, n_classes=2, bottleneck=bottleneck, dropout=0.0)
    made = method(**how, init=init, network=Network(backbone, head))
    if prepare:
        made.prepare(TASK)
    return made


def moved(method, by=0.3):
    """Moves all that learns, by as much everywhere."""
    with torch.no_grad():
        for parameter in method.network.parameters():
            parameter.add_(by)
    return method


def terms(method):
    found = method.losses([(X, Y)], None)
    found.pop("classification")
    return found


# L2-SP


def test_one_scalar_two_from_its_start_costs_twice_alpha():
    one = nn.Linear(1, 1, bias=False)
    one.out_dim = 1
    method = tuned(L2Sp, alpha=0.7, beta=0.0, backbone=one, bottleneck=0)
    assert terms_of_weights(method) == {"start": 0.0}
    with torch.no_grad():
        one.weight.add_(2.0)
    assert terms_of_weights(method) == {"start": pytest.approx(2 * 0.7)}  # alpha / 2 * 2^2


def terms_of_weights(method):
    return {name: value.item() for name, value in method.tuning_terms(ShotsOutput(X, X, Y)).items()}


def test_both_pulls_agree_with_sums_over_all_weights_and_their_gradients_with_the_distance():
    method = tuned(L2Sp, **L2SP)
    first = {name: array(p).copy() for name, p in method.network.named_parameters()}
    found = terms(moved(method))
    backbone = [n for n in first if n.startswith("backbone.")]
    head = [n for n in first if n.startswith("head.")]
    assert {n.split(".")[1] for n in head} == {"bottleneck", "last"}
    assert found["start"].item() == pytest.approx(0.05 * sum(0.3**2 * first[n].size for n in backbone), rel=1e-5)
    assert found["head"].item() == pytest.approx(0.1 * sum(((first[n] + 0.3) ** 2).sum() for n in head), rel=1e-5)
    sum(found.values()).backward()
    for name, p in method.network.named_parameters():
        want = 0.1 * 0.3 * np.ones(p.shape) if name in backbone else 0.2 * (first[name] + 0.3)
        np.testing.assert_allclose(array(p.grad), want, rtol=1e-4, atol=1e-7)


def test_scales_of_batch_norms_are_pulled_and_their_statistics_are_not():
    norm = nn.Sequential(nn.BatchNorm1d(3))
    norm.out_dim = 3
    method = tuned(L2Sp, alpha=2.0, beta=0.0, backbone=norm)
    norm[0].running_mean.add_(5.0)
    assert terms_of_weights(method)["start"] == 0.0
    with torch.no_grad():
        norm[0].weight.add_(1.0)
    assert terms_of_weights(method)["start"] == pytest.approx(3.0)  # alpha / 2 * 3 scales * 1^2


def test_no_weights_have_no_length():
    with pytest.raises(ValueError, match="one tensor or more"):
        squared_length([])


# BSS


@pytest.mark.parametrize(("k", "value"), [(1, 1.0), (2, 10.0), (3, 10.0)])
def test_the_smallest_singular_values_by_hand(k, value):
    # diag(3, 1): 1^2, then 1^2 + 3^2, and there are no more than two
    assert smallest_squares(torch.diag(torch.tensor([3.0, 1.0])), k).item() == pytest.approx(value)


@pytest.mark.parametrize("shape", [(7, 4), (4, 7)])
def test_the_spectrum_agrees_with_eigenvalues_and_its_gradient_with_the_weakest_directions(shape):
    x = torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(1)).requires_grad_()
    value = smallest_squares(x, 2)
    gram = array(x) @ array(x).T if shape[0] < shape[1] else array(x).T @ array(x)
    assert value.item() == pytest.approx(np.sort(np.linalg.eigvalsh(gram))[:2].sum())
    value.backward()
    u, s, vt = np.linalg.svd(array(x), full_matrices=False)
    np.testing.assert_allclose(array(x.grad), 2 * (u[:, -2:] * s[-2:]) @ vt[-2:], atol=1e-10)
    assert torch.isnan(smallest_squares(x * torch.inf, 1))


def test_bss_is_of_the_features_and_a_dead_one_leaves_nothing():
    method = tuned(Bss, weight=0.5, k=1)
    features = torch.randn(6, 4)
    whole = ShotsOutput(features, torch.zeros(6, 2), Y)
    assert method.tuning_terms(whole)["spectral"].item() == pytest.approx(0.5 * smallest_squares(features, 1).item())
    features[:, 2] = 0.0
    assert method.tuning_terms(whole)["spectral"].item() == pytest.approx(0.0, abs=1e-10)


# DELTA


def test_a_distance_of_maps_by_hand():
    # two channels of two places, gaps (1, 1) and (2, 0), C / P = 1: 0.25 * 2 + 0.75 * 4
    gaps = torch.tensor([[[1.0, 1.0], [2.0, 0.0]]])
    found = map_distance(gaps, torch.zeros(1, 2, 2), torch.tensor([0.25, 0.75]))
    assert found.tolist() == [pytest.approx(3.5)]
    # equal attention: |gap|^2 over the places of a map
    assert map_distance(gaps, torch.zeros(1, 2, 2), torch.tensor([0.5, 0.5])).tolist() == [pytest.approx(6 / 2)]


@pytest.mark.parametrize("variant", VARIANTS)
def test_delta_agrees_with_the_outputs_of_each_activation(variant):
    method = tuned(Delta, **DELTA, variant=variant)
    assert terms(method)["maps"].item() == 0.0
    first = activations(method.network.backbone)
    found = terms(moved(method))
    per = sum(
        ((now - was) ** 2).sum(axis=1) for now, was in zip(activations(method.network.backbone), first, strict=True)
    )
    assert len(first) == 2
    assert found["maps"].item() == pytest.approx(0.05 * (per.sum() if variant == "sum" else per.mean()), rel=1e-4)
    assert found["head"].item() == pytest.approx(0.1 * squared_length(method.network.head.parameters()).item())


def activations(mlp):
    x, found = array(X).astype(float), []
    for layer in mlp:
        if isinstance(layer, nn.Linear):
            x = x @ array(layer.weight).T + array(layer.bias)
        if isinstance(layer, nn.ReLU):
            x = np.maximum(x, 0)
            found.append(x)
    return found


def test_the_start_learns_nothing_and_stays_in_evaluation_mode():
    method = moved(tuned(Delta, **DELTA)).train()
    terms(method)["maps"].backward()
    assert all(p.grad is None and not p.requires_grad for p in method.start.parameters())
    assert all(p.grad is not None for p in method.network.backbone.parameters())
    assert not any(m.training for m in method.start.modules())


def test_only_the_last_layers_count():
    one, both = moved(tuned(Delta, **DELTA | {"layers": 1})), moved(tuned(Delta, **DELTA))
    assert len(one.layers) == 1
    assert 0 < terms(one)["maps"].item() < terms(both)["maps"].item()


def test_attention_is_a_softmax_of_how_the_loss_rises_without_a_channel():
    method = tuned(Delta, init="source", **DELTA | {"attention": "loss"})
    torch.testing.assert_close(method.attention_0, torch.full((5,), 0.2))
    pools = Pools(lambda: None, lambda i: tuple(x.detach() for x in method.outputs(X)))
    method.refresh(pools)
    backbone, head = method.network.backbone, method.network.head
    hidden = activations(backbone)[0]

    def loss(hidden):
        last = np.maximum(hidden @ array(backbone[3].weight).T + array(backbone[3].bias), 0)
        rows = np.maximum(last @ array(head.bottleneck[0].weight).T + array(head.bottleneck[0].bias), 0)
        p = softmax(rows @ array(head.last.weight).T + array(head.last.bias))
        return -np.log(p[np.arange(6), Y]).mean()

    rises = [loss(hidden * (np.arange(5) != j)) - loss(hidden) for j in range(5)]
    np.testing.assert_allclose(array(method.attention_0), softmax(np.array([rises]) / 5)[0], rtol=1e-5)
    assert method.attention_0.sum().item() == pytest.approx(1.0)
    assert method.attention_0.std() > 0
    with torch.no_grad():  # and all is as before afterwards
        np.testing.assert_allclose(array(backbone(X)), activations(backbone)[1], rtol=1e-4, atol=1e-6)


# Co-Tuning


def test_a_relation_is_the_mean_prediction_of_each_class():
    p = torch.tensor([[0.8, 0.1, 0.1], [0.6, 0.3, 0.1], [0.2, 0.2, 0.6]])
    found = relation(p, torch.tensor([0, 0, 1]))
    torch.testing.assert_close(found, torch.tensor([[0.7, 0.2, 0.1], [0.2, 0.2, 0.6], [1 / 3, 1 / 3, 1 / 3]]))
    torch.testing.assert_close(found.sum(dim=1), torch.ones(3))


def test_co_tuning_is_a_second_layers_cross_entropy_with_the_soft_labels():
    method = tuned(CoTuning, init="source", weight=2.0)
    method.refresh(Pools(lambda: None, lambda i: tuple(x.detach() for x in method.outputs(X))))
    _, logits = method.network(X)
    p = softmax(array(logits).astype(float))
    means = np.stack([p[array(Y) == c].mean(axis=0) for c in range(2)])
    want = -2.0 * np.mean([(means[y] * np.log(p[i])).sum() for i, y in enumerate(Y.tolist())])
    found = terms(method)
    assert found["source"].item() == pytest.approx(want, rel=1e-5)  # at the start both layers are the source's
    found["source"].backward()
    assert all(p.grad.abs().sum() > 0 for p in method.source_layer.parameters())
    assert all(p.grad is None for p in method.network.head.last.parameters())
    assert all(p.grad is not None for p in method.network.backbone.parameters())
    assert method.source_layer.weight is not method.network.head.last.weight


# refusals


@pytest.mark.parametrize(("method", "good", "bad", "told"), [
    (L2Sp, L2SP, {"alpha": -1.0}, "method.alpha must be 0 or more"),
    (L2Sp, L2SP, {"beta": -1.0}, "method.beta must be 0 or more"),
    (Bss, {"weight": 0.1, "k": 1}, {"weight": -1.0}, "method.weight must be 0 or more"),
    (Bss, {"weight": 0.1, "k": 1}, {"k": 0}, "method.k must be 1 or more"),
    (Delta, DELTA, {"weight": -1.0}, "method.weight must be 0 or more"),
    (Delta, DELTA, {"head": -1.0}, "method.head must be 0 or more"),
    (Delta, DELTA, {"layers": 0}, "method.layers must be 1 or more"),
    (Delta, DELTA, {"attention": "grad"}, "method.attention must be uniform or loss"),
    (Delta, DELTA, {"attention": "loss"}, "with method.init=pretrained it is fresh. Set method.init=source"),
    (Delta, DELTA, {"variant": "max"}, "method.variant must be sum or mean"),
    (CoTuning, {"weight": 1.0, "init": "source"}, {"weight": -1.0}, "method.weight must be 0 or more"),
    (CoTuning, {"weight": 1.0, "init": "source"}, {"init": "pretrained"}, "with method.init=pretrained there is none"),
])  # fmt: skip
def test_refuses_what_makes_no_sense(method, good, bad, told):
    tuned(method, **good, prepare=False)
    with pytest.raises(TlbenchError, match=told):
        tuned(method, **good | bad, prepare=False)


@pytest.mark.parametrize(("method", "how"), [(L2Sp, L2SP), (Delta, DELTA)])
def test_a_backbone_of_which_nothing_is_trained_is_refused_in_one_line(method, how):
    with pytest.raises(Refused, match=r"none of its weights is trained here. Use backbone.mode=finetune"):
        tuned(method, **how, backbone=Identity(input_shape=(3,)))


def test_a_backbone_without_maps_is_refused_in_one_line():
    plain = nn.Linear(3, 4)
    plain.out_dim = 4
    with pytest.raises(Refused, match="has no stages and no ReLU"):
        tuned(Delta, **DELTA, backbone=plain)
