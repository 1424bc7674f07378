"""A run keeps features of both domains where it is asked to, and is the same run otherwise."""

import numpy as np
import pytest

from tests.support import config_of, ensure_run, fitted, identity_of, laid_out, prepared
from tlbench.cli import main
from tlbench.dashboard.data import tagged
from tlbench.errors import TlbenchError
from tlbench.findings.embeddings import about_run, kept_features
from tlbench.running.fit import fit
from tlbench.running.judge import judge
from tlbench.running.looks import outputs_of
from tlbench.store.check_store import check_store
from tlbench.store.plans import planned
from tlbench.store.runs import RunStore
from tlbench.store.table import read_runs
from tlbench.training.domains import flat
from tlbench.training.validator_probe import drawn

WORDS = ["dataset=toy", "pair=L-R", "trainer=cpu", "distances=0", "validators=0"]


@pytest.fixture
def run(toy):
    def made(method, *words):
        config = config_of(*WORDS, f"method={method}", *words, config_dir=toy)
        assert ensure_run(config) == "done"
        return RunStore(config.store), identity_of(config)["run_key"]

    return made


def test_a_run_leaves_features_before_and_after_and_labels_for_colours(run):
    store, key = run("dann", "embeddings=20")
    found = store.features(key)
    assert {name: (values.shape, values.dtype.kind) for name, values in found.items()} == {
        "raw_source": ((20, 4), "f"), "raw_target": ((20, 4), "f"), "trained_source": ((20, 6), "f"),
        "trained_target": ((20, 6), "f"), "source_label": ((20,), "i"), "oracle_target_label": ((20,), "i"),
    }  # fmt: skip
    assert all(values.itemsize == 4 for name, values in found.items() if "label" not in name)
    without, other = run("coral_linear", "classifier=linear_svm", "backbone=identity", "embeddings=20")
    assert "raw_source" in without.features(other)


def test_a_finished_run_is_asked_for_features_and_keeps_its_numbers(run):
    store, key = run("dann")
    before, predictions = store.record(key), store.part(key, "predictions.parquet")
    reference = before["selections"]["last"]["gains"]["source_only"]["run_key"]
    assert not store.keeps_features(key)
    assert run("dann", "embeddings=20")[1] == key
    assert store.keeps_features(reference)
    few = store.features(key)
    assert len(few["raw_source"]) == 20
    after = store.record(key)
    added = after["files"].pop("features.npz")
    assert {**after, "embeddings": 0} == before
    assert added == store.checksum(key, "features.npz")
    assert store.part(key, "predictions.parquet") == predictions
    # fewer than there are, or as many: nothing is done; more: once more; lost: once more
    stamp = store.stamp(key)
    run("dann", "embeddings=10")
    run("dann", "embeddings=20")
    run("dann")
    assert store.stamp(key) == stamp
    run("dann", "embeddings=25")
    assert len(store.features(key)["raw_source"]) == 25
    store.part_file(key, "features.npz").unlink()
    run("dann", "embeddings=20")
    np.testing.assert_array_equal(store.features(key)["trained_target"], few["trained_target"])
    assert not list(store.root.rglob("*.part"))


def test_a_run_that_fails_when_it_is_done_again_stays_done(run, monkeypatch, capsys):
    store, key = run("coral_linear", "classifier=linear_svm", "backbone=identity")
    monkeypatch.setattr("tlbench.running.prepare.load_task", lambda *a, **k: 1 / 0)
    run("coral_linear", "classifier=linear_svm", "backbone=identity", "embeddings=20")
    assert f"run {key} is done, but kept no features: ZeroDivisionError" in capsys.readouterr().err
    assert store.status(key) == "done"


def test_features_that_are_not_there_or_damaged_are_told(run):
    store, key = run("source_only")
    with pytest.raises(TlbenchError, match="kept no features"):
        store.features(key)
    (laid_out(store, key) / "features.npz").write_bytes(b"torn")
    with pytest.raises(TlbenchError, match="damaged"):
        store.features(key)


@pytest.mark.parametrize("method", ["source_only", "dann"])
def test_features_are_those_that_distances_measure_and_nothing_else_changes(method, toy):
    config = config_of(*WORDS, f"method={method}", "classifier.dropout=0.5", "embeddings=15", config_dir=toy)
    run, hidden = prepared(config)
    (done,) = fit([run])
    kept = judge(done, hidden, {}).features
    rows = drawn(run.task.target.shape[0], 15, config.seed, "target")
    np.testing.assert_allclose(kept["raw_target"], flat(run.task.target[rows]))
    np.testing.assert_array_equal(kept["oracle_target_label"], hidden.target_labels[rows])
    seen = outputs_of(run)(run.task.target[rows], "target").features_ND
    np.testing.assert_allclose(kept["trained_target"], seen, rtol=1e-5, atol=1e-6)
    alone = fitted(config.model_copy(update={"embeddings": 0}))
    assert alone.history == done.history
    for one, two in zip(done.checkpoints, alone.checkpoints, strict=True):
        assert (one.test == two.test).all()


def test_a_map_has_what_the_reference_has_learnt_as_long_as_that_is_there(run):
    store, key = run("dann", "embeddings=20")
    row = next(r for r in read_runs(store).to_dict("records") if r["run_key"] == key and r["selection"] == "last")
    both = kept_features(store, row)
    np.testing.assert_array_equal(both["reference_source"], store.features(row["reference_run"])["trained_source"])
    about = about_run(store, row)
    assert (about.where, about.method, about.reference) == ("toy, left-right, inductive, seed 0", "dann", "source_only")
    assert (about.step, about.selection, about.labels) == (
        store.record(key)["selections"]["last"]["step"],
        "last",
        "none",
    )
    store.part_file(row["reference_run"], "features.npz").unlink()
    assert set(kept_features(store, row)) == set(store.features(key))


def test_lost_features_are_found_by_a_check(run):
    store, key = run("source_only", "embeddings=20")
    assert check_store(store).problems == []
    store.part_file(key, "features.npz").unlink()
    (problem,) = check_store(store).problems
    assert "features.npz" in problem.line()
    assert "is missing; the same command" in problem.line()


def test_what_a_method_sees_of_the_target_is_in_its_map(run):
    for method, words, labels in (("oracle", (), "all"), ("dann", ("protocol.shots=1",), "shots")):
        store, key = run(method, "embeddings=20", *words)
        row = next(r for r in read_runs(store).to_dict("records") if r["run_key"] == key)
        assert about_run(store, row).labels == labels


def test_a_sweep_asks_finished_runs_for_features_and_gives_them_tags_without_running_them(toy, tmp_path, capsys):
    pytest.importorskip("streamlit", reason="the dashboard's extra is not installed")
    words = ["sweep", *WORDS, "method=coral_linear", "backbone=identity", "classifier=nearest_neighbour", "seed=0,1",
             "hydra/launcher=basic", f"store={tmp_path / 's'}", "--config-dir", str(toy)]  # fmt: skip
    store = RunStore(tmp_path / "s")
    assert main([*words, "tags=[early]"]) == 0
    assert not any(store.keeps_features(key) for key in store.run_keys())
    assert main([*words, "embeddings=10"]) == 0
    assert all(store.keeps_features(key) for key in store.run_keys())
    stamps = store.stamps()
    capsys.readouterr()
    assert main([*words, "tags=[late]", "embeddings=10"]) == 0
    assert "4 are there" in capsys.readouterr().err
    assert store.stamps() == stamps
    keys = set(store.run_keys())
    assert tagged(read_runs(store), planned(store)) == {"early": keys, "late": keys}
