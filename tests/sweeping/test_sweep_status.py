"""`tlbench sweep status` says from another terminal how far sweeps are and what failed."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from tests.sweeping.test_sweep import sweep
from tlbench.cli import main
from tlbench.store.runs import RunStore

FAILING = """\
from tlbench.method import EstimatorMethod
class Failing(EstimatorMethod):
    family = "instance"
    def __init__(self, *, kind: str, **base):
        super().__init__(**base)
        self.kind = kind
    def fit(self, task):
        raise MemoryError("no room") if self.kind == "memory" else KeyError("a column")
"""


@pytest.fixture
def failed(toy, tmp_path, capsys) -> RunStore:
    Path("failing.py").write_text(FAILING)
    (toy / "method").mkdir()
    (toy / "method" / "failing.yaml").write_text("# failing: always\n_target_: failing.Failing\nkind: error\n")
    assert sweep(toy, "pair=L-R", "method=failing", "method.kind=memory,error", "seed=0,1") == 1
    return RunStore(tmp_path / "store")


def test_failures_stand_by_kind_with_the_command_that_repeats_one(failed, toy, capsys):
    said = capsys.readouterr().err
    assert re.search(r"failed \(memory\): failing toy left-right seed 0 and 1 more: MemoryError: no room", said)
    assert re.search(r"failed \(exception\): failing toy left-right seed 0 and 1 more: KeyError: 'a column'", said)
    command = re.search(r"KeyError.*\n\s+once more, alone: (tlbench run .*)", said)[1]
    assert main(shlex.split(command)[1:]) == 2
    assert "KeyError: 'a column'" in capsys.readouterr().err
    assert {failed.record(key).get("failure") for key in failed.run_keys()} == {None, "memory", "exception"}


def test_the_status_of_a_sweep(failed, capsys):
    assert main(["sweep", "status"]) == 1
    said = capsys.readouterr().out
    assert re.match(r"sweep-[0-9a-f]{8}: 2 of 6 runs done, 4 failed\.\n", said)
    assert "2 memory: MemoryError: no room" in said
    assert "2 exception: KeyError: 'a column'" in said
    assert re.search(r"once more, alone: tlbench run .*method=failing.*store=", said)


def test_runs_that_some_process_is_at_are_told_and_what_is_left_has_a_time(failed, toy, capsys):
    keys = [key for key in failed.run_keys() if failed.status(key) == "failed"]
    with failed.lock(keys[0]):
        assert main(["sweep", "status", f"store={failed.root}"]) == 1
    assert "2 of 6 runs done, 3 failed, 1 running; how long the rest takes is not known yet." in capsys.readouterr().out
    assert sweep(toy, "pair=L-R", "method=source_only", "seed=0,1,2", "--dry-run") == 0


def test_names_are_those_of_plans(failed, capsys):
    (name,) = (path.stem for path in (failed.root / "plans").glob("*.json"))
    assert main(["sweep", "status", name[:8]]) == 1
    assert name in capsys.readouterr().out
    assert main(["sweep", "status", "swepe"]) == 2
    assert "Unknown sweep 'swepe'. Known: sweep-" in capsys.readouterr().err
    assert main(["sweep", "status", "store=/nowhere"]) == 2
    assert "does not exist" in capsys.readouterr().err


def test_a_store_without_a_plan_says_so(tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    assert main(["sweep", "status", f"store={tmp_path / 'empty'}"]) == 2
    assert "holds no plan of a sweep" in capsys.readouterr().err
