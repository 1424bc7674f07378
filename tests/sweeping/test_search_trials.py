"""Trials as jobs of a sweep."""

import json

import pytest

from tests.support import identity_of, jobs_of
from tlbench.cli import main
from tlbench.errors import TlbenchError
from tlbench.store.runs import RunStore
from tlbench.sweeping.driver import sweeper
from tlbench.sweeping.overrides import key_of
from tlbench.sweeping.plan import Job
from tlbench.sweeping.search_trials import search_of

DANN = ("pair=H-P", "method=dann", "search=dann", "search.trials=3")


def asked(*arguments: str, config_dir=None) -> list[Job]:
    return [job for job in jobs_of(*arguments, config_dir=config_dir) if job.asked]


def drawn(job: Job) -> tuple:
    return job.trial, job.config.method["weight"], job.config.method["gamma"]


def test_pairs_and_seeds_are_multiplied_by_trials_and_share_their_values():
    jobs = jobs_of("pair=H-P,P-H", "method=dann", "seed=0,1", "search=dann", "search.trials=3")
    own = [job for job in jobs if job.asked]
    assert len(own) == 2 * 2 * 3
    assert {drawn(job) for job in own} == {(0, 1.0, 10.0), (1, 4.588, 95.14), (2, 0.0563, 1.077)}
    assert {job.search for job in own} == {"dann"}
    references = [job for job in jobs if not job.asked]
    assert len(references) == 2 * 2  # a method's own parameters need no reference of their own
    assert {(job.search, job.trial) for job in references} == {(None, None)}


def test_trial_0_is_the_run_without_a_search_and_no_trial_is_another():
    (plain,) = asked("pair=H-P", "method=dann")
    jobs = asked(*DANN)
    assert jobs[0].key == plain.key
    assert jobs[0].overrides == plain.overrides
    assert len({job.key for job in jobs}) == 3
    (by_hand,) = asked("pair=H-P", "method=dann", "method.weight=4.588", "method.gamma=95.14")
    assert jobs[1].key == by_hand.key
    assert "search" not in jobs[1].config.model_dump()
    assert not any(o.startswith("search") for o in jobs[1].overrides)


def test_a_search_of_the_recipe_gives_each_trial_its_own_reference():
    jobs = jobs_of("pair=H-P", "method=mmd", "search=optim", "search.trials=3")
    assert len(jobs) == 6
    for job in jobs:
        (partner,) = [j for j in jobs if j.asked != job.asked and j.config.optim == job.config.optim]
        assert identity_of(partner.config)["recipe_key"] == identity_of(job.config)["recipe_key"]
    assert len({job.config.optim.lr for job in jobs}) == 3


def test_more_trials_another_seed_another_engine():
    three, four = asked(*DANN), asked(*DANN, "search.trials=4")
    assert [job.key for job in three] == [job.key for job in four][:3]
    assert [job.trial for job in four] == [0, 1, 2, 3]
    for other in ("search.seed=1", "search.engine=random"):
        assert not {job.key for job in asked(*DANN, other)[1:]} & {job.key for job in three}


def test_eight_trials_unless_set():
    with sweeper([], None) as machine:
        search, others = search_of(machine.composer, ["method=dann", "search=dann"])
    assert (len(search.values()), search.engine, search.seed, others) == (8, "sobol", 0, ["method=dann"])


def test_names_paths_and_loggers_part_no_trials():
    named = asked(*DANN, "optim.lr=0.05", "tags=[draft]", "group=mine", "store=elsewhere", "logger=none")
    assert {job.base for job in named} == {job.base for job in asked(*DANN, "optim.lr=0.05")}
    assert {job.base for job in named}.isdisjoint(job.base for job in asked(*DANN))


def test_what_the_command_sets_is_not_searched_and_moves_no_other_value():
    jobs = asked(*DANN, "method.weight=2.0,3.0")
    assert [drawn(job) for job in jobs] == [
        (0, 2.0, 10.0), (1, 2.0, 95.14), (2, 2.0, 1.077), (0, 3.0, 10.0), (1, 3.0, 95.14), (2, 3.0, 1.077)
    ]  # fmt: skip


def test_a_trial_comes_before_the_recipes(toy):
    (toy / "method").mkdir()
    (toy / "method" / "tuned.yaml").write_text(
        "# tuned: a test's\n_target_: baselines.coral.Coral\nweight: 1.0\nrecipe: [optim.weight_decay=0.2]\n"
    )
    jobs = asked("dataset=toy", "pair=L-R", "method=tuned", "search=optim", "search.trials=2", config_dir=toy)
    first, second = (job.config.optim for job in jobs)
    assert (first.lr, first.weight_decay) == (0.05, 0.2)
    assert (second.lr, second.weight_decay) == (0.2099, 2.191e-05)
    assert second.steps == first.steps == 8
    assert all(len({key_of(o) for o in j.overrides}) == len(j.overrides) for j in jobs)  # nothing is set twice


def test_methods_without_the_searched_keys_and_references_are_left_alone():
    jobs = asked("pair=H-P", "method=source_only,dann,mmd", "search=dann", "search.trials=2")
    assert [(j.config.method["name"], j.search, j.trial) for j in jobs] == [
        ("source_only", None, None), ("dann", "dann", 0), ("dann", "dann", 1), ("mmd", None, None)
    ]  # fmt: skip


def test_the_optimiser_of_an_estimator_is_not_searched():
    jobs = asked("pair=H-P", "method=coral,coral_linear", "search=optim", "search.trials=2")
    assert [(j.config.method["name"], j.trial) for j in jobs] == [("coral", 0), ("coral", 1), ("coral_linear", None)]


