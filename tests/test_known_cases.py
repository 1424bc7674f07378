"""Cases whose answer is known: the whole way from a sweep to the flag and its cause."""

import os
from pathlib import Path

import pytest
import scipy.io

from tests.support import SHIFT, write_toy
from tlbench.cli import main
from tlbench.findings.evidence import Evidence, gather_evidence
from tlbench.findings.rule import Rule
from tlbench.store.runs import RunStore
from tlbench.store.table import read_tables

AGAIN = '''\
import torch

from tlbench.method import GradientMethod


class Again(GradientMethod):
    """source_only under another name: another draw of its first weights."""

    needs_target = False

    def __init__(self, draw, **base):
        super().__init__(**base)
        torch.randn(draw)
        for module in self.network.modules():
            if hasattr(module, "reset_parameters"):
                module.reset_parameters()
'''


def swept(*arguments: str, config_dir: Path | None = None, rule: Rule | None = None) -> Evidence:
    conf = [] if config_dir is None else ["--config-dir", str(config_dir)]
    assert main(["sweep", "hydra/launcher=basic", *arguments, *conf]) == 0
    store = RunStore(os.environ["TLBENCH_STORE"])
    return gather_evidence(store, read_tables(store), rule or Rule())


def only(found: Evidence, method: str, **where: str):
    table = found.cells[found.cells["method"] == method]
    for name, value in where.items():
        table = table[table[name] == value]
    (cell,) = table.itertuples()
    return cell


@pytest.mark.data
@pytest.mark.slow
def test_tradaboost_with_three_shots_hurts_from_amazon_to_webcam(real_data):
    found = swept(
        "dataset=office_caltech10",
        "pair=A-W",
        "method=tradaboost",
        "classifier=logistic",
        "protocol.shots=3",
        "seed=range(5)",
    )
    cell = only(found, "tradaboost")
    assert (cell.reference, cell.flag) == ("target_only", "negative")
    assert cell.gain == pytest.approx(-12.8, abs=1.0)  # results/README.md
    (cause,) = found.causes.itertuples()
    assert cause.cause == "data"
    assert "2 of 2 other ways of transfer lose" in cause.evidence
    assert "A-distance" in cause.evidence


@pytest.mark.data
@pytest.mark.slow
def test_coral_before_a_linear_svm_helps_from_dslr_to_webcam(real_data):
    found = swept("dataset=office_caltech10", "pair=D-W", "method=coral_linear", "protocol=sampled", "seed=range(5)")
    cell = only(found, "coral_linear")
    assert (cell.reference, cell.flag) == ("source_only", "positive")
    assert cell.gain == pytest.approx(10.3, abs=1.0)


@pytest.mark.slow
def test_source_only_under_another_name_is_never_flagged(tmp_path, monkeypatch):
    """Six pairs, ten draws: sixty cells without any effect."""
    data, toy = write_toy(tmp_path / "toy", n=300)
    monkeypatch.setenv("TLBENCH_DATA", str(data))
    (toy / "method").mkdir()
    (toy / "method" / "again.yaml").write_text("_target_: again.Again\ndraw: 1\n")
    Path("again.py").write_text(AGAIN)
    draws = "method.draw=range(1,11)"
    found = swept(
        "dataset=toy",
        "pair=all",
        "method=again",
        draws,
        "seed=0,1,2",
        "validators=0",
        "distances=0",
        config_dir=toy,
    )
    cells = found.cells[found.cells["method"] == "again"]
    assert len(cells) == 60
    assert set(cells["flag"]) <= {"inconclusive", "no_effect"}, cells.sort_values("p").head(3).T.to_string()
    assert (cells["gain"] != 0).any()  # else nothing was drawn anew
    assert found.collapsed.empty


def relabel(root: Path, domain: str) -> None:
    """Labels of a toy domain moved on by one class: the same inputs mean something else there."""
    path = root / "data" / "toy" / f"{domain}.mat"
    found = scipy.io.loadmat(path)
    scipy.io.savemat(path, {"fts": found["fts"], "labels": found["labels"] % 3 + 1})


@pytest.mark.slow
def test_labels_that_contradict_each_other_are_a_matter_of_the_data(tmp_path, monkeypatch):
    monkeypatch.setitem(SHIFT, "right", 0.0)  # the inputs agree: only the labels do not
    data, conf = write_toy(tmp_path / "toy", n=240)
    relabel(tmp_path / "toy", "left")
    monkeypatch.setenv("TLBENCH_DATA", str(data))
    found = swept("dataset=toy", "pair=L-R", "method=tradaboost", "protocol.shots=3", "seed=range(5)", config_dir=conf)
    cell = only(found, "tradaboost")
    assert (cell.reference, cell.flag) == ("target_only", "negative")
    (cause,) = found.causes.itertuples()
    assert cause.cause == "data"
    assert "joint error of one classifier for both domains" in cause.evidence


@pytest.mark.slow
def test_a_method_that_collapses_on_a_good_pair_is_at_fault_itself(tmp_path, monkeypatch):
    monkeypatch.setitem(SHIFT, "right", 2.5)
    data, conf = write_toy(tmp_path / "toy", n=600)
    monkeypatch.setenv("TLBENCH_DATA", str(data))
    common = [
        "dataset=toy",
        "pair=L-R",
        "optim=adam",
        "optim.lr=0.003",
        "optim.steps=300",
        "seed=range(10)",
        "validators=0",
    ]
    swept(*common, "method=coral", "method.weight=10", config_dir=conf)
    found = swept(*common, "method=dann", "method.weight=1000", config_dir=conf)
    assert only(found, "coral").flag == "positive"
    assert only(found, "dann").flag == "negative"
    (cause,) = found.causes.itertuples()
    assert (cause.method, cause.cause) == ("dann", "method")
    assert "coral finds on this pair what this method does not" in cause.evidence
