import copy
import json

import numpy as np
import pytest
import torch
from scipy.stats import binomtest

from tests.support import config_of, dataset_of, ensure_run, fitted, identity_of, predictions_of, prepared, protocol_of
from tlbench.classifiers.estimators import Regularised
from tlbench.cli import main
from tlbench.data.inputs import dense_float32
from tlbench.data.transforms import zscore
from tlbench.metrics import metric_named
from tlbench.running import ensure, prepare
from tlbench.running.comparison import how_tested, is_current
from tlbench.running.setup import Setup
from tlbench.store.runs import RunStore
from tlbench.tasks import load_task

TOY = ("dataset=toy", "pair=L-R")


def record_of(config) -> dict:
    return RunStore(config.store).record(identity_of(config)["run_key"])


def test_a_record_says_what_was_run_with_what_and_what_came_out(toy):
    config = config_of(*TOY, "method=dann", "selection=source_val", config_dir=toy)
    assert ensure_run(config) == "done"
    record = record_of(config)
    assert record.keys() >= {
        "run_key", "recipe_key", "cell_key", "data_fingerprint", "status", "reason", "versions", "code", "hardware",
        "costs", "sizes", "selections", "reference", "seed", "method_revision", "created",
    }  # fmt: skip
    assert record["sizes"] == {
        "labelled": 48, "source": 48, "source_val": 12, "target_unlabelled": 42, "shots": 0, "target_test": 18
    }  # fmt: skip
    validators = {"iwv", "dev", "entropy", "diversity", "im", "bnm", "snd", "class_cluster", "mixval", "circular"}
    assert set(record["selections"]) == {"last", "source_val", "oracle"} | validators
    assert [set(c["scores"]) for c in record["checkpoints"]] == [validators | {"source_val"}] * 2
    steps = [c["step"] for c in record["checkpoints"]]
    for name in validators:
        scores = [c["scores"][name] for c in record["checkpoints"]]
        assert record["selections"][name]["step"] == steps[len(scores) - 1 - int(np.argmax(scores[::-1]))]
    by_step = {c["step"]: c["oracle_score"] for c in record["checkpoints"]}
    for found in record["selections"].values():
        assert found["metrics"]["accuracy"] == by_step[found["step"]]
    assert set(record["distances"]) == {"trained"}  # the pair's own are in the record of its reference
    assert set(record["per_step"]) == {str(found["step"]) for found in record["selections"].values()}
    assert record["selection"] == "source_val"
    assert [name for name, found in record["selections"].items() if found["oracle"]] == ["oracle"]
    assert record["costs"]["seconds"] >= record["costs"]["train_seconds"] > 0
    assert json.dumps(record, allow_nan=False)


def test_a_flag_follows_from_the_stored_predictions(toy):
    config = config_of(*TOY, "method=dann", config_dir=toy)
    ensure_run(config)
    store = RunStore(config.store)
    own, other = predictions_of(store, "dann"), predictions_of(store, "source_only")
    assert own["id"].tolist() == other["id"].tolist()
    right, other_right = (t["prediction"].to_numpy() == t["label"].to_numpy() for t in (own, other))
    wins, losses = int((right & ~other_right).sum()), int((~right & other_right).sum())
    p = binomtest(wins, wins + losses).pvalue if wins + losses else 1.0
    gain = record_of(config)["selections"]["last"]["gains"]["source_only"]
    small = "no_effect" if -1 < gain["low"] <= gain["high"] < 1 else "inconclusive"
    want = small if p >= 0.05 else ("positive" if wins > losses else "negative")
    assert gain["gain"] == pytest.approx(100 * (wins - losses) / len(own))
    assert gain["p"] == pytest.approx(p)
    assert gain["flag"] == want
    reference = identity_of(config.as_reference("source_only"))
    assert gain["run_key"] == reference["run_key"]
    assert store.record(gain["run_key"])["recipe_key"] == identity_of(config)["recipe_key"]


def test_the_reported_accuracy_is_that_of_the_stored_predictions(toy):
    config = config_of(*TOY, "method=source_only", config_dir=toy)
    ensure_run(config)
    for rule, result in record_of(config)["selections"].items():
        table = predictions_of(RunStore(config.store), "source_only", rule)
        assert result["metrics"]["accuracy"] == pytest.approx((table["prediction"] == table["label"]).mean())


