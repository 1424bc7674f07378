"""A kept model says of new examples what the run said of its own."""

import io
import json
import os
import zipfile
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import scipy.io

from tests.conformance.cases import METHODS, is_oracle, takes_stream, toy_config
from tests.support import config_of, dataset_of, ensure_run, identity_of
from tests.trees import image_folder
from tlbench.cli import main
from tlbench.errors import TlbenchError
from tlbench.running.loaded_model import load_model
from tlbench.store.runs import RunStore

IMAGES = ("dataset=image_folder", "pair=photo-sketch", "augment=plain", "augment.side=20", "augment.size=16", "optim.steps=3",
          "optim.evaluations=1", "optim.batch_size=4", "validators=0", "distances=0", "protocol=transductive", "trainer=cpu",
          "keep_model=true")  # fmt: skip


def kept(config):
    """The run's store, key and loaded model."""
    assert ensure_run(config) == "done"
    store, key = RunStore(config.store), identity_of(config)["run_key"]
    return store, key, load_model(store, key)


def stored(store, key):
    table = store.predictions(key, "last")
    return table["row"].to_numpy(), table["prediction"].to_numpy(), table["confidence"].to_numpy()


@pytest.mark.parametrize("name", [method for method in METHODS if not takes_stream(method)])
def test_every_method_can_be_kept_and_predicts_as_it_did(name, toy):
    extra = ["protocol.target_test=0.5"] if is_oracle(name) else []
    config = toy_config(name, toy, "keep_model=true", "validators=0", "distances=0", *extra)
    store, key, model = kept(config)
    rows, predictions, confidences = stored(store, key)
    proba = model.predict_proba(dataset_of(config).load("right").inputs[rows])
    np.testing.assert_array_equal(proba.argmax(axis=1), predictions)
    np.testing.assert_allclose(proba.max(axis=1), confidences, rtol=1e-6)
    assert {p.suffix for p in store.path(key).iterdir() if p.is_file()} <= {
        ".yaml",
        ".json",
        ".parquet",
        ".safetensors",
        ".skops",
    }


@pytest.mark.parametrize("domain", ["source", "target"])
def test_new_examples_are_transformed_by_the_numbers_of_the_runs_own_domain(domain, toy):
    zscore = "dataset.transforms=[{_target_: tlbench.data.transforms.zscore, _partial_: true}]"
    config = config_of("dataset=toy", "pair=L-R", "method=coral_linear", zscore, "keep_model=true", config_dir=toy)
    store, key, model = kept(config)
    dataset = dataset_of(config)
    if domain == "target":
        rows, predictions, _ = stored(store, key)
        found = model.predict_proba(dataset.load("right").inputs[rows[:3]])  # three rows alone have other means
        np.testing.assert_array_equal(found.argmax(axis=1), predictions[:3])
    else:
        left = dataset.load("left")
        assert (model.predict_proba(left.inputs, "source").argmax(axis=1) == left.labels).mean() > 0.9


@pytest.mark.parametrize(
    "words",
    [
        ["backbone=lenet", "method=mmd"],
        ["backbone=lenet", "backbone.mode=frozen", "method=dann", "classifier.bottleneck=5"],
        [
            "backbone=resnet18",
            "backbone.pretrained=false",
            "backbone.mode=last_k",
            "backbone.last_k=1",
            "method=source_only",
        ],
        ["backbone=lenet", "backbone.mode=frozen", "classifier=linear_svm", "method=sa", "method.dim=2"],
    ],
    ids=["whole network", "head", "last stages", "estimator"],
)
def test_images_in_files_are_read_as_the_runs_own(words, tmp_path, monkeypatch):
    monkeypatch.setenv("TLBENCH_CACHE", str(tmp_path / "cache"))
    root = image_folder(tmp_path / "tree")
    config = config_of(*IMAGES, f"dataset.root={root}", *words)
    store, key, model = kept(config)
    table = store.predictions(key, "last")
    paths = [root / name for name in table["id"]]
    proba = model.predict_proba(paths)
    np.testing.assert_array_equal(proba.argmax(axis=1), table["prediction"])
    np.testing.assert_allclose(proba.max(axis=1), table["confidence"], atol=1e-5)
    assert model.predict(paths[:2]).tolist() == [model.classes[i] for i in table["prediction"][:2]]
    with pytest.raises(TlbenchError, match=r"Image '.*none\.jpg' does not exist"):
        model.predict(["none.jpg"])


