"""What is measured beside a run (distances, validators) changes nothing in it: a reference trains as its method does."""

import pytest

from tests.support import config_of, prepared
from tests.trees import image_folder
from tlbench.running.fit import fit
from tlbench.running.judge import judge


def trained(config):
    run, hidden = prepared(config)
    (done,) = fit([run])
    references = dict.fromkeys(run.setup.references)
    return judge(done, hidden, references).record["distances"], [c.test for c in done.checkpoints], done.history


@pytest.mark.parametrize("mode", ["finetune", "last_k"])
@pytest.mark.parametrize("method", ["source_only", "dann"])
def test_of_images(method, mode, tmp_path, monkeypatch):
    """Batch norms must move in training, whatever was looked at before."""
    monkeypatch.setenv("TLBENCH_CACHE", str(tmp_path / "cache"))
    words = [
        "dataset=image_folder", f"dataset.root={image_folder(tmp_path / 'own')}", "pair=P-S", f"method={method}",
        "backbone=resnet18", "backbone.pretrained=false", f"backbone.mode={mode}", "backbone.last_k=1", "augment=plain",
        "augment.side=36", "augment.size=32", "trainer=cpu", "optim.batch_size=6", "optim.steps=3", "optim.evaluations=2",
        "classifier.dropout=0.5",
    ]  # fmt: skip
    without = trained(config_of(*words, "distances=0", "validators=0"))
    with_them = trained(config_of(*words, "distances=20", "validators=20"))
    assert without[0] == {}
    assert set(with_them[0]) == ({"raw", "trained"} if method == "source_only" else {"trained"})
    for one, other in zip(without[1], with_them[1], strict=True):
        assert (one == other).all()
    assert without[2] == with_them[2]


@pytest.mark.parametrize("method", ["source_only", "mmd", "coral_linear"])
def test_of_arrays(method, toy):
    words = ["dataset=toy", "pair=L-R", f"method={method}", "trainer=cpu"]
    words += [] if method == "coral_linear" else ["classifier.dropout=0.5"]
    without = trained(config_of(*words, "distances=0", "validators=0", config_dir=toy))
    with_them = trained(config_of(*words, "distances=20", "validators=20", config_dir=toy))
    for one, other in zip(without[1], with_them[1], strict=True):
        assert (one == other).all()
    assert without[2] == with_them[2]
    assert with_them[0]