def test_one_run_that_several_trials_ask_for_counts_as_the_first(toy):
    (toy / "search").mkdir()
    (toy / "search" / "mine.yaml").write_text("# mine: a test's\nmethod.variant: {choices: [paper, mean]}\n")
    jobs = asked("dataset=toy", "pair=L-R", "method=coral", "search=mine", "search.trials=5", config_dir=toy)
    found = {job.config.method["variant"]: job.trial for job in jobs}
    assert len(jobs) == 2
    assert found["paper"] == 0
    assert found["mean"] in (1, 2)


def test_a_named_sweep_may_have_a_search(toy):
    (toy / "sweep").mkdir()
    (toy / "sweep" / "mine.yaml").write_text(
        "# mine: a test's\ngrids:\n  - [pair=L-R, method=dann, search=dann, search.trials=2]\n  - [pair=L-R, method=mmd]\n"
    )
    jobs = asked("sweep=mine", "dataset=toy", config_dir=toy)
    assert [(j.config.method["name"], j.trial) for j in jobs] == [("dann", 0), ("dann", 1), ("mmd", None)]
    more = asked("sweep=mine", "dataset=toy", "method=dann", "search.trials=3", "search=dann", config_dir=toy)
    assert [j.trial for j in more] == [0, 1, 2]


def test_the_plan_tells_a_report_the_trials(toy, tmp_path, capsys):
    arguments = [
        "sweep",
        "dataset=toy",
        "pair=L-R",
        "method=coral",
        "search=coral",
        "search.trials=2",
        "--config-dir",
        str(toy),
    ]
    assert main([*arguments, "--dry-run"]) == 0
    assert "method.weight=" in capsys.readouterr().out
    assert main([*arguments, "hydra/launcher=basic"]) == 0
    store = RunStore(tmp_path / "store")
    (path,) = (store.root / "plans").glob("*.json")
    runs = json.loads(path.read_text())["runs"]
    assert [(run["method"], run["search"], run["trial"]) for run in runs] == [
        ("source_only", None, None), ("coral", "coral", 0), ("coral", "coral", 1)
    ]  # fmt: skip
    assert {run["run_key"] for run in runs} == set(store.run_keys())


def test_a_single_run_has_no_trials(capsys):
    assert main(["run", *DANN]) == 2
    assert "ask for 3 runs, and this takes one" in capsys.readouterr().err


def test_searches_are_listed(capsys):
    assert main(["list", "searches"]) == 0
    assert "coral_linear ridge of both covariances" in " ".join(capsys.readouterr().out.split())


MISTAKES = [
    (["search=dan"], r"Unknown search 'dan'\. Did you mean 'dann'\?"),
    (["search=dann", "search.trails=3"], r"Unknown config key 'search\.trails'\. Did you mean 'search\.trials'"),
    (["search=dann", "search.trials=0"], r"search\.trials: .*greater than or equal to 1, got 0"),
    (["search=dann", "search.engine=gp"], r"search\.engine: .*'sobol', 'random', 'tpe' or 'grid', got 'gp'"),
    (["search=dann", "search.seed=-1"], r"search\.seed: .*got -1"),
    (["search=dann,mmd"], "A sweep has one search, got search=dann,mmd"),
    (["search.trials=3"], r"search\.trials=3 needs a search\. Set search=NAME"),
    (["search=null", "search.trials=3"], r"search\.trials=3 needs a search"),
    (["search=dann", "method.weight=1", "method.gamma=2"], "search=dann has nothing left to search: the command sets"),
    (["search=dann", "method=coral"], r"Unknown config key 'method\.gamma'.*which applies to no method asked for"),
    (["search=optim", "method=source_only"], "search=optim applies to no method asked for: references are left alone"),
    (["search=optim", "method=coral_linear"], r"Unknown config key 'optim\.lr'"),
]


def test_mistakes_are_told_in_one_line():
    with sweeper([], None) as machine:
        for arguments, message in MISTAKES:
            method = [] if any(a.startswith("method=") for a in arguments) else ["method=dann"]
            with pytest.raises(TlbenchError, match=message) as caught:
                machine.plan(["pair=H-P", *method, *arguments])
            assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("space", "message"),
    [
        ("method.wieght: {low: 0, high: 1, scale: linear}", r"'method\.wieght'\. Did you mean 'method\.weight'\?"),
        ("method.weight: {low: 1, high: 1, scale: linear}", r"method\.weight: needs low < high.*conf/search/mine\.yaml"),
        ("method.weight: {lwo: 1, high: 1, scale: linear}", r"method\.weight\.lwo: .*not permitted"),
        ("method.weight: 3", r"method\.weight: .*got 3"),
        ("optimm.weight: {low: 0, high: 1, scale: linear}", r"Unknown config group 'optimm'\. Did you mean 'optim'\?"),
        ("pair: {choices: [L-R, L-T]}", r"Unknown config group 'pair'"),
    ],
)  # fmt: skip
def test_mistakes_in_a_space_are_told_in_one_line(space, message, toy):
    (toy / "search").mkdir()
    (toy / "search" / "mine.yaml").write_text(f"# mine: a test's\n{space}\n")
    with pytest.raises(TlbenchError, match=message) as caught:
        jobs_of("dataset=toy", "pair=L-R", "method=mmd", "search=mine", config_dir=toy)
    assert "\n" not in str(caught.value)


def test_a_group_may_be_searched_and_search_null_is_none(toy):
    (toy / "search").mkdir()
    (toy / "search" / "ours.yaml").write_text("# ours: a test's\noptim: {choices: [sgd, adam]}\n")
    jobs = asked("dataset=toy", "pair=L-R", "method=mmd", "search=ours", "search.trials=3", config_dir=toy)
    assert {job.config.optim.name for job in jobs} == {"sgd", "adam"}
    assert [job.trial for job in asked("pair=H-P", "method=dann", "search=null")] == [None]