def test_a_finished_run_is_done_once_more_for_its_model_alone(toy):
    without, keeping = (toy_config("mmd", toy, f"keep_model={word}") for word in ("false", "true"))
    assert identity_of(without) == identity_of(keeping)
    assert ensure_run(without) == "done"
    store, key = RunStore(without.store), identity_of(without)["run_key"]
    before = store.record(key)
    with pytest.raises(TlbenchError, match=r"kept no model.*keep_model=true"):
        load_model(store, key)
    assert ensure_run(keeping) == "done"
    after = store.record(key)
    assert {k: v for k, v in after.items() if k != "files"} == {k: v for k, v in before.items() if k != "files"}
    assert set(after["files"]) - set(before["files"]) == {"model.safetensors"}
    assert store.damaged_files(key, after) == []
    assert store.model_file(key).stat().st_mode == (store.path(key) / "record.json").stat().st_mode
    load_model(store, key)
    stamp = store.model_file(key).stat().st_mtime_ns
    assert ensure_run(keeping) == ensure_run(without) == "done"
    assert store.model_file(key).stat().st_mtime_ns == stamp


def test_a_command_does_a_finished_run_once_more_for_its_model(toy, tmp_path):
    command = ["run", "dataset=toy", "pair=L-R", "method=coral_linear", "--config-dir", str(toy)]
    store = RunStore(tmp_path / "store")
    assert main(command) == 0
    assert not any(map(store.model_file, store.run_keys()))
    assert main([*command, "keep_model=true"]) == 0
    assert all(map(store.model_file, store.run_keys()))  # the reference's, too
    assert main(["store", "check"]) == 0
    store.model_file(store.run_keys()[0]).unlink()
    assert main(["store", "check"]) == 1


def test_columns_of_a_table_are_matched_by_name(capsys):
    rng = np.random.default_rng(0)
    for domain in ("a", "b"):
        y = np.arange(30) % 3
        table = pd.DataFrame(np.eye(3)[y] * 4 + rng.normal(size=(30, 3)), columns=list("uvw")).assign(
            **{f"kind_{domain}": y}
        )
        table.to_csv(f"{domain}.csv", index=False)
    words = [
        "dataset=arrays",
        "dataset.paths={a: a.csv, b: b.csv}",
        "dataset.labels={a: kind_a, b: kind_b}",
        "pair=a-b",
    ]
    assert (
        main(["run", *words, "method=source_only", "classifier=linear_svm", "backbone=identity", "keep_model=true"])
        == 0
    )
    (key,) = RunStore(os.environ["TLBENCH_STORE"]).run_keys()
    table = pd.read_csv("b.csv")
    table[["w", "kind_b", "u", "v"]].to_csv("turned.csv", index=False)
    table.drop(columns="u").to_csv("lacking.csv", index=False)
    assert (
        main(["predict", key, "b.csv", "--out", "one.csv"])
        == main(["predict", key, "turned.csv", "--out", "two.csv"])
        == 0
    )
    assert pd.read_csv("one.csv")["prediction"].tolist() == pd.read_csv("two.csv")["prediction"].tolist()
    assert main(["predict", key, "lacking.csv"]) == 2
    assert (
        "lacking.csv: its columns must be those of the training data, in any order, under their names; it lacks u."
        in capsys.readouterr().err
    )


def test_transforms_that_count_over_other_data_are_refused(toy, tmp_path):
    zscore = "dataset.transforms=[zscore]"
    config = config_of("dataset=toy", "pair=L-R", "method=coral_linear", zscore, "keep_model=true", config_dir=toy)
    store, key, _ = kept(config)
    path = tmp_path / "toy" / "data" / "toy" / "right.mat"
    fields = {name: value for name, value in scipy.io.loadmat(path).items() if not name.startswith("__")}
    scipy.io.savemat(path, {**fields, "fts": fields["fts"] * 2})
    with pytest.raises(TlbenchError, match="not those that the model was trained on"):
        load_model(store, key).predict_proba(fields["fts"])


