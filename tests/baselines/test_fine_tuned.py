"""Fine-tuning from both starts: what runs are compared with, and the probes, in which few weights move."""

import dataclasses

import pytest
import torch

from baselines.lp_ft import LpFt
from tests.baselines.tiny import network
from tests.support import config_of, ensure_run, identity_of, jobs_of, last_of, prepared, rehearsed
from tlbench.errors import TlbenchError
from tlbench.running.comparison import is_current
from tlbench.running.fit import fit
from tlbench.running.kept_model import model_of, start_from
from tlbench.running.setup import Setup
from tlbench.store.runs import RunStore
from tlbench.training.schedules import annealed, constant

PRIMARY = ["target_only", "source_only", "source_and_target"]
NORMED = ("classifier.norm=batch", "classifier.dropout=0.3")


def words(method, *extra):
    own = ["dataset=toy", "pair=L-R", f"method={method}", "protocol.shots=2", "optim.steps=10", "trainer=cpu"]
    return last_of(*own, "optim.evaluations=1", "validators=10", "distances=0", *extra)


def at(toy, store, method, *extra):
    return config_of(*words(method, *extra), config_dir=toy).model_copy(update={"store": str(store)})


def run_of(config):
    """A run of this config: the learner's state before and after, and the terms of each step."""
    run, _ = prepared(config)
    before = {name: x.clone() for name, x in run.learner.state_dict().items()}
    (fitted,) = fit([run])
    return before, run.learner.state_dict(), fitted.history


@pytest.mark.parametrize("init", ["pretrained", "source"])
def test_a_gain_over_fine_tune_of_the_same_start_comes_after_those_over_the_references(init, toy, tmp_path):
    config = at(toy, tmp_path, "bss", f"method.init={init}")
    assert ensure_run(config) == "done"
    store, setup = RunStore(str(tmp_path)), Setup.of(config)
    record, plain = store.record(setup.key), setup.references["fine_tune"]
    gains = record["selections"]["last"]["gains"]
    assert list(gains) == [*PRIMARY, "fine_tune"]
    assert record["reference"] == "target_only"
    assert (
        gains["fine_tune"]["run_key"]
        == plain.key
        == identity_of(at(toy, tmp_path, "fine_tune", f"method.init={init}"))["run_key"]
    )
    assert plain.config.method["init"] == init
    assert is_current(record, setup)
    own = store.record(plain.key)
    assert list(own["selections"]["last"]["gains"]) == PRIMARY
    starts = {found.get("source_model", {}).get("run_key") for found in (record, own)}
    assert starts == {setup.references["source_only"].key if init == "source" else None}


def test_other_methods_have_no_such_gain(toy, tmp_path):
    assert list(Setup.of(at(toy, tmp_path, "mmd")).references) == PRIMARY
    assert list(Setup.of(at(toy, tmp_path, "fine_tune")).references) == PRIMARY


def test_a_plan_has_fine_tune_of_the_same_start_and_recipe_before_the_run(toy):
    jobs = jobs_of(*words("l2_sp", "method.init=source", "method.alpha=0.5"), config_dir=toy)
    names = [job.config.method["name"] for job in jobs]
    assert sorted(names) == sorted([*PRIMARY, "fine_tune", "l2_sp"])
    assert names[-2:] == ["fine_tune", "l2_sp"]
    (plain,) = [job for job in jobs if job.config.method["name"] == "fine_tune"]
    assert {"method=fine_tune", "method.init=source", "optim.weight_decay=0"} <= set(plain.overrides)
    assert not any(o.startswith("method.alpha") for o in plain.overrides)
    again = config_of(*plain.overrides, config_dir=toy)
    assert Setup.of(again).key == plain.key == jobs[-1].setup.references["fine_tune"].key
    (model,) = [job for job in jobs if job.config.method["name"] == "source_only"]
    assert model.config.keep_model


def test_what_is_compared_with_must_be_among_the_methods_of_references(toy, tmp_path):
    config = at(toy, tmp_path, "bss")
    methods = {name: group for name, group in config.references.methods.items() if name != "fine_tune"}
    lacks = config.model_copy(update={"references": config.references.model_copy(update={"methods": methods})})
    with pytest.raises(TlbenchError, match=r"method=bss is compared with fine_tune, and references.methods has"):
        _ = Setup.of(lacks).references


def test_from_the_source_it_starts_with_the_source_models_weights_head_included(toy, tmp_path):
    from safetensors.torch import load_file

    config = at(toy, tmp_path, "fine_tune", "method.init=source")
    assert ensure_run(config) == "done"
    path = model_of(RunStore(str(tmp_path)), Setup.of(config).source_model.key)
    run, _ = prepared(config)
    start_from(run.learner, path)
    assert all(torch.equal(x, run.learner.state_dict()[name]) for name, x in load_file(path).items())
    assert run.learner.started
    assert [len(part) for part in run.learner.labelled(run.task)] == [6]
    assert not len(run.task.source)
    assert not run.task.target.shape[0]


@pytest.mark.parametrize("extra", [(), NORMED])
def test_a_probe_moves_the_last_layer_alone_and_no_statistic(extra, toy, tmp_path):
    before, after, _ = run_of(at(toy, tmp_path, "linear_probe", *extra))
    moved = {name for name in before if not torch.equal(before[name], after[name])}
    assert moved == {"network.head.last.weight", "network.head.last.bias"}


