"""Surgical fine-tuning: what learns, what stays to the bit, and what is refused."""

import numpy as np
import pytest
import torch

from baselines.surgical import Surgical, numbers
from tests.support import config_of, ensure_run, gaussian_task, identity_of, last_of, prepared
from tlbench.backbones.cut import Tail, cut_before
from tlbench.backbones.small import MLP, Identity, LeNet
from tlbench.backbones.stages import stages_of
from tlbench.backbones.time_series import CNN1D
from tlbench.backbones.timm_model import TimmBackbone
from tlbench.classifiers.head import Head
from tlbench.classifiers.network import Network
from tlbench.errors import Refused, TlbenchError
from tlbench.running.fit import fit
from tlbench.running.kept_model import model_of, start_from
from tlbench.running.setup import Setup
from tlbench.store.runs import RunStore

TASK, _ = gaussian_task(shots_per_class=3)
SHAPE = (3, 32, 32)
RESNET = ("conv1", "layer1", "layer2", "layer3", "layer4")


def series():
    return CNN1D(input_shape=(2, 16), width=3, kernel=5, stride=1, dropout=0.0)


def resnet():
    return TimmBackbone(input_shape=SHAPE, model="test_resnet", pretrained=False)


def surgical(backbone, fixed=(), init="source", **how):
    torch.manual_seed(0)
    head = Head(in_dim=backbone.out_dim, n_classes=2, bottleneck=4, dropout=0.0, norm="batch")
    return Surgical(**{"stages": 0} | how, init=init, network=Network(backbone, head, fixed=fixed))


def changed(method, *shape, n=3):
    """Names of what a few steps with momentum and weight decay move."""
    method.prepare(TASK)
    before = {name: x.clone() for name, x in method.state_dict().items()}
    trained = [p for p in method.parameters() if p.requires_grad]
    optimiser = torch.optim.SGD(trained, lr=0.5, momentum=0.9, weight_decay=0.1)
    x, y = torch.randn(6, *shape, generator=torch.Generator().manual_seed(1)), torch.arange(6) % 2
    for _ in range(n):
        optimiser.zero_grad()
        method.train().losses([(x, y)], None)["classification"].backward()
        optimiser.step()
    return {
        name.removeprefix("network.") for name, x in method.state_dict().items() if not torch.equal(x, before[name])
    }


LAYERS = {0: "0", 1: "5", 2: "9"}
"""Convolutions of CNN1D; the norm of each is the next layer."""
NORM = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")


@pytest.mark.parametrize("stages", [0, 1, 2, [0, 2]])
def test_a_stage_learns_with_its_norm_and_nothing_else_moves_by_a_bit(stages):
    asked = [stages] if isinstance(stages, int) else stages
    want = {f"backbone.layers.{LAYERS[i]}.weight" for i in asked}
    want |= {f"backbone.layers.{int(LAYERS[i]) + 1}.{name}" for i in asked for name in NORM}
    assert changed(surgical(series(), stages=stages), 2, 16) == want


def test_the_head_learns_alone():
    got = changed(surgical(series(), stages="head"), 2, 16)
    assert not any(name.startswith("backbone.") for name in got)
    assert got >= {"head.last.weight", "head.last.bias", "head.bottleneck.0.weight", "head.bottleneck.1.running_mean"}
    assert changed(surgical(series(), stages="head", init="pretrained"), 2, 16) == got


@pytest.mark.parametrize("stage", [0, 3, 4])
def test_of_a_timm_model_a_stage_learns(stage):
    pytest.importorskip("timm")
    torch.manual_seed(0)
    backbone = resnet()
    named = {id(p): name for name, p in backbone.named_parameters()}
    own = {f"backbone.{named[id(p)]}" for p in backbone.stages()[stage]}
    got = changed(surgical(backbone, stages=stage), *SHAPE)
    parameters = {f"backbone.{name}" for name in named.values()}
    assert got & parameters == own
    places = {name.rpartition(".")[0] for name in own}
    assert {name.rpartition(".")[0] for name in got} == places  # no statistic of another stage, nor of the head


def test_the_stages_of_small_networks_are_their_layers():
    for backbone, sizes in (
        (LeNet(input_shape=(1, 8, 8), width=2), [2, 2]),
        (MLP(input_shape=(3,), hidden=[5, 4, 3]), [2, 2, 2]),
        (series(), [3, 3, 3]),
        (Identity(input_shape=(3,)), []),
    ):
        found = stages_of(backbone)
        assert [len(stage) for stage in found] == sizes
        assert [id(p) for stage in found for p in stage] == [id(p) for p in backbone.parameters()]


def test_of_a_network_that_was_cut_the_numbers_stay():
    backbone = TimmBackbone(input_shape=SHAPE, model="resnet18", pretrained=False)
    whole = backbone.stages()
    _, tail = cut_before(backbone, 2, SHAPE)
    assert [len(stage) for stage in stages_of(tail)] == [0, 0, 0, len(whole[3]), len(whole[4])]
    assert {id(p) for p in stages_of(tail)[3]} == {id(p) for p in whole[3]}
    method = surgical(tail, stages=3)
    method.prepare(TASK)
    assert {id(p) for p in method.parameters() if p.requires_grad} == {id(p) for p in whole[3]}
    with pytest.raises(Refused, match=r"stage 2, of which backbone.mode=last_k trains nothing"):
        surgical(Tail(list(tail.layers), tail.shape, backbone), stages=2).prepare(TASK)


