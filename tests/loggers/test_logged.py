"""One tiny sweep, logged live by every logger, and exported later."""

import csv
import json

import pytest

from tests.logs import wandb_run
from tests.support import config_of, ensure_run, identity_of, laid_out, last_of, write_toy
from tlbench.cli import main
from tlbench.errors import TlbenchError
from tlbench.loggers import needs
from tlbench.store.runs import RunStore
from tlbench.store_commands import check, export

TOY = ("dataset=toy", "pair=L-R", "method=dann", "optim.steps=30", "group=mine")
CHANGING = ("_runtime", "_timestamp", "_wandb/runtime")
"""What W&B notes of its own session."""


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Folder with the toy data, a store and the environment in which nothing leaves the machine."""
    root = tmp_path_factory.mktemp("logged")
    data, conf = write_toy(root / "toy")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        for name, value in (("TLBENCH_DATA", data), ("TLBENCH_STORE", root / "store"), ("WANDB_MODE", "offline"),
                            ("MLFLOW_ALLOW_FILE_STORE", "true")):  # fmt: skip
            patch.setenv(name, str(value))
        yield root, conf


@pytest.fixture
def run_with(place, monkeypatch):
    """Does the run of one seed with a logger; gives its folder and its record."""
    root, conf = place
    monkeypatch.setenv("TLBENCH_DATA", str(root / "toy" / "data"))

    def done(logger, seed, *more):
        overrides = (*TOY, f"logger={logger}", f"seed={seed}", f"store={root / 'store'}", *more)
        config = config_of(*overrides, config_dir=conf)
        assert ensure_run(config) == "done"
        made, key = RunStore(config.store), identity_of(config)["run_key"]
        if made.path(key).is_file():
            laid_out(made, key)
        return made.path(key), json.loads(made.part(key, "record.json"))

    return done


def expected_points(record):
    """Of dann: steps 1 to 30, and the two checkpoints."""
    return list(range(1, 31)), [c["step"] for c in record["checkpoints"]]


def test_csv_holds_the_curves_and_the_gain(run_with):
    folder, record = run_with("csv", 0)
    with (folder / "logs" / "metrics.csv").open() as file:
        rows = list(csv.DictReader(file))
    terms, checkpoints = expected_points(record)
    assert [int(row["step"]) for row in rows if row["train/domain"]] == terms
    assert [int(row["step"]) for row in rows if row["validator/im"]] == checkpoints
    assert [int(row["step"]) for row in rows] == sorted(int(row["step"]) for row in rows)
    gain = record["selections"]["last"]["gains"]["source_only"]
    assert float(rows[-1]["transfer/gain"]) == pytest.approx(gain["gain"])
    assert float(rows[-1]["transfer/negative"]) == (gain["flag"] == "negative")


def test_no_logger_leaves_no_logs(run_with):
    assert not (run_with("none", 0, "method=mmd")[0] / "logs").exists()


@pytest.fixture
def live(run_with):
    folder, record = run_with("wandb", 1, "logger.table_rows=7", "logger.log_model=true")
    (file,) = folder.glob("logs/wandb/offline-run-*/*.wandb")
    return wandb_run(file), record, folder


@pytest.mark.slow
def test_wandb_offline_holds_all_that_is_promised(live):
    found, record, folder = live
    gain = record["selections"]["last"]["gains"]["source_only"]
    assert (found["id"], found["group"], found["job_type"], found["exit"]) == (record["run_key"], "mine", "dann", [0])
    assert found["tags"] == ["toy", "left-right", "inductive", "mlp", "last", gain["flag"]]
    assert (found["config"]["method"]["name"], found["config"]["seed"]) == ("dann", 1)
    assert str(folder.parent) not in json.dumps(found["config"])
    terms, checkpoints = expected_points(record)
    steps = {
        name: [r["trainer/global_step"] for r in found["history"] if name in r]
        for name in ("train/domain", "validator/im")
    }
    assert steps == {"train/domain": terms, "validator/im": checkpoints}
    oracle = [r["ORACLE/target_score"] for r in found["history"] if "ORACLE/target_score" in r]
    assert oracle == [c["oracle_score"] for c in record["checkpoints"]]
    summary = found["summary"]
    assert (summary["transfer/gain"], summary["transfer/p"], summary["transfer/flag"]) == (
        gain["gain"],
        gain["p"],
        gain["flag"],
    )
    assert summary["transfer/reference_run"] == gain["run_key"]
    assert summary["target/accuracy"] == record["selections"]["last"]["metrics"]["accuracy"]
    assert summary["costs/seconds"] == record["costs"]["seconds"]
    assert (summary["predictions_table/rows"], summary["predictions_table/rows_of"]) == (
        7,
        record["sizes"]["target_test"],
    )
    assert found["artifacts"]["report", f"report-{record['run_key']}"] == ["predictions.parquet", "record.json"]
    assert found["artifacts"]["model", f"model-{record['run_key']}"] == ["model.safetensors"]


@pytest.mark.slow
def test_weights_are_those_of_the_network(live):
    from safetensors.torch import load_file

    weights = load_file(live[2] / "logs" / "model.safetensors")
    assert {tuple(w.shape) for name, w in weights.items() if name.endswith("weight")} >= {(8, 4), (6, 8), (3, 6)}


@pytest.mark.slow
def test_export_equals_live_and_writes_nothing_twice(live, run_with, place, capsys):
    root, _ = place
    found, record, _ = live
    options = {
        "csv": None,
        "parquet": None,
        "to_wandb": True,
        "project": None,
        "entity": None,
        "out": str(root / "out"),
    }
    assert export(str(root / "store"), **options) == 0
    (file,) = (root / "out" / "wandb").glob(f"offline-run-*/run-{record['run_key']}.wandb")
    later = wandb_run(file)

    def fixed(values):
        """Without W&B's own notes, and the table, whose rows are capped elsewhere by default."""
        return {
            k: v
            for k, v in values.items()
            if k not in CHANGING and not k.startswith(("predictions", "_wandb", "_step"))
        }

    for part in ("id", "project", "group", "job_type", "name", "tags", "exit"):
        assert later[part] == found[part], part
    assert fixed(later["config"]) == fixed(found["config"])
    assert fixed(later["summary"]) == fixed(found["summary"])
    assert [fixed(row) for row in later["history"]] == [fixed(row) for row in found["history"]]
    assert {kind: paths for (kind, _), paths in later["artifacts"].items()} == {
        kind: paths for (kind, _), paths in found["artifacts"].items()
    }
    runs = RunStore(root / "store").run_keys()
    files = sorted(path.name for path in (root / "out" / "wandb").glob("offline-run-*/*.wandb"))
    (summary,) = [name for name in files if name.startswith("run-summary-")]
    assert len(files) == len(runs) + 1
    (path,) = (root / "out" / "wandb").glob(f"offline-run-*/{summary}")
    whole = wandb_run(path)
    assert (whole["job_type"], whole["summary"]["runs/done"]) == ("summary", len(runs))
    assert whole["summary"]["runs/ncols"] > 30
    (paths,) = [paths for (kind, _), paths in whole["artifacts"].items() if kind == "report"]
    assert paths == ["cells.csv", "report.html", "runs.csv"]
    assert export(str(root / "store"), **options) == 0
    assert f"0 runs exported, {len(runs)} were there" in capsys.readouterr().out
    assert sorted(path.name for path in (root / "out" / "wandb").glob("offline-run-*/*.wandb")) == files


