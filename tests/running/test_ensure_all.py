"""Runs that are done together leave the records that they would leave one by one."""

import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from tests.conformance.cases import toy_config
from tests.training.stacked.runs import with_optim
from tlbench.config.loader import written_runs
from tlbench.config.schema import RunConfig
from tlbench.running.ensure import ensure_all
from tlbench.running.prepare import prepare
from tlbench.running.programs import program_groups
from tlbench.running.setup import Setup
from tlbench.running.stacking import config_groups
from tlbench.store.runs import RunStore
from tlbench.sweeping.job import do_runs
from tlbench.sweeping.packing import in_programs


def configs_of(method: str, toy, *extra: str, stack: int | str = 8, store: str = "store") -> list[RunConfig]:
    base = toy_config(method, toy, "optim.steps=6", "trainer=cpu", *extra)
    trainer = base.trainer.model_copy(update={"stack": stack})
    runs = [("left-right", 0), ("right-top", 1), ("top-left", 2)]
    return [
        base.model_copy(update={"pair": pair, "seed": seed, "trainer": trainer, "store": store}) for pair, seed in runs
    ]


def records_of(store: str) -> dict[str, dict]:
    reader = RunStore(store)
    return {key: reader.record(key) for key in reader.run_keys()}


def assert_same_store(one: str, other: str) -> None:
    ours, theirs = records_of(one), records_of(other)
    assert ours.keys() == theirs.keys()
    for key, record in ours.items():
        wanted = theirs[key]
        assert (record["status"], record.get("reason")) == (wanted["status"], wanted.get("reason"))
        if record["status"] != "done":
            continue
        assert record["selections"].keys() == wanted["selections"].keys()
        for rule, found in record["selections"].items():
            assert found["step"] == wanted["selections"][rule]["step"]
            assert found["metrics"] == pytest.approx(wanted["selections"][rule]["metrics"], abs=1e-4)
            assert found["gains"].keys() == wanted["selections"][rule]["gains"].keys()
        mine, its = (RunStore(store).history(key) for store in (one, other))
        np.testing.assert_allclose(mine["value"], its["value"], rtol=1e-3, atol=1e-5)
        assert record["costs"].keys() == wanted["costs"].keys()


def test_a_store_is_the_same_whether_runs_are_stacked_or_not(toy):
    """References, too, are stacked; a method of several updates a step goes alone."""
    for stack, store in ((8, "together"), ("off", "alone")):
        configs = (
            configs_of("coral", toy, stack=stack, store=store) + configs_of("mcd", toy, stack=stack, store=store)[:1]
        )
        assert ensure_all([Setup.of(config) for config in configs]) == ["done"] * 4
    assert_same_store("together", "alone")
    stacked = {record["method"]: record.get("stacked") for record in records_of("together").values()}
    assert (stacked["coral"], stacked["source_only"], stacked["mcd"]) == (3, 3, None)
    assert not any("stacked" in record for record in records_of("alone").values())


def test_an_executor_s_runs_are_stacked(toy):
    configs = configs_of("source_only", toy)
    do_runs(written_runs(configs))
    assert [record["stacked"] for record in records_of("store").values()] == [3, 3, 3]


def test_a_run_that_diverges_is_recorded_as_it_would_be_alone_and_ends_no_other(toy):
    for stack, store in ((8, "together"), ("off", "alone")):
        configs = configs_of("source_only", toy, stack=stack, store=store)
        configs[1] = with_optim(configs[1], lr=1e30)
        assert ensure_all([Setup.of(config) for config in configs]) == ["done", "failed", "done"]
    assert_same_store("together", "alone")
    told = [{r["run_key"]: (r["step"], r["term"], r["failure"]) for r in records_of(store).values() if "term" in r}
            for store in ("together", "alone")]  # fmt: skip
    assert told[0] == told[1]
    assert len(told[0]) == 1


