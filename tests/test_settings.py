"""Settings of transfer: what each run is, tables that hold one each, and a setting of one's own."""

import re
from pathlib import Path

import pandas as pd
import pytest

import tlbench
from tests.conformance.cases import METHODS, class_of, toy_config
from tests.findings.tables import cell
from tests.support import config_of, last_of
from tlbench.cli import main
from tlbench.dashboard.data import of_settings
from tlbench.findings.cells import by_setting
from tlbench.findings.grid import grids
from tlbench.running.describe import setting_name
from tlbench.running.setup import Setup
from tlbench.store.runs import RunStore
from tlbench.store.table import read_runs
from tlbench.transfer.setting import SETTINGS, setting_of, setting_of_record

ALL = ("source", "target", "shots")
PLAIN = {
    "sees": ALL, "reference": False, "online": False, "private": False, "bridges": False, "several": False, "shots": False,
    "unknown": False, "lacks_classes": False,
}  # fmt: skip


@pytest.mark.parametrize(("changes", "want"), [
    ({}, "closed_set"), ({"shots": True}, "semi_supervised"), ({"several": True}, "multi_source"),
    ({"several": True, "shots": True}, "multi_source"), ({"bridges": True}, "chain"), ({"lacks_classes": True}, "partial"),
    ({"unknown": True}, "open_set"), ({"unknown": True, "lacks_classes": True}, "universal"), ({"online": True}, "test_time"),
    ({"sees": ("target", "shots")}, "source_free"), ({"private": True}, "source_free"), ({"sees": ("shots",)}, "fine_tuning"),
    ({"sees": ("source",), "several": True}, "domain_generalisation"),
    ({"sees": ("target",), "unknown": True}, "source_free"),
    # a reference has the setting of the data, whatever the methods beside it see
    ({"reference": True, "sees": ("source",)}, "closed_set"), ({"reference": True, "private": True}, "closed_set"),
    ({"reference": True, "online": True}, "test_time"),
])  # fmt: skip
def test_a_setting_is_what_the_method_sees_and_then_what_the_data_are(changes, want):
    assert setting_of(**PLAIN | changes) == want
    assert want in SETTINGS


@pytest.mark.parametrize(("words", "want"), [
    (["method=dann"], "closed_set"), (["method=shot"], "source_free"), (["method=adabn"], "source_free"),
    (["method=tent", "classifier.norm=batch"], "test_time"), (["method=vrex", "pair=L+T-R"], "domain_generalisation"),
    (["method=dann", "pair=L+T-R"], "multi_source"), (["method=goat", "pair=L-T-R"], "chain"),
    (["method=mme", "protocol.shots=2"], "semi_supervised"),
    (["method=self_training", "classifier=logistic", "protocol.source=private"], "source_free"),
    (["method=source_only", "pair=L+T-R"], "multi_source"),
])  # fmt: skip
def test_the_setting_of_a_run(words, want, toy):
    assert setting_name(Setup.of(config_of(*last_of("dataset=toy", "pair=L-R", *words), config_dir=toy))) == want


@pytest.mark.parametrize("method", METHODS)
def test_every_method_is_for_a_setting_that_is_listed(method, toy):
    assert class_of(method).setting is None
    assert setting_name(Setup.of(toy_config(method, toy))) in SETTINGS


@pytest.mark.parametrize(("record", "want"), [
    ({"pair": "a-b", "protocol": "transductive"}, "closed_set"), ({"pair": "a-b-c", "protocol": "transductive"}, "chain"),
    ({"pair": "a+b-c", "protocol": "transductive"}, "multi_source"),
    ({"pair": "a-b", "protocol": "inductive, 3 shots"}, "semi_supervised"),
    ({"pair": "a-b", "protocol": "transductive, private source", "family": "instance"}, "source_free"),
    ({"pair": "a-b", "protocol": "transductive", "unknown_class": 3}, "open_set"),
    ({"pair": "a-b", "protocol": "transductive", "setting": "of_ones_own"}, "of_ones_own"),
])  # fmt: skip
def test_what_an_older_record_does_not_say_pair_and_protocol_tell(record, want):
    assert setting_of_record(record) == want


def mixed() -> pd.DataFrame:
    free = cell("shot", gain=2.0) | {"setting": "source_free"}
    tuned = cell("l2_sp", pair="b-a", gain=1.0) | {"setting": "fine_tuning"}
    plain = [
        cell(m, pair=p, gain=g) | {"setting": "closed_set"} for m, p, g in (("dann", "a-b", 1.0), ("mmd", "a-b", -1.0))
    ]
    references = [cell("source_only", pair=p) | {"setting": "closed_set"} for p in ("a-b", "b-a", "c-a")]
    return pd.DataFrame([*references, *plain, free, tuned])