@pytest.fixture
def sweep_with(place, monkeypatch):
    """Does a sweep of closed forms into a store of its own; gives the exit status and the store."""
    root, conf = place
    monkeypatch.setenv("TLBENCH_DATA", str(root / "toy" / "data"))

    def done(name, *more):
        words = ["dataset=toy", "pair=L-R,R-L", "method=coral_linear", "backbone=identity", "classifier=nearest_neighbour",
                 "validators=0", "distances=0", "hydra/launcher=basic", f"store={root / name}"]  # fmt: skip
        return main(["sweep", *last_of(*words, *more), "--config-dir", str(conf)]), RunStore(root / name)

    return done


@pytest.mark.slow
def test_a_sweep_that_was_logged_to_wandb_ends_with_a_summary_in_its_group(sweep_with, capsys):
    status, store = sweep_with("summed", "logger=wandb", "group=a/b")
    (plan,) = (store.root / "plans").glob("*.json")
    runs = store.run_keys()
    (file,) = store.root.glob("*/*/logs/wandb/offline-run-*/run-summary-*.wandb")
    whole = wandb_run(file)
    assert (status, whole["group"], whole["name"], whole["job_type"]) == (
        0, "a/b", f"summary of {plan.stem}", "summary"
    )  # fmt: skip
    (one,) = store.root.glob(f"*/{runs[0]}/logs/wandb/offline-run-*/*.wandb")
    assert wandb_run(one)["group"] == "a/b"
    assert (whole["summary"]["runs/done"], whole["summary"]["cells/all"]) == (len(runs), len(runs))
    assert [paths for (kind, _), paths in whole["artifacts"].items() if kind == "report"] == [
        ["cells.csv", "report.html", "runs.csv"]
    ]
    assert check(str(store.root)) == 0
    # nothing is left to do: no second summary; another sweep of the same group has one of its own, of its own runs alone
    sweep_with("summed", "logger=wandb", "group=a/b")
    sweep_with("summed", "logger=wandb", "method=source_only", "seed=1", "group=a/b", "selection=oracle")
    files = list(store.root.glob("*/*/logs/wandb/offline-run-*/run-summary-*.wandb"))
    assert len(files) == 2
    (other,) = [found for path in files if (found := wandb_run(path))["id"] != whole["id"]]
    assert (other["group"], other["summary"]["runs/done"], other["summary"]["cells/all"]) == ("a/b", 2, 2)
    assert (whole["tags"], whole["summary"]["selection/rule"]) == (["summary"], "last")
    assert (other["tags"], other["summary"]["selection/rule"]) == (["summary", "ORACLE"], "oracle")
    assert other["name"].startswith("ORACLE summary of ")


