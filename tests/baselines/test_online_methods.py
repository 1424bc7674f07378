"""Methods that adapt while they predict: what each batch changes, when, and what it leaves as it was."""

import copy
import dataclasses
import math

import numpy as np
import pytest
import torch
from torch import nn

from baselines.adabn import Adabn
from baselines.bn_adapt import BnAdapt
from baselines.sar import Sar
from baselines.t3a import T3a, prototypes, supports_of, surest
from baselines.tent import Tent
from tests.support import config_of, ensure_run, last_of
from tlbench.backbones.small import Identity
from tlbench.classifiers.head import Head
from tlbench.classifiers.network import Network
from tlbench.errors import Refused, TlbenchError
from tlbench.functional.batch_norms import batch_norms
from tlbench.running.refusals import refuse_impossible
from tlbench.running.setup import Setup
from tlbench.store.runs import RunStore
from tlbench.stream_protocol import Online, Stream

D, C = 5, 3
TENT = {"lr": 0.05, "optimiser": "adam", "momentum": 0.9, "layers": "all"}
SAR = {"lr": 0.05, "optimiser": "sgd", "momentum": 0.0, "layers": "all", "rho": 0.05, "margin": 10.0, "floor": 0.0}
RNG = np.random.default_rng(0)
STREAM = [torch.tensor(2 + 3 * RNG.normal(size=(n, D)), dtype=torch.float32) for n in (8, 8, 5)]


def network(norm="batch"):
    torch.manual_seed(0)
    made = Network(Identity(input_shape=(D,)), Head(in_dim=D, n_classes=C, bottleneck=6, dropout=0.0, norm=norm))
    for layer in batch_norms(made):  # a source's statistics, and an affine part that has been trained
        layer.running_mean.uniform_(-1, 1)
        layer.running_var.uniform_(0.5, 2)
        nn.init.uniform_(layer.weight, 0.5, 1.5)
        nn.init.uniform_(layer.bias, -0.5, 0.5)
    return made


def ready(method, **how):
    made = method(**how, network=network()).eval()
    made.configure()
    made.remember()
    return made


def of_source(x):
    with torch.no_grad():
        return network().eval()(x)[1].softmax(dim=1)


def by_hand(x, mean, var):
    """The network's probabilities with these statistics in its batch norm, in double precision."""
    head = network().eval().double().head
    linear, norm, relu, _ = head.bottleneck
    with torch.no_grad():
        z = (linear(x.double()) - mean) / (var + norm.eps).sqrt() * norm.weight + norm.bias
        return head.last(relu(z)).softmax(dim=1)


def statistics(x):
    with torch.no_grad():
        z = network().double().head.bottleneck[0](x.double())
    return z.mean(dim=0), z.var(dim=0, correction=0)


# batch norms