def test_a_probe_learns_from_features_as_the_test_sees_them(toy, tmp_path):
    run, _ = prepared(at(toy, tmp_path, "linear_probe", *NORMED))
    method, x = run.learner, torch.randn(5, 4)
    features, logits = method.train().passed(x)
    assert method.network.training
    assert method.network.head.bottleneck[3].training  # dropout, which is back in training afterwards
    seen, wanted = method.eval().network(x)
    torch.testing.assert_close(features, seen, rtol=0, atol=0)
    torch.testing.assert_close(logits, wanted, rtol=0, atol=0)
    assert logits.requires_grad
    assert not features.requires_grad


def test_lp_ft_with_the_whole_share_is_a_probe_and_with_none_fine_tuning(toy, tmp_path):
    of = {}
    for method, *own in (("linear_probe",), ("lp_ft", "method.share=1"), ("fine_tune",),
                         ("lp_ft", "method.share=0", "method.second_lr=1"), ("lp_ft", "method.share=0.5")):  # fmt: skip
        _, state, history = run_of(at(toy, tmp_path, method, *NORMED, "optim.schedule=constant", *own))
        of[" ".join([method, *own])] = state, [row["classification"] for row in history]
    for one, two in (
        ("linear_probe", "lp_ft method.share=1"),
        ("fine_tune", "lp_ft method.share=0 method.second_lr=1"),
    ):
        assert of[one][1] == of[two][1]
        assert all(torch.equal(x, of[two][0][name]) for name, x in of[one][0].items())
    halved, probe = of["lp_ft method.share=0.5"], of["linear_probe"]
    assert halved[1][:5] == probe[1][:5]  # steps 0 to 4 of 10, at one rate
    assert halved[1][5:] != probe[1][5:]
    assert not torch.equal(halved[0]["network.head.bottleneck.0.weight"], probe[0]["network.head.bottleneck.0.weight"])


def test_weights_that_stay_in_the_first_part_do_not_decay_in_it(toy, tmp_path):
    config = at(toy, tmp_path, "lp_ft", "method.share=0.9", "optim.weight_decay=0.5", "optim.momentum=0.9")
    run, _ = prepared(config)
    before = {name: x.clone() for name, x in run.learner.state_dict().items()}
    kept = []
    step = run.learner.after_step

    def looked():
        step()
        kept.append(all(torch.equal(x, run.learner.state_dict()[n]) for n, x in before.items() if ".last." not in n))

    run.learner.after_step = looked
    fit([run])
    assert kept == [True] * 9 + [False]


def test_the_schedule_starts_anew_in_the_second_part():
    method = LpFt(share=0.25, second_lr=0.1, init="pretrained", network=network())
    assert [method.rate(constant, p) for p in (0.0, 0.2, 0.25, 1.0)] == [1.0, 1.0, 0.1, 0.1]
    # progress 0.125 is the middle of the first part; 0.625 is (0.625 - 0.25) / 0.75 = the middle of the second
    assert method.rate(annealed, 0.125) == pytest.approx(6**-0.75)
    assert method.rate(annealed, 0.625) == pytest.approx(0.1 * 6**-0.75)
    whole = LpFt(share=1.0, second_lr=0.1, init="pretrained", network=network())
    assert whole.rate(annealed, 0.5) == pytest.approx(6**-0.75)
    whole.rate(annealed, 1.0)  # asked for after the last step


@pytest.mark.parametrize(("bad", "told"), [
    ({"share": -0.1}, "method.share must be from 0 to 1"),
    ({"share": 1.1}, "method.share must be from 0 to 1"),
    ({"second_lr": 0.0}, "method.second_lr must be above 0"),
    ({"init": "imagenet"}, "method.init must be pretrained or source, got 'imagenet'"),
])  # fmt: skip
def test_refuses_what_makes_no_sense(bad, told):
    good = {"share": 0.5, "second_lr": 0.1, "init": "pretrained"}
    LpFt(**good, network=network())
    with pytest.raises(TlbenchError, match=told):
        LpFt(**good | bad, network=network())


def test_without_shots_and_with_a_validator_of_the_target_it_is_refused(toy, tmp_path):
    config = at(toy, tmp_path, "fine_tune", "protocol.shots=0")
    assert ensure_run(config) == "skipped"
    with pytest.raises(TlbenchError, match=r"selection=im looks at .*target examples, and fine_tune is not given any"):
        rehearsed(at(toy, tmp_path, "fine_tune", "selection=im"))
    rehearsed(at(toy, tmp_path, "fine_tune"))


def test_fixing_holds_the_statistics_of_batch_norms_that_lose_a_weight(toy, tmp_path):
    run, _ = prepared(at(toy, tmp_path, "fine_tune", *NORMED))
    net = dataclasses.replace(run).learner.network
    norm = net.head.bottleneck[1]
    net.fix([net.head.last.weight])
    assert norm.training
    net.fix([norm.weight])
    assert not norm.training
    assert norm.bias.requires_grad
    assert not net.train().head.bottleneck[1].training