def mlp():
    return MLP(input_shape=(3,), hidden=[5, 4])


@pytest.mark.parametrize(("make", "told"), [
    (lambda: surgical(mlp(), stages=2), "method.stages must be from 0 to 1 for the 2 stages of this backbone, got 2"),
    (lambda: surgical(mlp(), stages=[0, 7]), "got 7"),
    (lambda: surgical(Identity(input_shape=(3,))), "none of its weights is trained here. Use backbone.mode=finetune"),
    (lambda: surgical(mlp().requires_grad_(False)), "none of its weights is trained here"),
    (lambda: surgical(own()), "Own has none. Use backbone=lenet, say"),
    (lambda: surgical(b := mlp(), fixed=stages_of(b)[0]), "stage 0, of which backbone.mode=last_k trains nothing"),
    (lambda: surgical(b := mlp(), fixed=stages_of(b)[0], stages=[1, 0]), "stage 0, of which"),
])  # fmt: skip
def test_stages_that_there_are_not_or_that_are_not_trained_are_refused(make, told):
    with pytest.raises(Refused, match=told):
        make().prepare(TASK)


def own():
    class Own(torch.nn.Linear):
        out_dim = 4

    return Own(3, 4)


@pytest.mark.parametrize("bad", [-1, [], "tail", [0, "head"], 0.5, True, None, [0, -2]])
def test_what_is_neither_number_nor_head_is_refused(bad):
    with pytest.raises(
        TlbenchError, match=r"method\.stages must be head, the number of a stage.*Set by method\.stages="
    ):
        surgical(mlp(), stages=bad)


def test_words_for_what_learns():
    assert [numbers(x) for x in ("head", 0, 2, [1, 0])] == [[], [0], [2], [1, 0]]
    surgical(mlp(), stages=1).prepare(TASK)
    surgical(b := mlp(), fixed=stages_of(b)[0], stages=1).prepare(TASK)
    surgical(Identity(input_shape=(3,)), stages="head").prepare(TASK)


def test_a_fresh_head_that_would_stay_is_refused():
    with pytest.raises(
        TlbenchError, match=r"method.init=pretrained has a fresh head, which method.stages=0 would leave"
    ):
        surgical(mlp(), init="pretrained")
    with pytest.raises(TlbenchError, match=r"method.init must be pretrained or source"):
        surgical(mlp(), init="imagenet")


def at(toy, store, *extra):
    own = ["dataset=toy", "pair=L-R", "method=surgical", "protocol.shots=2", "optim.steps=6", "trainer=cpu"]
    words = last_of(*own, "optim.evaluations=1", "validators=0", "distances=0", "backbone.hidden=[8,5]", *extra)
    return config_of(*words, config_dir=toy).model_copy(update={"store": str(store)})


@pytest.mark.parametrize("stages", ["0", "1", "head"])
def test_a_run_goes_on_from_the_source_model_and_has_a_gain_over_fine_tune(stages, toy, tmp_path):
    config = at(toy, tmp_path, f"method.stages={stages}", "classifier.norm=batch")
    assert ensure_run(config) == "done"
    store, setup = RunStore(str(tmp_path)), Setup.of(config)
    record = store.record(identity_of(config)["run_key"])
    gains = record["selections"]["last"]["gains"]
    assert gains["fine_tune"]["run_key"] == setup.references["fine_tune"].key
    assert setup.references["fine_tune"].config.method["init"] == "source"
    run, _ = prepared(config)
    start_from(run.learner, model_of(store, setup.source_model.key))
    before = {name: x.clone() for name, x in run.learner.state_dict().items()}
    fit([run])
    moved = {
        name.removeprefix("network.")
        for name, x in run.learner.state_dict().items()
        if not torch.equal(x, before[name])
    }
    layer = {"0": "backbone.1.", "1": "backbone.3.", "head": "head."}[stages]
    assert moved
    assert all(name.startswith(layer) for name in moved)


def test_two_stages_and_the_head_are_what_fine_tuning_moves():
    """The slopes of the parts, side by side, are those of all weights at once: nothing is left out and nothing scaled."""
    x, y = torch.as_tensor(TASK.shots.inputs, dtype=torch.float32), torch.as_tensor(TASK.shots.labels)

    def slopes(network, method):
        method.eval().losses([(x, y)], None)["classification"].backward()
        return {name: p.grad for name, p in network.named_parameters() if p.grad is not None}

    torch.manual_seed(0)
    whole = Network(mlp(), Head(in_dim=4, n_classes=2, bottleneck=4, dropout=0.0, norm="batch"))
    torch.nn.functional.cross_entropy(whole.eval()(x)[1], y).backward()
    want = {name: p.grad for name, p in whole.named_parameters()}
    got = {}
    for stages in (0, 1, "head"):
        torch.manual_seed(0)
        method = Surgical(
            stages=stages,
            init="source",
            network=Network(mlp(), Head(in_dim=4, n_classes=2, bottleneck=4, dropout=0.0, norm="batch")),
        )
        found = slopes(method.network, method)
        assert not found.keys() & got.keys()
        got |= found
    assert got.keys() == want.keys()
    for name, slope in want.items():
        np.testing.assert_allclose(got[name], slope, rtol=1e-5, atol=1e-8)
