from collections import Counter

import pytest

from tests.support import jobs_of
from tlbench.errors import TlbenchError
from tlbench.sweeping.plan import Job


def axes(jobs: list[Job], asked: bool = True) -> list[tuple[str, str, int]]:
    return [(j.config.method["name"], j.config.pair, j.config.seed) for j in jobs if j.asked == asked]


def test_lists_pairs_and_seeds_multiply_and_references_are_added_once():
    jobs = jobs_of("dataset=mini_digits", "pair=all", "method=dann,coral", "seed=0,1")
    assert len(axes(jobs)) == 6 * 2 * 2
    assert len(axes(jobs, asked=False)) == 6 * 2
    assert {name for name, _, _ in axes(jobs, asked=False)} == {"source_only"}
    assert len({job.key for job in jobs}) == len(jobs)


def test_range_and_short_codes():
    jobs = jobs_of("pair=H-P,P-H", "method=source_only", "seed=range(3)")
    assert axes(jobs) == [
        ("source_only", pair, seed) for pair in ("handwritten-photo", "photo-handwritten") for seed in range(3)
    ]


def test_references_come_before_those_that_need_them():
    jobs = jobs_of("pair=H-P", "method=tradaboost,source_and_target", "protocol.shots=1", "seed=0,1")
    order = [job.config.method["name"] for job in jobs]
    assert order[:2] == ["target_only"] * 2
    assert order[2:4] == ["source_only"] * 2
    assert order[4:6] == ["source_and_target"] * 2
    assert order[6:] == ["tradaboost"] * 2
    assert jobs[0].config.reference_names == []
    assert jobs[2].config.reference_names == ["target_only"]
    assert jobs[-1].config.reference_names == ["target_only", "source_only", "source_and_target"]


def test_a_reference_that_is_asked_for_counts_as_asked_for():
    jobs = jobs_of("pair=H-P", "method=dann,source_only")
    assert [(j.config.method["name"], j.asked) for j in jobs] == [("source_only", True), ("dann", True)]


def test_a_reference_shares_the_recipe_of_its_method():
    jobs = jobs_of("pair=H-P", "method=dann", "optim.lr=0.01,0.02", "backbone=mlp")
    for job in jobs:
        (partner,) = [j for j in jobs if j.asked != job.asked and j.config.optim.lr == job.config.optim.lr]
        assert partner.config.model_dump(exclude={"method"}) == job.config.model_dump(exclude={"method"})


def test_a_reference_beside_both_shapes_is_run_for_both():
    jobs = jobs_of("pair=H-P", "method=source_only,dann,coral_linear")
    found = {(j.config.method["name"], j.config.classifier["name"]) for j in jobs}
    assert found == {
        ("source_only", "head"), ("source_only", "linear_svm"), ("dann", "head"), ("coral_linear", "linear_svm")
    }  # fmt: skip


def test_an_impossible_combination_needs_no_reference_and_stays_in_the_plan():
    jobs = jobs_of("pair=H-P", "method=tradaboost")
    assert [(j.config.method["name"], j.asked) for j in jobs] == [("tradaboost", True)]


def test_shots_of_every_size_in_one_sweep_each_with_its_references():
    jobs = jobs_of("pair=H-P", "method=dann", "protocol.shots=0,3,all", "protocol=inductive,transductive")
    asked = [(j.config.protocol["name"], j.config.shots) for j in jobs if j.asked]
    assert asked == [(name, n) for n in (0, 3, "all") for name in ("inductive", "transductive")]
    references = [(j.config.protocol["name"], j.config.shots) for j in jobs if not j.asked]
    assert {(p, n): references.count((p, n)) for p, n in asked} == {
        ("inductive", 0): 1, ("inductive", 3): 3, ("inductive", "all"): 3,
        ("transductive", 0): 1, ("transductive", 3): 3, ("transductive", "all"): 0,  # refused, so none is needed
    }  # fmt: skip


def test_the_demo_is_what_its_first_line_says():
    jobs = jobs_of("sweep=demo")
    asked = Counter((j.config.method["name"], j.config.backbone["mode"]) for j in jobs if j.asked)
    frozen, trained = ("source_only", "coral_linear", "sa", "tca"), ("source_only", "coral", "cdan", "mcc")
    want = {(name, "frozen"): 6 * 10 for name in frozen} | {(name, "finetune"): 2 * 6 for name in trained}
    assert asked == {**want, ("tradaboost", "frozen"): 2 * 5}
    assert len(jobs) == 4 * 60 + 4 * 12 + 10 * (1 + 3)
    fewer = jobs_of("sweep=demo", "seed=7", "pair=H-P")
    assert {(j.config.pair, j.config.seed) for j in fewer} == {("handwritten-photo", 7)}


def test_several_sources():
    (job,) = jobs_of("pair=handwritten+printed-photo", "method=source_only")
    assert job.config.pair == "handwritten+printed-photo"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["method=dann"], "No pair is chosen. Set pair=all or one of handwritten-photo"),
        (["pair=H-P", "method=dann,dan"], "Unknown method 'dan'"),
        (["pair=H-P,H-Q", "method=dann"], "Unknown domain 'Q'"),
        (["sweep=demos"], "Unknown sweep 'demos'. Did you mean 'demo'"),
        (["pair=H-P", "method="], "Unknown method ''"),
    ],
)
def test_mistakes(arguments, message):
    with pytest.raises(TlbenchError, match=message):
        jobs_of(*arguments)
