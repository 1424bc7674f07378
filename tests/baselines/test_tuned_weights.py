"""Fine-tuning methods that say which weights learn, or by which statistics: stochnorm, lora, bitfit."""

import copy
import pickle

import numpy as np
import pytest
import torch
from torch import nn

from baselines.bitfit import Bitfit
from baselines.lora import Lora
from baselines.stochnorm import Stochnorm
from tests.baselines.tiny import array
from tests.support import gaussian_task
from tlbench.backbones.small import MLP, Identity
from tlbench.classifiers.head import Head
from tlbench.classifiers.network import Network
from tlbench.errors import Refused, TlbenchError
from tlbench.functional.batch_norms import choose_statistics
from tlbench.functional.low_rank import LowRank, takes_low_rank

TASK, _ = gaussian_task(shots_per_class=3)


def tuned(method, backbone=None, norm="none", **how):
    torch.manual_seed(0)
    backbone = MLP(input_shape=(3,), hidden=[5, 4]) if backbone is None else backbone
    head = Head(in_dim=backbone.out_dim, n_classes=2, bottleneck=4, dropout=0.0, norm=norm)
    return method(**how, init="pretrained", network=Network(backbone, head))


def convolutions():
    """Two convolutions with a batch norm between them: (B, 3) to (B, 3)."""
    torch.manual_seed(3)
    made = nn.Sequential(nn.Unflatten(1, (1, 3, 1)), nn.Conv2d(1, 2, 3, padding=1), nn.BatchNorm2d(2), nn.ReLU(),
                         nn.Conv2d(2, 2, 1, groups=2), nn.Conv2d(2, 1, 1), nn.Flatten())  # fmt: skip
    made.out_dim = 3
    return made


def steps(method, n=3):
    """Trains a little; the state before and after."""
    before = {name: x.clone() for name, x in method.state_dict().items()}
    trained = [p for p in method.parameters() if p.requires_grad]
    optimiser = torch.optim.SGD(trained, lr=0.5)
    x = torch.as_tensor(TASK.shots.inputs, dtype=torch.float32)
    for _ in range(n):
        optimiser.zero_grad()
        method.train().losses([(x, torch.as_tensor(TASK.shots.labels))], None)["classification"].backward()
        optimiser.step()
    return before, {name for name, x in method.state_dict().items() if not torch.equal(x, before[name])}


# StochNorm


def layer(p, kind=nn.BatchNorm1d, width=6):
    torch.manual_seed(0)
    norm = kind(width).double()
    with torch.no_grad():
        norm.weight.uniform_(0.5, 2.0)
        norm.bias.normal_()
        norm.running_mean.normal_()
        norm.running_var.uniform_(0.5, 2.0)
    plain = copy.deepcopy(norm)
    choose_statistics(norm, p)
    return norm, plain


def batch(*shape, seed=1):
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize(("kind", "shape"), [(nn.BatchNorm1d, (7, 6)), (nn.BatchNorm2d, (4, 6, 2, 3))])
def test_the_ends_are_batch_norm_and_running_statistics_and_both_move_the_statistics(kind, shape):
    for p in (0.0, 1.0):
        norm, plain = layer(p, kind)
        x = batch(*shape)
        by_running, by_batch = copy.deepcopy(plain).eval()(x), plain.train()(x)
        got = norm.train()(x)
        torch.testing.assert_close(got, by_batch if p else by_running, rtol=0, atol=0)
        for name in ("running_mean", "running_var", "num_batches_tracked"):
            assert torch.equal(getattr(norm, name), getattr(plain, name))
        torch.testing.assert_close(norm.eval()(x), plain.eval()(x), rtol=0, atol=0)


def test_each_channel_is_of_one_kind_and_about_a_share_p_is_of_the_batch():
    norm, plain = layer(0.3, width=2000)
    x = batch(5, 2000)
    by_running, by_batch = copy.deepcopy(plain).eval()(x), plain.train()(x)
    got = norm.train()(x)
    of_batch = (got == by_batch).all(dim=0)
    assert torch.equal(got[:, ~of_batch], by_running[:, ~of_batch])
    assert of_batch.double().mean().item() == pytest.approx(0.3, abs=0.05)
    again = layer(0.3, width=2000)[0].train()(x)
    assert not torch.equal(norm(x), got)  # drawn anew
    assert again.shape == got.shape


def test_the_gradient_is_that_of_the_statistics_that_were_used():
    """By loops in NumPy: through the batch's mean and variance in one branch, a factor in the other."""
    norm, plain = layer(0.5)
    mean, var = array(plain.running_mean), array(plain.running_var)
    x = batch(7, 6).requires_grad_()
    pull = batch(7, 6, seed=2)
    got = norm.train()(x)
    (got * pull).sum().backward()
    rows, g, w = array(x), array(pull), array(plain.weight)
    kinds = set()
    for j in range(6):
        moved = w[j] * (rows[:, j] - mean[j]) / np.sqrt(var[j] + plain.eps) + array(plain.bias)[j]
        if np.allclose(array(got)[:, j], moved):
            want = w[j] * g[:, j] / np.sqrt(var[j] + plain.eps)
        else:
            sd = np.sqrt(rows[:, j].var() + plain.eps)
            z = (rows[:, j] - rows[:, j].mean()) / sd
            want = w[j] / sd * (g[:, j] - g[:, j].mean() - z * (z * g[:, j]).mean())
        kinds.add(np.allclose(array(got)[:, j], moved))
        np.testing.assert_allclose(array(x.grad)[:, j], want, rtol=1e-6, atol=1e-10)
    assert kinds == {True, False}


