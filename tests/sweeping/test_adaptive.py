"""Trials that are chosen by the scores of those before them."""

import json

import optuna
import pytest

from baselines.dann import Dann
from tests.support import jobs_of, remove
from tlbench.cli import main
from tlbench.store.runs import RunStore

WORDS = ["dataset=toy", "pair=L-R,R-L", "method=dann", "seed=0,1", "search=dann", "search.engine=tpe", "selection=im"]


def trials(store, toy, n, selection="im"):
    """weight, gamma and mean score of each trial of the plan, in order."""
    jobs = jobs_of(*WORDS[:-1], f"selection={selection}", f"search.trials={n}", f"store={store}", config_dir=toy)
    found: dict = {}
    for job in (job for job in jobs if job.asked):
        record = RunStore(store).record(job.key)
        at = {c["step"]: c for c in record["checkpoints"]}[record["selections"][selection]["step"]]
        values = (job.config.method["weight"], job.config.method["gamma"])
        found.setdefault((job.trial, values), []).append(
            at["oracle_score"] if selection == "oracle" else at["scores"][selection]
        )
    assert {len(scores) for scores in found.values()} == {4}
    return [(values, sum(scores) / 4) for (_, values), scores in sorted(found.items())]


def by_hand(told, n):
    """The same loop with Optuna alone."""
    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=0, n_startup_trials=5))
    kinds = {name: optuna.distributions.FloatDistribution(*ends, log=True)
             for name, ends in (("w", (0.01, 10)), ("g", (1, 100)))}  # fmt: skip
    (weight, gamma), score = told[0]
    study.add_trial(optuna.trial.create_trial(params={"w": weight, "g": gamma}, distributions=kinds, value=score))
    found = []
    for i in range(1, n):
        asked = study.ask(kinds)
        found.append((asked.params["w"], asked.params["g"]))
        if i < len(told):
            study.tell(asked, told[i][1])
    return found


@pytest.mark.parametrize("selection", ["im", "oracle"])
def test_each_trial_follows_from_the_scores_before_it(selection, toy, tmp_path):
    store = tmp_path / "s"
    command = [
        "sweep",
        *WORDS[:-1],
        f"selection={selection}",
        f"store={store}",
        "--config-dir",
        str(toy),
        "hydra/launcher=basic",
    ]
    assert main([*command, "search.trials=7"]) == 0
    found = trials(store, toy, 7, selection)
    assert found[0][0] == (1.0, 10.0)
    assert [v for v, _ in found[1:]] == [pytest.approx(v, rel=1e-3) for v in by_hand(found, 7)]
    assert len({v for v, _ in found}) == 7


def test_it_resumes_and_repeats_its_choices_and_more_trials_go_on(toy, tmp_path):
    store = tmp_path / "s"
    command = ["sweep", *WORDS, f"store={store}", "--config-dir", str(toy), "hydra/launcher=basic"]
    assert main([*command, "search.trials=3"]) == 0
    three = trials(store, toy, 3)
    keys = set(RunStore(store).run_keys())
    for job in jobs_of(*WORDS, "search.trials=3", f"store={store}", config_dir=toy):
        if job.trial == 1:
            remove(RunStore(store), job.key)
    assert main([*command, "search.trials=3"]) == 0
    assert set(RunStore(store).run_keys()) == keys
    assert main([*command, "search.trials=4"]) == 0
    assert trials(store, toy, 4)[:3] == three
    plans = [json.loads(path.read_text()) for path in (store / "plans").glob("*.json")]
    assert {run["trial"] for plan in plans for run in plan["runs"]} == {None, 0, 1, 2, 3}


def test_a_trial_that_failed_is_gone_past(toy, tmp_path, monkeypatch):
    store = tmp_path / "s"
    one = [
        "sweep",
        *WORDS[:1],
        "pair=L-R",
        *WORDS[2:3],
        "seed=0",
        *WORDS[4:],
        f"store={store}",
        "--config-dir",
        str(toy),
        "hydra/launcher=basic",
    ]
    command = [*one, "search.trials=3"]
    terms, weights = Dann.adaptation_terms, []

    def fails_once(self, *given):
        weights.append(self.weight)
        return terms(self, *given) if len(set(weights)) != 2 else 1 / 0

    with monkeypatch.context() as patch:
        patch.setattr(Dann, "adaptation_terms", fails_once)
        assert main(command) == 1
    states = sorted(RunStore(store).status(key) for key in RunStore(store).run_keys())
    assert states == ["done", "done", "done", "failed"]  # a reference and three trials


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["selection=last"], "selection=last gives none"),
        (["selection=im", "method.weight=2.0", "method.gamma=3.0"], "nothing left to search"),
        (["selection=im", "method.gamma=10.0", "search=wide"], "starts from method.weight=1.0"),
    ],
)
def test_refusals(words, told, toy, tmp_path, capsys):
    (toy / "search").mkdir(exist_ok=True)
    (toy / "search" / "wide.yaml").write_text("method.weight: {low: 2.0, high: 10.0, scale: log}\n")
    command = [
        "sweep",
        "dataset=toy",
        "pair=L-R",
        "method=dann",
        "search=dann",
        "search.engine=tpe",
        f"store={tmp_path / 's'}",
    ]
    kept = [w for w in command if not (w == "search=dann" and "search=wide" in words)]
    assert main([*kept, *words, "--config-dir", str(toy)]) != 0
    assert told in capsys.readouterr().err


def test_without_optuna_the_error_says_what_to_install(toy, tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(__import__("sys").modules, "optuna", None)
    assert main(["sweep", *WORDS, f"store={tmp_path / 's'}", "--config-dir", str(toy)]) != 0
    assert "pip install 'tlbench[optuna]'" in capsys.readouterr().err