def test_a_model_trained_on_a_gpu_is_asked_without_one(toy):
    _, _, model = kept(toy_config("mmd", toy, "keep_model=true"))
    hardware = model.setup.config.trainer.model_copy(update={"accelerator": "gpu"})
    elsewhere = replace(
        model, setup=replace(model.setup, config=model.setup.config.model_copy(update={"trainer": hardware}))
    )
    np.testing.assert_array_equal(elsewhere.predict_proba(np.ones((2, 4))), model.predict_proba(np.ones((2, 4))))


def test_a_model_that_is_not_the_one_that_was_written_is_refused(toy):
    store, key, _ = kept(toy_config("mmd", toy, "keep_model=true"))
    path = store.model_file(key)
    path.write_bytes(path.read_bytes()[:-4] + b"evil")
    with pytest.raises(TlbenchError, match="not what was written"):
        load_model(store, key)


def test_nothing_but_known_classes_is_made_from_a_file(toy, monkeypatch):
    store, key, _ = kept(toy_config("sa", toy, "keep_model=true"))
    path, out = store.model_file(key), io.BytesIO()
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(out, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            if name == "schema.json":
                schema = json.loads(content)
                schema["__module__"], schema["__class__"] = "subprocess", "Popen"
                content = json.dumps(schema).encode()
            new.writestr(name, content)
    path.write_bytes(out.getvalue())
    monkeypatch.setattr(RunStore, "checksum", lambda self, key, name: self.record(key)["files"][name])
    with pytest.raises(TlbenchError, match="cannot be read as an estimator"):
        load_model(store, key)


def test_training_examples_are_in_no_file_of_a_classifier_that_does_not_need_them(toy):
    _, _, model = kept(toy_config("source_only", toy, "classifier=logistic", "backbone=identity", "keep_model=true"))
    assert model.learner.examples == []


def test_shapes_and_domains_are_checked(toy):
    _, _, model = kept(toy_config("mmd", toy, "keep_model=true"))
    with pytest.raises(TlbenchError, match=r"numbers of shape \(N, 4\), got float64 \(3, 5\)"):
        model.predict_proba(np.zeros((3, 5)))
    with pytest.raises(TlbenchError, match="must be source or target"):
        model.predict_proba(np.zeros((3, 4)), "webcam")


@pytest.mark.parametrize("kind", [".csv", ".npz", ".npy", ".mat", ".parquet"])
def test_the_command_predicts_files_of_arrays(kind, toy, tmp_path, capsys):
    store, key, _ = kept(toy_config("coral_linear", toy, "keep_model=true"))
    rows, predictions, _ = stored(store, key)
    x = scipy.io.loadmat(tmp_path / "toy" / "data" / "toy" / "right.mat")["fts"][rows]
    path = tmp_path / f"new{kind}"
    table = pd.DataFrame(x, columns=list("wxyz"))
    write = {
        ".csv": lambda: table.to_csv(path, index=False),
        ".parquet": lambda: table.to_parquet(path),
        ".npy": lambda: np.save(path, x),
        ".npz": lambda: np.savez(path, only=x),
        ".mat": lambda: scipy.io.savemat(path, {"only": x}),
    }
    write[kind]()
    capsys.readouterr()
    assert main(["predict", key[:6], str(path), "--out", "said.csv"]) == 0
    told = capsys.readouterr().err
    assert "coral_linear, toy left-right" in told
    assert "points over source_only" in told
    said = pd.read_csv("said.csv")
    assert said["prediction"].tolist() == [list("abc")[i] for i in predictions]
    assert said["row"].tolist() == list(range(len(x)))
    np.testing.assert_allclose(said[["p_a", "p_b", "p_c"]].sum(axis=1), 1)
    assert main(["predict", str(store.path(key)), str(path)]) == 0
    assert capsys.readouterr().out.splitlines()[0] == "file,row,prediction,confidence,p_a,p_b,p_c"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["zzz", "new.csv"], "has no run 'zzz'"), (["KEY", "none.csv"], "none.csv cannot be read"),
        (["KEY", "new.txt"], "Unknown kind of file '.txt'"),
    ],
)  # fmt: skip
def test_what_the_command_cannot_do_is_told(words, told, toy, capsys):
    _, key, _ = kept(toy_config("coral_linear", toy, "keep_model=true"))
    assert main(["predict", *(key if word == "KEY" else word for word in words)]) == 2
    assert told in capsys.readouterr().err
