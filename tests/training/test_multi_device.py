"""Two devices: two processes on one processor do what two GPUs would."""

import pytest

from tests.support import config_of, ensure_run, identity_of
from tlbench.store.runs import RunStore

pytestmark = pytest.mark.slow


def test_two_devices_train_together_and_leave_a_whole_record(toy):
    common = ["dataset=toy", "pair=L-R", "method=source_only", "optim.steps=50", "trainer=cpu", "logger=csv"]
    one, two = (config_of(*common, f"trainer.devices={n}", config_dir=toy) for n in (1, 2))
    store = RunStore(one.store)
    assert [ensure_run(config) for config in (one, two)] == ["done", "done"]
    keys = [identity_of(config)["run_key"] for config in (one, two)]
    assert keys[0] != keys[1]
    # a mean over both halves of a batch is the mean over the batch, so the same weights come out, up to rounding
    confidence = [store.predictions(key, "last")["confidence"] for key in keys]
    assert confidence[1].to_numpy() == pytest.approx(confidence[0].to_numpy(), abs=1e-3)
    one_device, two_devices = (store.record(key)["selections"] for key in keys)
    assert {rule: result["step"] for rule, result in two_devices.items() if rule == "last"} == {"last": 50}
    assert one_device.keys() == two_devices.keys()
    assert len(store.history(keys[1])) == 50
    assert "train/classification" in store.part(keys[1], "logs/metrics.csv").decode()


def test_a_divergence_on_two_devices_is_recorded_with_step_and_term(toy):
    config = config_of("dataset=toy", "pair=L-R", "trainer=cpu", "trainer.devices=2", "optim.lr=1e30", config_dir=toy)
    assert ensure_run(config) == "failed"
    record = RunStore(config.store).record(identity_of(config)["run_key"])
    assert record["term"] == "classification"
    assert record["step"] >= 1


def test_a_batch_too_small_to_share_is_told(toy):
    common = ["dataset=toy", "pair=L-R", "trainer=cpu", "trainer.devices=2", "optim.batch_size=2"]
    config = config_of(*common, config_dir=toy)
    assert ensure_run(config) == "failed"
    record = RunStore(config.store).record(identity_of(config)["run_key"])
    assert "fewer than two for each of 2 devices" in record["reason"]
