import csv
import json
import struct
from collections.abc import Iterator

import pytest

from tests.support import config_of
from tlbench.results.store import RunStore
from tlbench.run import ensure_run, identity_of

TOY = ("dataset=toy", "pair=L-R", "method=dann", "optim.steps=30")


def folder_of(config):
    assert ensure_run(config) == "done"
    return RunStore(config.store).root / identity_of(config)["run_key"]


def test_csv_holds_the_curves_and_the_gain(toy):
    folder = folder_of(config_of(*TOY, "logger=csv", config_dir=toy))
    with (folder / "logs" / "metrics.csv").open() as file:
        rows = list(csv.DictReader(file))
    record = json.loads((folder / "record.json").read_text())
    gain = record["selections"]["last"]["gains"]["source_only"]
    assert float(rows[-1]["transfer/gain"]) == pytest.approx(gain["gain"])
    assert float(rows[-1]["transfer/negative"]) == (gain["flag"] == "negative")
    curve = [float(row["train/domain"]) for row in rows if row["train/domain"]]
    assert curve
    assert [int(row["step"]) for row in rows] == sorted(int(row["step"]) for row in rows)


def test_no_logger_leaves_no_logs(toy):
    assert not (folder_of(config_of(*TOY, "logger=none", config_dir=toy)) / "logs").exists()


def wandb_records(content: bytes) -> Iterator[bytes]:
    """Records of a .wandb file: a 7-byte head, then LevelDB's log format in blocks of 32 KiB."""
    at, data = 7, b""
    while at + 7 <= len(content):
        if (room := 32768 - at % 32768) < 7:
            at += room
            continue
        length, kind = struct.unpack("<HB", content[at + 4 : at + 7])
        if kind == 0:
            return
        data += content[at + 7 : at + 7 + length]
        at += 7 + length
        if kind in (1, 4):  # whole, or the last part
            yield data
            data = b""


@pytest.mark.slow
def test_wandb_offline_keeps_config_curves_gain_group_and_job_type(toy, monkeypatch):
    from wandb.proto import wandb_internal_pb2

    monkeypatch.setenv("WANDB_MODE", "offline")
    folder = folder_of(config_of(*TOY, "logger=wandb", "group=mine", config_dir=toy))
    (file,) = folder.glob("logs/wandb/offline-run-*/*.wandb")
    records = [wandb_internal_pb2.Record.FromString(data) for data in wandb_records(file.read_bytes())]
    (run,) = (r.run for r in records if r.WhichOneof("record_type") == "run")
    assert (run.run_group, run.job_type, run.project) == ("mine", "dann", "tlbench")
    updates = [i for r in records if r.WhichOneof("record_type") == "config" for i in r.config.update]
    config = {item.key: json.loads(item.value_json) for item in updates}
    assert config["method"]["name"] == "dann"
    assert config["seed"] == 0
    rows = [
        {(i.key or "/".join(i.nested_key)): json.loads(i.value_json) for i in r.history.item}
        for r in records
        if r.WhichOneof("record_type") == "history"
    ]
    assert any("train/domain" in row for row in rows)
    gain = json.loads((folder / "record.json").read_text())["selections"]["last"]["gains"]["source_only"]["gain"]
    assert [row["transfer/gain"] for row in rows if "transfer/gain" in row] == [pytest.approx(gain)]


@pytest.mark.slow
def test_wandb_may_be_switched_off(toy, monkeypatch):
    monkeypatch.setenv("WANDB_MODE", "disabled")
    folder = folder_of(config_of(*TOY, "logger=wandb", config_dir=toy))
    assert json.loads((folder / "record.json").read_text())["selections"]["last"]["gains"]