def test_an_activation_inside_the_norm_is_kept():
    from timm.layers import BatchNormAct2d

    norm, plain = layer(0.5, BatchNormAct2d)
    x = batch(4, 6, 2, 3)
    by_running, by_batch = copy.deepcopy(plain).eval()(x), plain.train()(x)
    got = norm.train()(x)
    assert (got >= 0).all()
    for j in range(6):
        assert any(torch.equal(got[:, j], other[:, j]) for other in (by_running, by_batch))


def test_both_hooks_of_a_layer_survive_a_copy_and_a_way_to_another_process():
    norm, _ = layer(0.5)
    for other in (copy.deepcopy(norm), pickle.loads(pickle.dumps(norm))):
        x = batch(7, 6)
        torch.manual_seed(5)
        want = copy.deepcopy(norm).train()(x)
        torch.manual_seed(5)
        torch.testing.assert_close(other.train()(x), want, rtol=0, atol=0)


def test_a_network_that_trains_no_batch_norm_is_refused():
    tuned(Stochnorm, p=0.5, norm="batch").prepare(TASK)
    for how in ({"norm": "none"}, {"norm": "layer"}):
        with pytest.raises(Refused, match="this network trains none"):
            tuned(Stochnorm, p=0.5, **how).prepare(TASK)


# LoRA


@pytest.mark.parametrize("made", [
    lambda: (nn.Linear(5, 3), torch.randn(4, 5)),
    lambda: (nn.Linear(5, 3, bias=False), torch.randn(4, 2, 5)),
    lambda: (nn.Conv2d(3, 4, 3, stride=2, padding=1, dilation=2), torch.randn(2, 3, 9, 8)),
    lambda: (nn.Conv2d(3, 4, (1, 3), padding=(0, 1), padding_mode="circular"), torch.randn(2, 3, 5, 6)),
])  # fmt: skip
def test_at_first_nothing_changes_and_then_as_if_the_weight_had(made):
    torch.manual_seed(0)
    layer, x = made()
    base = layer(x).detach()
    change = LowRank(layer, rank=2, scale=1.5)
    torch.testing.assert_close(layer(x), base, rtol=0, atol=0)
    with torch.no_grad():
        change.up.normal_()
    got = layer(x)
    assert (got - base).abs().max() > 0.1
    merged = copy.deepcopy(layer)
    merged._forward_hooks.clear()
    with torch.no_grad():
        merged.weight.add_(change.change())
    torch.testing.assert_close(merged(x), got, rtol=1e-5, atol=1e-5)
    rank = torch.linalg.matrix_rank(change.change().flatten(1))
    assert rank <= 2
    flat = 1.5 * array(change.up) @ array(change.down).reshape(2, -1)
    np.testing.assert_allclose(array(change.change()).reshape(flat.shape), flat, rtol=1e-5)


def test_only_the_changes_and_the_head_learn():
    method = tuned(Lora, backbone=convolutions(), rank=2, alpha=3.0)
    method.prepare(TASK)
    assert len(method.adapters) == 2  # the convolution in groups has none
    assert {change.scale for change in method.adapters} == {1.5}
    before, changed = steps(method)
    assert not any(name.startswith("network.backbone.") for name in changed)  # no statistic either
    assert {name for name in before if name.startswith(("adapters.", "network.head."))} == changed
    assert set(tuned(Lora, backbone=convolutions(), rank=2, alpha=3.0).state_dict()) == set(before)


def test_stages_that_the_recipe_fixes_get_no_change():
    backbone = MLP(input_shape=(3,), hidden=[5, 4])
    backbone[1].requires_grad_(False)
    assert len(tuned(Lora, backbone=backbone, rank=2, alpha=3.0).adapters) == 1
    with pytest.raises(Refused, match="none of them is trained here"):
        tuned(Lora, backbone=Identity(input_shape=(3,)), rank=2, alpha=3.0).prepare(TASK)


def test_subclasses_of_layers_are_left_alone():
    assert takes_low_rank(nn.Linear(2, 2))
    assert not takes_low_rank(nn.MultiheadAttention(2, 1).out_proj)
    assert not takes_low_rank(nn.Conv2d(2, 2, 1, groups=2))
    assert not takes_low_rank(nn.Conv1d(2, 2, 1))


# BitFit


def test_biases_norms_and_the_head_learn_and_nothing_else():
    method = tuned(Bitfit, backbone=convolutions())
    method.prepare(TASK)
    before, changed = steps(method)
    inside = {name.removeprefix("network.backbone.") for name in changed if name.startswith("network.backbone.")}
    norm = {f"2.{name}" for name in ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")}
    assert inside <= {"1.bias", "4.bias", "5.bias"} | norm
    assert inside >= {"4.bias", "5.bias"} | norm
    assert {name for name in before if name.startswith("network.head.")} <= changed


def test_bitfit_needs_a_backbone_that_learns():
    with pytest.raises(Refused, match="bitfit trains biases and norms"):
        tuned(Bitfit, backbone=Identity(input_shape=(3,))).prepare(TASK)


@pytest.mark.parametrize(("method", "good", "bad", "told"), [
    (Stochnorm, {"p": 0.5}, {"p": 1.5}, "method.p must be from 0 to 1"),
    (Stochnorm, {"p": 0.5}, {"p": -0.5}, "method.p must be from 0 to 1"),
    (Lora, {"rank": 2, "alpha": 1.0}, {"rank": 0}, "method.rank must be 1 or more"),
    (Lora, {"rank": 2, "alpha": 1.0}, {"alpha": 0.0}, "method.alpha must be above 0"),
])  # fmt: skip
def test_refuses_what_makes_no_sense(method, good, bad, told):
    tuned(method, **good)
    with pytest.raises(TlbenchError, match=told):
        tuned(method, **good | bad)
