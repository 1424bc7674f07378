"""Rows that somebody adds: what fits is merged, and each rule that is broken is named."""

import json
import shutil

import pandas as pd
import pytest
import yaml

from baselines.sa import SubspaceAlignment
from tests.support import RunStore, damage, remove
from tlbench.atlas.adding import admitted
from tlbench.atlas.atlas_file import read_atlas, write_atlas
from tlbench.atlas.leave import write_pages
from tlbench.cli import main
from tlbench.errors import TlbenchError
from tlbench.store.records import checksum, sealed_record

WORDS = [
    "dataset=gaussian_shifts",
    "dataset.size=80",
    "pair=S-V",
    "classifier=logistic",
    "hydra/launcher=basic",
    "seed=0",
]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    root = tmp_path_factory.mktemp("adding") / "store"
    assert main(["sweep", *WORDS, "method=sa,coral_linear", f"store={root}"]) == 0
    return root


@pytest.fixture
def store(made, tmp_path):
    shutil.copytree(made, tmp_path / "theirs")
    return RunStore(tmp_path / "theirs")


def key_of(store, method):
    return next(key for key in store.run_keys() if store.record(key)["method"] == method)


def rewrite(store, key, changed_config=None, **changed):
    """Changes config and record of a run with checksums that fit, as somebody would who knows how."""
    config, record = store.config(key), store.record(key)
    text = yaml.safe_dump({**config, **(changed_config or {})}).encode()
    files = {**record["files"], "config.yaml": checksum(text)}
    damage(store, key, "config.yaml", text)
    damage(store, key, "record.json", sealed_record({**record, "files": files, **changed}).encode())


def refusals(store, folder):
    return {
        RunStore(store.root).record(key)["method"]: why
        for key, why in admitted(RunStore(store.root), folder).refused.items()
    }


def test_what_fits_is_added_once(store, tmp_path):
    first = admitted(store, tmp_path / "atlas")
    assert (first.n_new, first.n_known, first.refused) == (3, 0, {})
    write_atlas(tmp_path / "atlas", first.rows)
    again = admitted(store, tmp_path / "atlas")
    assert (again.n_new, again.n_known, again.refused, len(again.rows)) == (0, 3, {}, 3)


def test_a_changed_file_is_refused_and_what_is_compared_with_it(store, tmp_path):
    damage(store, key_of(store, "sa"), "history.parquet", b"other")
    found = refusals(store, tmp_path)
    assert found.keys() == {"sa"}
    assert "checksum does not fit" in found["sa"]
    damage(store, key_of(store, "source_only"), "history.parquet", b"other")
    found = refusals(store, tmp_path)
    assert found.keys() == {"sa", "coral_linear", "source_only"}
    assert found["coral_linear"] == "is compared with a run that was refused"


def test_a_changed_record_is_refused(store, tmp_path):
    key = key_of(store, "sa")
    record = {**store.record(key), "seed": 5}
    damage(store, key, "record.json", json.dumps({**record, "checksum": "0" * 64}).encode())
    assert "checksum does not fit" in admitted(RunStore(store.root), tmp_path).refused[key]


def test_a_config_of_another_key_is_refused(store, tmp_path):
    rewrite(store, key_of(store, "sa"), {"seed": 7})
    found = refusals(store, tmp_path)
    assert found.keys() == {"sa"}
    assert "has the config of run" in found["sa"]


def test_another_harness_is_refused(store, tmp_path):
    rewrite(store, key_of(store, "sa"), harness=1)
    assert refusals(store, tmp_path) == {"sa": "was made by revision 1 of the harness, and this is 2; run it again"}


def test_another_revision_of_the_method_is_refused(store, tmp_path, monkeypatch):
    monkeypatch.setattr(SubspaceAlignment, "revision", 99)
    assert refusals(store, tmp_path) == {"sa": "was made by revision 2 of sa, and this version has 99; run it again"}


def test_a_lost_reference_is_refused(store, tmp_path):
    remove(store, key_of(store, "source_only"))
    found = refusals(store, tmp_path)
    assert found.keys() == {"sa", "coral_linear"}
    assert "its reference source_only" in found["sa"]


def changed_atlas(store, folder, **columns):
    """The atlas of a store, as if it had been made with other data or numbers."""
    rows = admitted(store, folder).rows
    write_atlas(folder, rows.assign(**{name: change(rows) for name, change in columns.items()}))


def test_other_data_under_the_same_name_are_refused(store, tmp_path):
    folder = tmp_path / "atlas"
    changed_atlas(store, folder, data_fingerprint=lambda rows: "abc", run_key=lambda rows: "x" + rows["run_key"])
    found = refusals(store, folder)
    assert found.keys() == {"sa", "coral_linear", "source_only"}
    assert "has other data than gaussian_shifts source-covariate in the atlas" in found["sa"]
    assert "there abc" in found["sa"]


def test_other_numbers_of_the_same_run_are_refused(store, tmp_path):
    folder = tmp_path / "atlas"
    changed_atlas(store, folder, score=lambda rows: rows["score"].where(rows["method"] != "sa", rows["score"] + 0.01))
    found = refusals(store, folder)
    assert found == {"sa": "has other numbers than the atlas has for it (by 1 points)"}


def test_the_command_merges_what_fits_and_says_what_does_not(store, tmp_path, capsys):
    folder = tmp_path / "atlas"
    damage(store, key_of(store, "sa"), "history.parquet", b"other")
    assert main(["atlas", "add", str(store.root), "--out", str(folder)]) == 1
    assert f"refused {key_of(store, 'sa')}: " in (told := capsys.readouterr().out)
    assert "2 rows added, 0 were there, 1 runs refused" in told
    assert sorted(read_atlas(folder)["method"]) == ["coral_linear", "source_only"]
    assert "# An atlas of negative transfer" in (folder / "README.md").read_text("utf-8")


def test_an_empty_store_is_no_addition(tmp_path):
    (tmp_path / "none").mkdir()
    with pytest.raises(TlbenchError, match="holds no finished run"):
        admitted(RunStore(tmp_path / "none"), tmp_path)
    assert isinstance(read_atlas(tmp_path), pd.DataFrame)


@pytest.mark.parametrize(
    ("torn", "with_it", "left"),
    [("sa", [], ["coral_linear", "source_only"]), ("source_only", ["sa", "coral_linear"], [])],
)
def test_a_run_that_is_torn_leaves_the_others_their_place(store, tmp_path, torn, with_it, left):
    key = key_of(store, torn)
    damage(store, key, "outlooks.npz", b"torn")
    found = admitted(RunStore(store.root), tmp_path / "atlas")
    assert set(found.refused) == {key, *(key_of(store, name) for name in with_it)}
    assert sorted(found.rows["method"]) == left


def test_what_is_there_already_leaves_every_file_as_it_is(store, tmp_path):
    words = ["atlas", "add", str(store.root), "--out", str(tmp_path / "atlas")]
    assert main(words) == 0
    before = {path: path.read_bytes() for path in (tmp_path / "atlas").iterdir()}
    assert main(words) == 0
    assert {path: path.read_bytes() for path in (tmp_path / "atlas").iterdir()} == before
    write_pages(tmp_path / "atlas", read_atlas(tmp_path / "atlas"))
    assert {path: path.read_bytes() for path in (tmp_path / "atlas").iterdir()} == before


def test_a_file_is_no_folder_of_an_atlas(store, tmp_path, capsys):
    (tmp_path / "taken").write_text("")
    assert main(["atlas", "add", str(store.root), "--out", str(tmp_path / "taken")]) == 2
    assert "Set by --out." in capsys.readouterr().err