def test_with_shots_all_gains_are_there_and_the_first_is_flagged(toy):
    config = config_of(*TOY, "method=tradaboost", "method.rounds=3", "protocol.shots=2", config_dir=toy)
    ensure_run(config)
    record = record_of(config)
    assert list(record["selections"]["last"]["gains"]) == ["target_only", "source_only", "source_and_target"]
    assert record["reference"] == "target_only"
    shots = set(range(60)) - {int(i.split("/")[1]) for i in predictions_of(RunStore(config.store), "tradaboost")["id"]}
    assert record["sizes"]["shots"] == 6 <= len(shots)


def test_with_all_shots_the_oracle_is_target_only(toy):
    """Both train on the whole training part, once."""
    shots = [*TOY, "protocol.shots=all", "protocol.target_test=0.4"]
    for method in ("oracle", "target_only"):
        config = config_of(*shots, f"method={method}", config_dir=toy)
        ensure_run(config)
        sizes = record_of(config)["sizes"]
        assert (sizes["shots"], sizes["target_unlabelled"], sizes["labelled"], sizes["target_test"]) == (36, 36, 36, 24)
    one, two = (predictions_of(RunStore(config.store), method) for method in ("oracle", "target_only"))
    np.testing.assert_array_equal(one["confidence"], two["confidence"])


def test_a_divergence_is_a_failed_run_with_step_and_term(toy):
    config = config_of(*TOY, "method=coral", "optim.lr=1e30", config_dir=toy)
    assert ensure_run(config) == "failed"
    record = record_of(config)
    assert record["reason"].startswith("Diverged: term '")
    assert (record["step"], record["term"] in ("classification", "coral")) == (1, True)


def test_whatever_goes_wrong_is_recorded_with_its_traceback(toy, monkeypatch):
    config = config_of(*TOY, "method=source_only", config_dir=toy)
    monkeypatch.setattr(prepare, "load_task", lambda *a, **k: 1 / 0)
    assert ensure_run(config) == "failed"
    record = record_of(config)
    assert record["reason"] == "ZeroDivisionError: division by zero"
    assert "Traceback" in record["traceback"]
    monkeypatch.undo()


def test_a_run_whose_reference_failed_has_no_gain_over_it(toy, monkeypatch):
    real = ensure.ensure
    monkeypatch.setattr(ensure, "ensure", lambda s: "failed" if s.config.method["name"] == "source_only" else real(s))
    config = config_of(*TOY, "method=coral", config_dir=toy)
    assert ensure_run(config) == "done"
    assert record_of(config)["selections"]["last"]["gains"] == {}


def test_a_selection_by_source_validation_needs_a_validation_part(toy, capsys):
    """Told before anything runs, and not recorded: the run itself is one and the same under every selection."""
    command = ["run", *TOY, "method=source_only", "--config-dir", str(toy)]
    for wrong in ("protocol=transductive", "protocol.source_val=0"):
        assert main([*command, wrong, "selection=source_val"]) == 2
        assert "needs source validation data" in capsys.readouterr().err
        assert main([*command, wrong, "selection=last"]) == 0
        capsys.readouterr()


def test_a_finished_run_is_shown_under_the_selection_asked_for(toy, capsys):
    command = ["run", *TOY, "method=source_only", "--config-dir", str(toy)]
    assert main(command) == main([*command, "selection=oracle"]) == 0
    out = capsys.readouterr().out
    assert "last (step 8)" in out
    assert "ORACLE (step" in out


def test_a_gain_that_was_tested_otherwise_is_not_current(toy):
    config = config_of(*TOY, "method=coral", config_dir=toy)
    assert ensure_run(config) == "done"
    setup, record = Setup.of(config), record_of(config)
    assert is_current(record, setup)
    assert is_current(
        {k: v for k, v in record.items() if k != "tested"}, setup
    )  # older records: of a mean nothing has changed
    assert not is_current({**record, "tested": 2}, setup)
    assert [how_tested(metric_named(name, 3)) for name in ("accuracy", "hos")] == [1, 2]