def test_a_sweep_with_w_and_b_switched_off_leaves_nothing_of_it(sweep_with, monkeypatch):
    monkeypatch.setenv("WANDB_MODE", "disabled")
    status, store = sweep_with("off", "logger=wandb")
    assert status == 0
    assert not (store.root / "plans" / "sweeps").exists()
    assert not (store.root / ".store-id").exists()


@pytest.mark.parametrize("broken", [True, False])
def test_a_summary_that_fails_costs_the_sweep_nothing_and_other_loggers_have_none(
    sweep_with, monkeypatch, capsys, broken
):
    def fails(*_):
        raise RuntimeError("no\nroom")

    monkeypatch.setattr("tlbench.reporting.wandb_summary.log_summary_of_sweep", fails)
    status, store = sweep_with(f"broken{broken}", "logger=wandb" if broken else "logger=none")
    error = capsys.readouterr().err
    assert status == 0
    assert ("W&B summary failed, its runs are kept: RuntimeError: no room" in error) is broken
    assert len(store.run_keys()) == 4


@pytest.mark.slow
def test_wandb_that_is_disabled_leaves_nothing(run_with, monkeypatch, place):
    monkeypatch.setenv("WANDB_MODE", "disabled")
    folder, record = run_with("wandb", 2)
    assert record["selections"]["last"]["gains"]
    assert not (folder / "logs").exists()
    options = {"csv": None, "parquet": None, "to_wandb": True, "project": None, "entity": None, "out": "never"}
    with pytest.raises(TlbenchError, match="WANDB_MODE=disabled"):
        export(str(place[0] / "store"), **options)


def test_tensorboard_holds_the_same_names(run_with):
    pytest.importorskip("tensorboard", reason="tensorboard is not installed")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    folder, record = run_with("tensorboard", 3)
    (file,) = (folder / "logs").iterdir()
    events = EventAccumulator(str(file)).Reload()
    terms, checkpoints = expected_points(record)
    assert [e.step for e in events.Scalars("train/domain")] == terms
    assert [(e.step, pytest.approx(e.value)) for e in events.Scalars("validator/im")] == [
        (c["step"], c["scores"]["im"]) for c in record["checkpoints"]
    ]
    assert [e.step for e in events.Scalars("ORACLE/target_score")] == checkpoints
    gain = record["selections"]["last"]["gains"]["source_only"]
    assert events.Scalars("transfer/gain")[0].value == pytest.approx(gain["gain"])
    (text,) = [t for t in events.Tags()["tensors"] if t.startswith("transfer/flag")]
    assert gain["flag"].encode() in events.Tensors(text)[0].tensor_proto.string_val[0]


@pytest.mark.slow
def test_mlflow_holds_the_same_names(run_with, place):
    pytest.importorskip("mlflow", reason="mlflow is not installed: pip install 'tlbench[mlflow]'")
    from mlflow.tracking import MlflowClient

    uri = f"file:{place[0]}/mlruns"
    _, record = run_with("mlflow", 4, f"logger.tracking_uri={uri}")
    client = MlflowClient(uri)
    experiment = client.get_experiment_by_name("tlbench")
    runs = {run.data.tags["run_key"]: run for run in client.search_runs([experiment.experiment_id])}
    run = runs[record["run_key"]]
    gain = record["selections"]["last"]["gains"]["source_only"]
    assert run.info.status == "FINISHED"
    assert {k: run.data.tags[k] for k in ("run_key", "group", "job_type", "transfer/flag")} == {
        "run_key": record["run_key"], "group": "mine", "job_type": "dann", "transfer/flag": gain["flag"],
    }  # fmt: skip
    assert run.data.params["method/name"] == "dann"
    assert run.data.metrics["transfer/gain"] == pytest.approx(gain["gain"])
    terms, checkpoints = expected_points(record)
    assert [m.step for m in client.get_metric_history(run.info.run_id, "train/domain")] == terms
    assert [m.step for m in client.get_metric_history(run.info.run_id, "ORACLE/target_score")] == checkpoints


def test_a_missing_library_is_told_with_the_command_that_installs_it(monkeypatch):
    monkeypatch.setattr(needs, "find_spec", lambda name: None)
    with pytest.raises(TlbenchError, match=r"logger=mlflow needs .* pip install 'tlbench\[mlflow\]'"):
        needs.need("mlflow", "mlflow")
