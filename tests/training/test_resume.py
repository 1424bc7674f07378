"""A run that was ended from outside goes on from its last state and ends with the same weights, to the bit."""

import pytest
import pytorch_lightning as pl
import torch

from tests.support import config_of, prepared, trained
from tests.trees import image_folder
from tlbench.training import gradient_fit as fit
from tlbench.training.resume import usable

TOY = ["dataset=toy", "pair=L-R", "optim.steps=13", "optim.evaluations=3", "trainer.checkpoint_steps=4", "trainer=cpu"]


class Killed(BaseException):
    pass


class KillAt(pl.Callback):
    def __init__(self, step: int) -> None:
        self.step = step

    def on_train_batch_start(self, trainer, pl_module, batch, batch_idx):
        if trainer.global_step == self.step:
            raise Killed


def learner_of(config):
    run, _ = prepared(config)
    return run.learner, run.task, run.test


def train(config, resume=None, kill_at=None, monkeypatch=None):
    learner, task, test = learner_of(config)
    if kill_at is None:
        checkpoints, history = trained(learner, task, test, config, resume=resume)
        return learner, checkpoints, history
    make = fit.make_trainer
    with monkeypatch.context() as patch:
        patch.setattr(
            fit, "make_trainer", lambda *a, **k: make(*a, **{**k, "callbacks": [*k["callbacks"], KillAt(kill_at)]})
        )
        with pytest.raises(Killed):
            trained(learner, task, test, config, resume=resume)
    return None


def same(one, other) -> None:
    for a, b in zip(one[0].state_dict().values(), other[0].state_dict().values(), strict=True):
        assert torch.equal(a, b)
    assert [c.step for c in one[1]] == [c.step for c in other[1]]
    for a, b in zip(one[1], other[1], strict=True):
        assert (a.test == b.test).all()
        assert (a.source_val is None) == (b.source_val is None)
        assert a.source_val is None or (a.source_val == b.source_val).all()
    assert one[2] == other[2]


@pytest.mark.parametrize(
    "changes",
    [
        ["method=dann", "classifier.dropout=0.5"],
        ["method=source_only", "optim=adam", "optim.batch_size=16"],
        ["method=mmd", "trainer.accumulate=2"],
        ["method=coral", "protocol.shots=2", "optim.balanced=true"],
    ],
    ids=["dann", "source_only", "mmd", "coral"],
)
@pytest.mark.parametrize("kill_at", [4, 7, 12])
def test_the_same_weights_checkpoints_and_history(changes, kill_at, toy, tmp_path, monkeypatch):
    config = config_of(*TOY, *changes, "optim.steps=13", "optim.evaluations=3", config_dir=toy)
    state = tmp_path / "resume" / "state.ckpt"
    whole = train(config)
    train(config, state, kill_at, monkeypatch)
    assert state.is_file()
    again = train(config, state)
    same(whole, again)
    assert len(again[2]) == 13


def test_images_with_augmentation_dropout_and_batch_norm(tmp_path, monkeypatch):
    monkeypatch.setenv("TLBENCH_CACHE", str(tmp_path / "cache"))
    root = image_folder(tmp_path / "own")
    config = config_of(
        "dataset=image_folder", f"dataset.root={root}", "pair=P-S", "method=dann", "backbone=resnet18",
        "backbone.pretrained=false", "augment=randaugment", "augment.side=36", "augment.size=32", "trainer=cpu",
        "augment.jitter=[0.2,0.2,0.2,0.1]", "optim.batch_size=6", "optim.steps=6", "optim.evaluations=2",
        "trainer.checkpoint_steps=2", "classifier.dropout=0.5", "classifier.norm=batch",
    )  # fmt: skip
    whole = train(config)
    train(config, tmp_path / "s.ckpt", 5, monkeypatch)
    same(whole, train(config, tmp_path / "s.ckpt"))


def test_the_second_half_alone_is_trained(toy, tmp_path, monkeypatch):
    config = config_of(*TOY, "method=dann", config_dir=toy)
    train(config, tmp_path / "s.ckpt", 9, monkeypatch)
    learner, task, test = learner_of(config)
    calls = []
    losses = type(learner).losses
    monkeypatch.setattr(type(learner), "losses", lambda self, *a: calls.append(1) or losses(self, *a))
    trained(learner, task, test, config, resume=tmp_path / "s.ckpt")
    assert len(calls) == 13 - 8


def test_a_damaged_state_is_removed_and_the_run_begins_anew(toy, tmp_path):
    state = tmp_path / "s.ckpt"
    state.write_bytes(b"torn")
    with pytest.warns(UserWarning, match="cannot be read .* it begins anew"):
        assert usable(state) is None
    assert not state.exists()
    config = config_of(*TOY, "method=source_only", config_dir=toy)
    whole = train(config)
    state.write_bytes(b"torn")
    with pytest.warns(UserWarning, match="begins anew"):
        same(whole, train(config, state))
    assert usable(None) is None


def test_a_state_holds_nothing_but_tensors_and_plain_values(toy, tmp_path, monkeypatch):
    config = config_of(*TOY, "method=dann", config_dir=toy)
    train(config, tmp_path / "s.ckpt", 9, monkeypatch)
    kept = torch.load(tmp_path / "s.ckpt", weights_only=True)
    assert kept["global_step"] == 8


def test_short_runs_keep_no_state(toy, tmp_path):
    config = config_of(*TOY, "method=source_only", "trainer.checkpoint_steps=500", config_dir=toy)
    train(config, tmp_path / "s.ckpt")
    assert not (tmp_path / "s.ckpt").exists()