def test_a_reference_that_failed_once_is_made_up_for(toy, monkeypatch):
    """The run is kept; its gain is worked out once its reference is there."""
    real = prepare.load_task
    config = config_of(*TOY, "method=coral", config_dir=toy)
    monkeypatch.setattr(prepare, "load_task", lambda *a, **k: 1 / 0)
    assert ensure_run(config.as_reference("source_only")) == "failed"
    references = ensure._references
    monkeypatch.setattr(prepare, "load_task", real)
    monkeypatch.setattr(ensure, "_references", lambda store, setup: dict.fromkeys(setup.references))
    assert ensure_run(config) == "done"
    before = record_of(config)
    assert not is_current(before, Setup.of(config))
    monkeypatch.setattr(ensure, "_references", references)
    assert ensure_run(config) == "done"
    after = record_of(config)
    assert is_current(after, Setup.of(config))
    assert after["selections"]["last"]["gains"]["source_only"]["run_key"]
    assert after["created"] == before["created"]
    assert after["selections"]["last"]["metrics"] == before["selections"]["last"]["metrics"]


def test_other_references_and_another_level_change_the_comparison_and_no_run(toy):
    arguments = [*TOY, "method=tradaboost", "method.rounds=2", "protocol.shots=2"]
    config = config_of(*arguments, config_dir=toy)
    ensure_run(config)
    other = config_of(*arguments, "references.with_shots=[source_only]", "alpha=0.2", config_dir=toy)
    first = record_of(config)
    assert ensure_run(other) == "done"
    second = record_of(other)
    assert (first["reference"], second["reference"]) == ("target_only", "source_only")
    assert (first["alpha"], second["alpha"]) == (0.05, 0.2)
    assert list(second["selections"]["last"]["gains"]) == ["source_only"]
    one, two = (r["selections"]["last"]["gains"]["source_only"] for r in (first, second))
    assert one["gain"] == two["gain"]
    assert two["high"] - two["low"] <= one["high"] - one["low"]


def test_each_rule_is_compared_with_the_reference_under_the_same_rule(toy):
    config = config_of(*TOY, "method=mmd", "optim.lr=0.3", "optim.evaluations=8", config_dir=toy)
    ensure_run(config)
    store = RunStore(config.store)
    differ = 0
    for rule, found in record_of(config)["selections"].items():
        own, other = predictions_of(store, "mmd", rule), predictions_of(store, "source_only", rule)
        gain = (own["prediction"] == own["label"]).mean() - (other["prediction"] == other["label"]).mean()
        assert found["gains"]["source_only"]["gain"] == pytest.approx(100 * gain)
        last = predictions_of(store, "source_only", "last")["prediction"]
        differ += (other["prediction"] != last).any()
    assert differ  # else the rules would have nothing to tell apart


def test_a_network_that_breaks_in_its_last_step_is_no_finished_run(toy):
    config = config_of(
        *TOY, "method=source_only", "optim.lr=1e38", "optim.steps=1", "optim.evaluations=1", config_dir=toy
    )
    assert ensure_run(config) == "failed"
    assert record_of(config)["term"] == "prediction"


def test_dropout_is_off_when_predictions_are_made(toy):
    config = config_of(*TOY, "method=source_only", "classifier.dropout=0.9", "optim.evaluations=1", config_dir=toy)
    done = fitted(config)
    learner = done.prepared.learner.eval()
    want = learner.predict_proba(torch.from_numpy(dense_float32(done.prepared.test))).detach().numpy()
    np.testing.assert_allclose(done.checkpoints[-1].test, want, rtol=1e-5)


def test_first_weights_follow_the_seed_and_not_the_method(toy):
    def first_weights(method: str, seed: int) -> torch.Tensor:
        config = config_of(*TOY, f"method={method}", f"seed={seed}", config_dir=toy)
        return torch.cat([p.flatten() for p in prepared(config)[0].learner.network.parameters()])

    one = first_weights("source_only", 0)
    assert torch.equal(one, first_weights("dann", 0))
    for part, other in zip(one.split(20), first_weights("source_only", 1).split(20), strict=True):
        assert not torch.equal(part, other)  # backbone and head alike


