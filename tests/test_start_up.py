"""What needs no torch starts without it, and what may need it is seeded for it."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from tests.support import config_of, settled, write_toy
from tlbench.config.shipped import shipped, shipped_names
from tlbench.config.targets import located
from tlbench.environment import hardware, thread_pools
from tlbench.running.setup import Setup
from tlbench.seeds import stream
from tlbench.store.runs import RunStore

HEAVY = ("torch", "pytorch_lightning", "lightning_fabric", "torchmetrics", "torchvision", "timm", "matplotlib", "wandb")
BEGIN = f"import sys; heavy = lambda: [name for name in {HEAVY} if name in sys.modules]"


def said_by(code: str, *arguments: str) -> list[str]:
    """Lines that a fresh process prints."""
    done = subprocess.run([sys.executable, "-c", f"{BEGIN}\n{code}", *arguments], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def after(*arguments: str) -> str:
    """Status of a command, and what of the heavy libraries it has brought."""
    return said_by("from tlbench.cli import main; print(main(sys.argv[1:]), heavy())", *arguments)[-1]


@pytest.fixture
def toy(tmp_path, monkeypatch):
    data, conf = write_toy(tmp_path / "toy")
    monkeypatch.setenv("TLBENCH_DATA", str(data))
    return conf


def test_an_estimator_on_arrays_runs_and_is_reported_without_torch(toy, tmp_path):
    words = ("dataset=toy", "pair=L-R", "method=coral_linear", "--config-dir", str(toy))
    assert after("run", *words) == "0 []"
    store = RunStore(tmp_path / "store")
    logs = [name for key in store.run_keys() for name in store.part_names(key) if name == "logs/metrics.csv"]
    assert len(logs) == 2  # the method's and its reference's
    report = after("report", "--out", str(tmp_path / "report"), "--format", "csv")
    assert report.startswith("0 ")
    assert "torch" not in report


def test_garbage_is_collected_again_once_a_command_is_imported_but_not_among_what_was(toy):
    words = ("run", "dataset=toy", "pair=L-R", "method=coral_linear", "--config-dir", str(toy))
    code = "import gc; from tlbench.cli import main; print(main(sys.argv[1:]), gc.isenabled(), gc.get_freeze_count() > 10_000)"
    assert said_by(code, *words)[-1] == "0 True True"


def test_lists_bring_nothing():
    assert after("list", "methods") == "0 []"


def test_no_estimator_method_and_no_classifier_of_ours_brings_torch():
    found = []
    for group in ("method", "classifier"):
        for name in shipped_names(group):
            config = shipped(group, name)
            if located(group, config).learner != "gradient":
                found.append(config["_target_"].rpartition("."))
    assert len(found) > 50
    code = "import importlib\nfor place in sys.argv[1:]: importlib.import_module(place)\nprint(heavy())"
    assert said_by(code, *(module for module, _, _ in found)) == ["[]"]


ESTIMATOR = ("dataset=mini_digits", "pair=H-P", "method=sa", "classifier=linear_svm")
OWN = """
from tlbench.method import EstimatorMethod

class Drawing(EstimatorMethod):
    family = "feature"
    def fit(self, task):
        import torch
        self.history = [{"seed": float(torch.initial_seed() % 2**40)}]
        self.classifier.fit(task.source.inputs, task.source.labels)
        return self

class Denying(Drawing):
    uses_torch = False

class Inheriting(Denying):
    pass
"""


@pytest.mark.parametrize(
    ("words", "needs"),
    [
        (("backbone=identity",), False),
        (("backbone=lenet", "backbone.mode=frozen"), True),
        (("backbone=identity", "classifier=head", "method=dann"), True),
    ],
)
def test_a_network_needs_torch(words, needs):
    given = {word.split("=")[0]: word for word in (*ESTIMATOR, *words)}
    assert Setup.of(settled(*given.values())).needs_torch == needs


@pytest.fixture
def own(tmp_path, monkeypatch, toy):
    """Methods of the user's own, beside where the command is given."""
    Path("drawing.py").write_text(OWN)
    (toy / "method").mkdir()
    for name in ("Drawing", "Denying", "Inheriting"):
        (toy / "method" / f"{name.lower()}.yaml").write_text(f"_target_: drawing.{name}\n")
    monkeypatch.syspath_prepend(Path.cwd())
    return toy


@pytest.mark.parametrize(("name", "needs"), [("drawing", True), ("denying", False), ("inheriting", True)])
def test_a_method_of_the_users_own_may_need_torch_unless_it_denies_that_itself(own, name, needs):
    config = config_of("dataset=toy", "pair=L-R", f"method={name}", "classifier=linear_svm", config_dir=own)
    assert Setup.of(config).needs_torch == needs


def test_a_method_that_imports_torch_as_late_as_it_can_is_seeded(own, tmp_path):
    words = ("dataset=toy", "pair=L-R", "method=drawing", "seed=3", "--config-dir", str(own))
    assert after("run", *words).startswith("0 ['torch'")
    store = RunStore(tmp_path / "store")
    (key,) = [key for key in store.run_keys() if (store.record(key) or {}).get("method") == "drawing"]
    assert store.history(key)["value"].tolist() == [int(stream(3, "backbone").integers(2**63)) % 2**40]


def test_threads_are_told_of_what_computes(monkeypatch):
    monkeypatch.setattr(torch, "get_num_threads", lambda: 7)
    assert hardware("cpu", with_torch=True)["threads"] == 7
    with thread_pools().limit(limits=1):
        found = hardware("auto", with_torch=False)
    assert (found["threads"], found["gpu"]) == (1, None)