def test_each_has_its_own_part_of_the_time(toy):
    """The phases of all runs add up to no more than what passed."""
    configs = configs_of("source_only", toy)
    before = time.perf_counter()
    ensure_all([Setup.of(config) for config in configs])
    passed = time.perf_counter() - before
    costs = [record["costs"] for record in records_of("store").values()]
    assert 0 < sum(cost["seconds"] for cost in costs) < passed
    assert max(cost["phases"]["fit"] for cost in costs) < passed / 2


def test_what_cannot_be_stacked_after_all_goes_alone_and_says_so(toy, monkeypatch, capsys):
    monkeypatch.setattr("tlbench.training.stacked.program.Program.step", unable)
    configs = configs_of("source_only", toy, store="together")
    assert ensure_all([Setup.of(config) for config in configs]) == ["done"] * 3
    assert "3 runs could not be stacked and go alone: RuntimeError('no batching rule')" in capsys.readouterr().err
    ensure_all([Setup.of(config) for config in configs_of("source_only", toy, stack="off", store="alone")])
    assert_same_store("together", "alone")
    assert not any("stacked" in record for record in records_of("together").values())


def unable(*_: object) -> None:
    raise RuntimeError("no batching rule")


def interrupted(*_: object) -> None:
    raise KeyboardInterrupt


def test_ctrl_c_leaves_no_record_and_no_lock(toy, monkeypatch):
    setups = [Setup.of(config) for config in configs_of("source_only", toy)]
    with monkeypatch.context() as patch:
        patch.setattr("tlbench.training.stacked.program.Program.step", interrupted)
        with pytest.raises(KeyboardInterrupt):
            ensure_all(setups)
    assert records_of("store") == {}
    assert not list((RunStore("store").root / ".locks").glob("*.lock"))
    assert ensure_all(setups) == ["done"] * 3


def test_what_is_done_is_not_done_again(toy):
    setups = [Setup.of(config) for config in configs_of("source_only", toy)]
    ensure_all(setups[:1])
    created = RunStore("store").record(setups[0].key)["created"]
    assert ensure_all([*setups, setups[0]]) == ["done"] * 4
    assert RunStore("store").record(setups[0].key)["created"] == created
    assert [RunStore("store").record(setup.key).get("stacked") for setup in setups] == [None, 2, 2]


def test_a_run_that_has_a_state_to_go_on_from_goes_alone(toy):
    setups = [Setup.of(config) for config in configs_of("source_only", toy)]
    runs = [prepare(setup)[0] for setup in setups]
    kept = Path("state.ckpt")
    kept.touch()
    assert program_groups([(runs[0], None), (runs[1], kept), (runs[2], Path("none.ckpt"))]) == [[0, 2], [1]]


def test_programs_are_of_one_size_and_as_many_as_processes(toy):
    setups = [Setup.of(config) for config in configs_of("source_only", toy, stack=2)]
    assert [len(group) for group in config_groups(setups)] == [2, 1]
    setups = [Setup.of(config) for config in configs_of("source_only", toy)]
    assert [len(group) for group in config_groups(setups)] == [3]
    assert [len(group) for group in config_groups(setups, processes=2)] == [2, 1]
    off = [Setup.of(config) for config in configs_of("source_only", toy, stack="off")]
    assert [len(group) for group in config_groups(off)] == [1, 1, 1]


def test_a_sweep_hands_over_programs_after_the_references_that_they_need(toy):
    setups = [Setup.of(config) for config in configs_of("coral", toy)]
    references = [setup.references["source_only"] for setup in setups]
    in_turn = [setup for pair in zip(references, setups, strict=True) for setup in pair]
    jobs: Any = [SimpleNamespace(key=setup.key, setup=setup) for setup in in_turn]
    first, second = in_programs(jobs, processes=1)
    assert first.keys == [setup.key for setup in references]
    assert second.keys == [setup.key for setup in setups]
    assert second.needs == {first.name}
    assert [len(batch.jobs) for batch in in_programs(jobs, processes=3)] == [1] * 6