def test_transforms_look_at_no_held_out_example(toy):
    config = config_of(*TOY, "method=source_only", config_dir=toy)
    dataset, protocol = dataset_of(config), protocol_of(config)
    dataset = copy.copy(dataset)
    dataset.transforms = (zscore,)
    task, test, _ = load_task(dataset, dataset.pair("L-R"), protocol, 0)
    for seen in (task.target, task.source.inputs):
        np.testing.assert_allclose(seen.mean(axis=0), 0, atol=1e-12)
        np.testing.assert_allclose(seen.std(axis=0), 1)
    for unseen in (test, task.source_val.inputs):
        assert np.abs(unseen.mean(axis=0)).max() > 1e-3


def test_c_is_searched_on_the_source_for_method_and_reference_alike(toy, monkeypatch):
    seen = []
    tuned = Regularised.tuned
    monkeypatch.setattr(Regularised, "tuned", lambda self, x, y: seen.append(len(y)) or tuned(self, x, y))
    search = ["classifier.search=[0.01,1]", "protocol.shots=2", "method.rounds=2"]
    assert ensure_run(config_of(*TOY, "method=tradaboost", *search, config_dir=toy)) == "done"
    assert seen == [48] * 4  # three references and tradaboost: 48 labelled source examples each time


def test_the_history_holds_every_step_and_no_sum(toy):
    config = config_of(*TOY, "method=dann", "method.weight=0.5", config_dir=toy)
    ensure_run(config)
    history = RunStore(config.store).history(record_of(config)["run_key"])
    assert set(history["name"]) == {"classification", "domain"}
    assert history.groupby("name")["step"].apply(list).tolist() == [list(range(8))] * 2


def test_frozen_backbones_give_estimators_and_heads_the_same_features(toy):
    arguments = ["backbone=mlp", "backbone.mode=frozen", "backbone.hidden=[5]"]
    for classifier in ("logistic", "head"):
        config = config_of(*TOY, "method=source_only", f"classifier={classifier}", *arguments, config_dir=toy)
        assert ensure_run(config) == "done"
        assert record_of(config)["backbone"] == "mlp frozen"


def test_several_sources_are_pooled(toy):
    config = config_of("dataset=toy", "pair=L+T-R", "method=mmd", config_dir=toy)
    assert ensure_run(config) == "done"
    assert record_of(config)["sizes"]["source"] == 96


def test_two_seeds_draw_different_splits_and_methods_of_one_seed_the_same(toy):
    ids = {}
    for method in ("source_only", "coral"):
        for seed in (0, 1):
            config = config_of(*TOY, f"method={method}", f"seed={seed}", config_dir=toy)
            ensure_run(config)
            ids[method, seed] = predictions_of(RunStore(config.store), method, seed=seed)["id"].tolist()
    assert ids["source_only", 0] == ids["coral", 0] != ids["source_only", 1] == ids["coral", 1]


def test_bfloat16_runs_and_differs_from_float32_only_by_rounding(toy):
    one, two = (
        config_of(*TOY, "method=coral", f"trainer.precision={p}", config_dir=toy) for p in ("32-true", "bf16-mixed")
    )
    assert [ensure_run(one), ensure_run(two)] == ["done", "done"]
    a, b = (RunStore(c.store).predictions(identity_of(c)["run_key"], "last")["confidence"] for c in (one, two))
    assert np.abs(a - b).max() < 0.05


def test_a_run_that_fails_for_no_reason_of_its_own_keeps_the_state_that_it_reached(toy, monkeypatch):
    from tlbench.training.module import AdaptationModule

    config = config_of("dataset=toy", "pair=L-R", "method=source_only", "optim.steps=9", "optim.evaluations=1",
                       "trainer.checkpoint_steps=2", config_dir=toy)  # fmt: skip
    store, key = RunStore(config.store), identity_of(config)["run_key"]
    step = AdaptationModule.training_step
    at = {"fails": 5}

    def broken(self, *batch):
        if self.global_step == at["fails"]:
            raise RuntimeError("CUDA error: out of memory")
        return step(self, *batch)

    monkeypatch.setattr(AdaptationModule, "training_step", broken)
    assert ensure_run(config) == "failed"
    assert store.resume_file(key).is_file()
    at["fails"] = 4  # at once after going on: the state is no help, the next attempt begins anew
    assert ensure_run(config) == "failed"
    assert not store.resume_file(key).exists()
    at["fails"] = -1
    assert ensure_run(config) == "done"
    assert not list((store.root / ".resume").glob("*"))