def test_no_table_mixes_settings_and_a_reference_stands_in_each_that_is_compared_with_it():
    found = {grid.title.rpartition(" · ")[2]: (grid.methods, grid.pairs) for grid in grids(mixed())}
    plain = next(title for title in found if not title.startswith("setting"))
    assert found.pop(plain) == (["source_only", "dann", "mmd"], ["a-b", "b-a", "c-a"])
    assert found == {
        "setting source-free": (["source_only", "shot"], ["a-b"]),
        "setting fine-tuning": (["source_only", "l2_sp"], ["b-a"]),
    }


def test_references_that_no_method_was_tried_beside_have_a_table_too():
    cells = mixed()
    alone = cells[cells["method"] == "source_only"]
    assert [(name, len(own)) for name, own in by_setting(alone)] == [("closed_set", 3)]


def test_the_filter_of_the_dashboard_keeps_what_runs_are_compared_with():
    runs = pd.DataFrame({
        "run_key": ["r", "m", "f"], "setting": ["closed_set", "closed_set", "source_free"], "reference_run": [None, "r", "r"],
    })  # fmt: skip
    plan = pd.DataFrame({"run_key": ["later"], "setting": ["source_free"]})
    assert of_settings(runs, plan) == {"closed_set": {"r", "m"}, "source_free": {"f", "r", "later"}}


def test_each_setting_has_a_page_with_what_is_seen_and_a_reference(capsys):
    folder = Path(tlbench.__file__).parents[1] / "docs" / "settings"
    index = (folder / "README.md").read_text("utf-8")
    assert {path.stem for path in folder.glob("*.md")} == {*SETTINGS, "README"}
    for name, setting in SETTINGS.items():
        page = (folder / f"{name}.md").read_text("utf-8")
        assert setting.sees in page
        assert setting.reference in page
        assert "## What published tables do differently" in page
        assert f"({name}.md)" in index
    assert main(["list", "settings"]) == 0
    printed = capsys.readouterr().out
    assert [line.split()[0] for line in printed.splitlines()] == list(SETTINGS)


OWN = '''
"""A setting of one's own: the target may be asked about, one label at a time."""

from typing import Annotated

import numpy as np
from pydantic import Field
from pydantic.dataclasses import dataclass as checked

from tlbench.method import EstimatorMethod
from tlbench.protocols import STRICT, Inductive


@checked(frozen=True, kw_only=True, config=STRICT)
class Asked(Inductive):
    """A few target examples are labelled, however they are spread over the classes."""

    asked: Annotated[int, Field(ge=1)] = 5

    def _name(self) -> str:
        return f"asked {self.asked}"

    def _draw_shots(self, target, pool, seed, *, leave):
        return pool[: self.asked], pool[self.asked :]


class Answers(EstimatorMethod):
    family = "instance"
    setting = "active"
    draws = False

    def fit(self, task):
        x = np.concatenate([task.source.inputs, *[task.shots.inputs] * 5])
        self.classifier.fit(x, np.concatenate([task.source.labels, *[task.shots.labels] * 5]))
        return self
'''


def test_a_setting_of_ones_own_is_a_protocol_and_a_method_in_one_file(toy, tmp_path, monkeypatch, capsys):
    (tmp_path / "active_learning.py").write_text(OWN)
    monkeypatch.syspath_prepend(str(tmp_path))
    given = "shots: 0\nn_source: null\nn_target: null\nsource_shares: null\nsource: given\nreject: null\n"
    for path, text in (
        (
            "protocol/asked.yaml",
            f"_target_: active_learning.Asked\n{given}source_val: 0.2\ntarget_test: 0.3\nasked: 6\n",
        ),
        ("method/answers.yaml", "_target_: active_learning.Answers\n"),
    ):
        (toy / path).parent.mkdir(exist_ok=True)
        (toy / path).write_text(f"# {path}: a test's\n{text}")
    words = ["dataset=toy", "pair=L-R", "method=answers", "protocol=asked", "classifier=logistic", "seed=0,1"]
    store = f"store={tmp_path / 'store'}"
    assert main(["sweep", *words, store, "hydra/launcher=basic", "--config-dir", str(toy)]) == 0
    runs = read_runs(RunStore(tmp_path / "store")).query("selection == 'last'")
    assert set(runs.loc[runs["method"] == "answers", "setting"]) == {"active"}
    assert set(runs["n_shots"]) == {6}
    capsys.readouterr()
    assert main(["report", "--store", str(tmp_path / "store"), "--format", "md", "--out", str(tmp_path / "out")]) == 0
    page = next((tmp_path / "out").glob("*.md")).read_text("utf-8")
    assert re.search(r"asked 6.* · setting active", page)
