"""Plans of a store, also those of versions that knew less."""

import json

from tlbench.store.plans import planned
from tlbench.store.runs import RunStore

RUN = {
    "run_key": "a", "cell_key": "c", "seed": 0, "dataset": "d", "pair": "a-b", "protocol": "p", "backbone": "b",
    "classifier": "k", "method": "m", "family": "f", "metric": "accuracy",
}  # fmt: skip


def put(root, name, *runs):
    (root / "plans").mkdir(exist_ok=True)
    (root / "plans" / f"{name}.json").write_text(json.dumps({"runs": runs, "cells": {"c": {"seed": 0}}}))


def test_tags_are_united_over_plans_and_an_older_plan_has_none(tmp_path):
    put(tmp_path, "old", RUN)
    put(tmp_path, "one", {**RUN, "tags": ["x"]}, {**RUN, "run_key": "b", "tags": ["x", "y"]})
    put(tmp_path, "two", {**RUN, "tags": ["y"]})
    found = planned(RunStore(tmp_path))
    assert found.tags == {"x": {"a", "b"}, "y": {"a", "b"}}
    assert found.sweeps == {"old": {"a"}, "one": {"a", "b"}, "two": {"a"}}
    assert sorted(found.runs["run_key"]) == ["a", "b"]


def test_names_and_paths_in_the_base_of_an_older_plan_part_no_trials(tmp_path):
    base = "logger=none | method=dann | optim.lr=0.05 | store=/far/away | tags=[z] | alpha=0.1"
    put(tmp_path, "old", {**RUN, "search": "dann", "trial": 0, "base": base})
    assert planned(RunStore(tmp_path)).runs["base"].tolist() == ["method=dann | optim.lr=0.05"]