def test_batch_statistics_are_those_of_each_batch_alone():
    method = ready(BnAdapt, variant="batch", alpha=0.3)
    for x in STREAM:
        torch.testing.assert_close(method.predict(x).double(), by_hand(x, *statistics(x)), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("alpha", [0.0, 0.3, 1.0])
def test_a_mixture_is_of_the_source_and_this_batch_whatever_came_before(alpha):
    method = ready(BnAdapt, variant="mix", alpha=alpha)
    (norm,) = batch_norms(network())
    for x in STREAM:
        mean, var = statistics(x)
        mixed = (1 - alpha) * norm.running_mean + alpha * mean, (1 - alpha) * norm.running_var + alpha * var
        torch.testing.assert_close(method.predict(x).double(), by_hand(x, *mixed), rtol=1e-4, atol=1e-5)


def test_without_the_batch_a_mixture_is_the_source_model_to_the_bit():
    method = ready(BnAdapt, variant="mix", alpha=0.0)
    assert all(torch.equal(method.predict(x), of_source(x)) for x in STREAM)


def test_one_example_alone_is_normalised_by_what_is_known():
    alone = STREAM[0][:1]
    torch.testing.assert_close(ready(BnAdapt, variant="batch", alpha=0.0).predict(alone), of_source(alone))


@pytest.mark.parametrize("sizes", [[21], [8, 8, 5], [2, 19]])
def test_adabn_has_mean_and_variance_of_the_whole_target_whatever_its_batches(sizes):
    """Of the first norm's inputs, which no norm before it moves."""
    whole = torch.cat(STREAM)
    method = Adabn(batch_size=8, network=network()).eval()
    method.learn(iter(whole.split(sizes)))
    torch.testing.assert_close(method.predict(whole).double(), by_hand(whole, *statistics(whole)), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(method.predict(whole[:3]), method.predict(whole)[:3])  # no batch counts after that


def test_adabn_on_one_batch_is_the_batchs_own_statistics():
    whole = torch.cat(STREAM)
    method = Adabn(batch_size=64, network=network()).eval()
    method.learn(iter([whole]))
    want = ready(BnAdapt, variant="batch", alpha=1.0).predict(whole)
    torch.testing.assert_close(method.predict(whole), want, rtol=1e-5, atol=1e-6)


# tent


def test_the_first_batch_is_predicted_before_any_step_to_the_bit():
    want = ready(BnAdapt, variant="batch", alpha=1.0)
    tent = ready(Tent, **TENT)
    assert torch.equal(tent.predict(STREAM[0]), want.predict(STREAM[0]))
    assert not torch.equal(tent.predict(STREAM[1]), want.predict(STREAM[1]))


def test_only_scale_and_shift_of_the_norm_layers_move_by_adam_on_the_mean_entropy():
    tent, before = ready(Tent, **TENT), copy.deepcopy(network().state_dict())
    tent.predict(STREAM[0])
    reference = network()
    reference.train()
    reference.requires_grad_(False)
    norm = reference.head.bottleneck[1].requires_grad_(True)
    p = reference(STREAM[0])[1].softmax(dim=1)
    entropy = -(p * p.log()).sum(dim=1).mean()
    gradients = torch.autograd.grad(entropy, [norm.weight, norm.bias])
    after = tent.network.state_dict()
    for name, gradient in zip(("weight", "bias"), gradients, strict=True):
        key = f"head.bottleneck.1.{name}"
        want = before[key] - 0.05 * gradient / (gradient.abs() + 1e-8)  # Adam's first step: the sign, nearly
        torch.testing.assert_close(after[key], want, rtol=1e-4, atol=1e-5)
        before[key] = after[key]
    assert all(torch.equal(after[name], before[name]) for name in before)


def test_layer_norms_move_too_unless_batch_norms_alone_are_asked_for():
    method = Tent(**TENT, network=network("layer")).eval()
    method.configure()
    assert [p.shape for p in method.moved] == [(6,), (6,)]
    with pytest.raises(
        Refused, match=r"tent adapts norm layers \(batchnorm\), and what is trained of this network has none"
    ):
        Tent(**TENT | {"layers": "batchnorm"}, network=network("layer")).eval().configure()


@pytest.mark.parametrize(("method", "how", "what"), [
    (BnAdapt, {"variant": "batch", "alpha": 1.0}, "bn_adapt adapts batch norms"), (Tent, TENT, "tent adapts norm layers"),
    (Sar, SAR, "sar adapts norm layers"),
])  # fmt: skip
def test_a_network_without_what_is_adapted_is_refused_with_words(method, how, what):
    with pytest.raises(Refused, match=what):
        method(**how, network=network("none")).eval().configure()


def test_a_reset_goes_back_to_the_source_model_and_to_a_fresh_optimiser():
    for make in (
        lambda: ready(Tent, **TENT),
        lambda: ready(Sar, **SAR | {"momentum": 0.9}),
        lambda: ready(T3a, kept=2),
    ):
        method = make()
        first = [method.predict(x) for x in STREAM]
        method.reset()
        assert all(torch.equal(method.predict(x), p) for x, p in zip(STREAM, first, strict=True))


# sar


def test_without_climb_and_margin_sar_is_tent():
    how = {"lr": 0.05, "optimiser": "sgd", "momentum": 0.9, "layers": "all"}
    sar, tent = ready(Sar, **SAR | how | {"rho": 0.0}), ready(Tent, **how)
    for x in STREAM:
        torch.testing.assert_close(sar.predict(x), tent.predict(x), rtol=1e-5, atol=1e-6)


def test_the_step_of_sar_is_by_the_gradient_at_the_top_of_the_climb_over_the_sure_examples():
    x = STREAM[0]
    reference = network()
    reference.train()
    reference.requires_grad_(False)
    norm = reference.head.bottleneck[1].requires_grad_(True)

    def entropies():
        p = reference(x)[1].softmax(dim=1)
        return -(p * p.log()).sum(dim=1)

    most = float(entropies().detach().sort().values[4]) + 1e-4
    method = ready(Sar, **SAR | {"margin": most / math.log(C)})
    sure = entropies().detach() < most
    assert sure.sum() == 5
    weights = [norm.weight, norm.bias]
    first = torch.autograd.grad(entropies()[sure].mean(), weights)
    length = math.sqrt(sum(float(g.square().sum()) for g in first))
    start = [w.detach().clone() for w in weights]
    with torch.no_grad():
        for w, g in zip(weights, first, strict=True):
            w += 0.05 * g / length
    up = entropies()
    still = sure & (up.detach() < most)
    second = torch.autograd.grad(up[still].mean(), weights)
    method.predict(x)
    for name, w, g in zip(("weight", "bias"), start, second, strict=True):
        torch.testing.assert_close(method.network.state_dict()[f"head.bottleneck.1.{name}"], w - 0.05 * g)
    assert method.average == pytest.approx(up[still].mean().item(), rel=1e-5)


def test_a_batch_without_a_sure_example_causes_no_step():
    method = ready(Sar, **SAR | {"margin": 1e-6})
    before = copy.deepcopy(method.state_dict())
    assert torch.isfinite(method.predict(STREAM[0])).all()
    assert all(torch.equal(value, before[name]) for name, value in method.state_dict().items())
    assert (method.average, method.told["sure"].item()) == (None, 0.0)


def test_a_low_average_leads_back_to_the_source_model_once():
    """It is forgotten with the weights: the next batch begins a new average."""
    method = ready(Sar, **SAR | {"floor": 100.0})
    before = copy.deepcopy(method.state_dict())
    method.predict(STREAM[0])
    assert all(torch.equal(value, before[name]) for name, value in method.state_dict().items())
    assert method.average is None


def test_the_average_keeps_nine_tenths():
    method = ready(Sar, **SAR)
    method.predict(STREAM[0])
    first = method.average
    method.average = 7.0
    method.reset()
    assert method.average is None
    method.predict(STREAM[0])
    assert method.average == first
    method.average = 7.0
    method.predict(STREAM[1])
    assert 0.9 * 7 < method.average < 0.9 * 7 + 0.1 * math.log(C)


def test_the_last_stage_and_the_head_stay_where_a_backbone_has_stages():
    timm = pytest.importorskip("timm")
    from tlbench.backbones.timm_model import TimmBackbone

    backbone = TimmBackbone(input_shape=(3, 32, 32), model="test_efficientnet", pretrained=False)
    whole = Network(backbone, Head(in_dim=backbone.out_dim, n_classes=C, bottleneck=4, dropout=0.0, norm="batch"))
    method = Sar(**SAR, network=whole).eval()
    method.configure()
    moved, late = {id(p) for p in method.moved}, {id(p) for p in backbone.stages()[-1]}
    assert moved
    assert not moved & late
    assert not moved & {id(p) for p in whole.head.parameters()}
    assert timm


# t3a


def test_prototypes_begin_as_the_last_layer_at_length_one():
    method = ready(T3a, kept=1)
    weight = network().head.last.weight
    rows, labels, _ = method.supports
    assert torch.equal(rows, weight)
    with torch.no_grad():
        said = network().head.last(weight).argmax(dim=1)
    assert torch.equal(labels, said)


def t3a_by_hand(rows, labels, entropies, kept):
    """Rows of each class in loops: those of least entropy, at length 1, summed, at length 1."""
    found = []
    for c in range(C):
        own = sorted((i for i in range(len(rows)) if labels[i] == c), key=lambda i: entropies[i])[: kept or None]
        total = sum((rows[i] / rows[i].norm() for i in own), torch.zeros_like(rows[0]))
        found.append(total / total.norm() if own else total)
    return torch.stack(found)


@pytest.mark.parametrize("kept", [0, 1, 3])
def test_t3a_agrees_with_loops_and_an_example_is_in_its_own_prototype(kept):
    method, plain = ready(T3a, kept=kept), network().eval()
    rows = [plain.head.last.weight.detach()]
    logits = [plain.head.last(rows[0]).detach()]
    for x in STREAM:
        with torch.no_grad():
            z, said = plain(x)
        rows, logits = [torch.cat([*rows, z])], [torch.cat([*logits, said])]
        p = logits[0].softmax(dim=1)
        entropies = -(p * p.log()).sum(dim=1)
        want = z @ t3a_by_hand(rows[0], p.argmax(dim=1), entropies, kept).T
        torch.testing.assert_close(method.predict(x), want.softmax(dim=1), rtol=1e-4, atol=1e-5)


def test_the_surest_of_each_class_stay_in_the_order_in_which_they_came():
    rows = torch.arange(6.0)[:, None]
    labels, entropies = torch.tensor([0, 1, 0, 0, 1, 0]), torch.tensor([0.5, 0.9, 0.1, 0.7, 0.2, 0.3])
    assert surest(rows, labels, entropies, 2)[0][:, 0].tolist() == [1, 2, 4, 5]
    assert surest(rows, labels, entropies, 0)[0] is rows
    assert prototypes(rows + 1, labels, 3)[2].tolist() == [0.0]
    assert supports_of(rows, torch.eye(6))[1].tolist() == list(range(6))


@pytest.mark.parametrize(("method", "good", "bad", "told"), [
    (BnAdapt, {"variant": "batch", "alpha": 0.5}, {"variant": "whole"}, "method.variant must be batch or mix"),
    (BnAdapt, {"variant": "batch", "alpha": 0.5}, {"alpha": 1.5}, "method.alpha must be from 0 to 1"),
    (Adabn, {"batch_size": 4}, {"batch_size": 1}, "method.batch_size must be 2 or more"),
    (Tent, TENT, {"lr": 0.0}, "method.lr must be above 0"),
    (Tent, TENT, {"optimiser": "lion"}, "method.optimiser must be adam or sgd"),
    (Tent, TENT, {"momentum": 2.0}, "method.momentum must be from 0 to 1"),
    (Tent, TENT, {"layers": "some"}, "method.layers must be all or batchnorm"),
    (Sar, SAR, {"rho": -1.0}, "method.rho must be 0 or more"),
    (Sar, SAR, {"margin": 0.0}, "method.margin must be above 0"),
    (Sar, SAR, {"floor": -1.0}, "method.floor must be 0 or more"),
    (T3a, {"kept": 1}, {"kept": -1}, "method.kept must be 0 or more"),
])  # fmt: skip
def test_refuses_what_makes_no_sense(method, good, bad, told):
    with pytest.raises(TlbenchError, match=told):
        method(**good | bad, network=network())


# the protocol


def test_a_stream_has_each_example_once_and_the_last_batch_is_what_is_left():
    stream = Stream(np.array([3, 1, 0, 2, 4]), 2)
    assert [part.tolist() for part in stream.batches()] == [[3, 1], [0, 2], [4]]
    assert len(stream) == 3


def test_an_order_is_of_the_seed_and_one_by_class_is_of_the_labels_too():
    labels = RNG.integers(0, 4, 50)
    one, again, other = (Online().stream(labels, seed).order_N for seed in (0, 0, 1))
    assert (one == again).all()
    assert (one != other).any()
    assert sorted(one) == list(range(50))
    assert (Online().stream(RNG.permutation(labels), 0).order_N == one).all()  # shuffled does not look at a label
    runs = labels[Online(order="by_class").stream(labels, 0).order_N]
    assert (np.diff(runs) != 0).sum() == len(np.unique(labels)) - 1
    assert [Online(order="by_class").stream(labels, s).order_N[0] for s in range(9)] != [one[0]] * 9


def words(method, *extra):
    own = [f"method={method}", "classifier.norm=batch", "trainer=cpu", "validators=0", "protocol=online"]
    return last_of("dataset=toy", "pair=L-R", "protocol.stream_batch=16", *own, *extra)


def config(toy, store, method, *extra):
    return config_of(*words(method, *extra), config_dir=toy).model_copy(update={"store": str(store)})


def answers(config):
    assert ensure_run(config) == "done", RunStore(config.store).record(Setup.of(config).key)["reason"]
    return RunStore(config.store).predictions(Setup.of(config).key, "last").set_index("row")["confidence"]


def test_a_run_predicts_each_example_of_the_target_once_beside_the_source_model_on_the_same(toy, tmp_path):
    one = config(toy, tmp_path, "tent", "method.lr=0.1")
    found = answers(one)
    record = RunStore(str(tmp_path)).record(Setup.of(one).key)
    assert sorted(found.index) == list(range(60))
    assert set(record["selections"]) == {"last", "oracle"}
    assert record["selections"]["last"]["gains"]["source_only"]["n"] == 60
    assert record["source_model"]["run_key"] == Setup.of(one).references["source_only"].key
    assert record["protocol"] == "online shuffled, batches of 16"
    history = RunStore(str(tmp_path)).history(Setup.of(one).key)
    assert (history["name"] == "entropy").sum() == 4  # 60 examples, 16 at a time


def test_in_episodes_no_batch_depends_on_those_before_it(toy, tmp_path):
    """With episodes Tent is batch statistics for ever: each batch is predicted before its own step."""
    plain = answers(config(toy, tmp_path, "bn_adapt", "protocol.episodic=true"))
    episodic = answers(config(toy, tmp_path, "tent", "method.lr=0.1", "protocol.episodic=true"))
    carried = answers(config(toy, tmp_path, "tent", "method.lr=0.1"))
    np.testing.assert_array_equal(plain, episodic)
    assert (plain != carried).any()


@pytest.mark.parametrize(("method", "extra", "told"), [
    ("dann", [], "dann looks at target examples before it predicts them"),
    ("adabn", [], "adabn looks at target examples before it predicts them"),
    ("tent", ["protocol=inductive"], "tent adapts to a stream while it predicts it. Use protocol=online."),
    ("tent", ["keep_model=true"], "there is no model to keep"),
])  # fmt: skip
def test_what_takes_no_stream_or_lacks_one_is_refused_with_words(method, extra, told, toy, tmp_path):
    given = [word for word in words(method, *extra) if "inductive" not in " ".join(extra) or "stream_batch" not in word]
    with pytest.raises(Refused, match=told):
        refuse_impossible(Setup.of(config_of(*given, config_dir=toy)))


def test_shots_of_a_stream_are_refused(toy, tmp_path):
    with pytest.raises(TlbenchError, match=r"protocol\.shots"):
        Setup.of(config(toy, tmp_path, "tent", "protocol.shots=2"))


def test_the_reference_of_a_stream_is_the_source_model(toy, tmp_path):
    one = config(toy, tmp_path, "bn_adapt", "method.variant=mix", "method.alpha=0")
    assert Setup.of(one).source_model.key == Setup.of(one).references["source_only"].key
    np.testing.assert_allclose(answers(one), answers(dataclasses.replace(Setup.of(one)).source_model.config), rtol=1e-6)
