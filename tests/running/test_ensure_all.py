"""Runs that are done together leave the records that they would leave one by one."""

import numpy as np
import pytest

from tests.conformance.cases import toy_config
from tlbench.config.schema import RunConfig
from tlbench.running.ensure import ensure_all
from tlbench.running.setup import Setup
from tlbench.store.runs import RunStore


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
