"""Searches in which each trial is chosen after what the trials before it scored, by Optuna.

A trial's score is the mean, over the pairs and seeds of the sweep, of what the selection's rule says of the checkpoint that it
picks: target labels have no part in it unless `selection=oracle` asks for that. The plan is worked out from the store: it ends
with the first trial that is not finished, and is made again after it. So the same command resumes, and repeats its choices.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from omegaconf import OmegaConf

from tlbench.config.compose import PER_RUN, Composer
from tlbench.config.schema import RunConfig
from tlbench.errors import TlbenchError
from tlbench.running.setup import Setup
from tlbench.selection.rules import LAST, ORACLE
from tlbench.store.runs import RunStore
from tlbench.sweeping.overrides import Overrides, key_of
from tlbench.sweeping.search import Range, Search, round_value, with_values

AT_RANDOM = 5
"""Trials before the estimator has a say, trial 0 among them."""


def values_so_far(composer: Composer, jobs: Sequence[Overrides], search: Search) -> list[dict[str, Any]]:
    """Return what each trial sets, by name, up to the first trial with a run that is not there; nothing in trial 0.

    Tree-structured Parzen estimator (Bergstra et al., Algorithms for hyper-parameter optimization, NeurIPS 2011), after
    AT_RANDOM trials. More trials go on where fewer end. A trial with a run that failed (one that diverged, say) teaches nothing
    and is gone past.

    Args:
        jobs: overrides of the runs that share the trials: one method and recipe, all pairs and seeds.

    Raises:
        TlbenchError: Optuna is not installed, or the selection scores nothing.
    """
    optuna = _optuna()
    if composer.run_config(jobs[0]).selection.rule == LAST:
        raise TlbenchError(
            "search.engine=tpe learns from the selection's scores, and selection=last gives none. Set selection=source_val, "
            "im or another validator."
        )
    sampler = optuna.samplers.TPESampler(seed=search.seed, n_startup_trials=AT_RANDOM)
    study = optuna.create_study(direction="maximize", sampler=sampler)
    kinds = {name: _distribution(optuna, space) for name, space in search.space.items()}
    defaults, found = _defaults(composer, jobs[0], search), [dict[str, Any]()]
    if (score := score_of(composer, jobs, {})) is None:
        return found
    if not np.isnan(score):
        study.add_trial(optuna.trial.create_trial(params=defaults, distributions=kinds, value=score))
    while len(found) < search.trials:
        asked = study.ask(kinds)
        found.append({name: _value(search.space[name], asked.params[name]) for name in kinds})
        if (score := score_of(composer, jobs, found[-1])) is None:
            break
        study.tell(asked, *([None, optuna.trial.TrialState.FAIL] if np.isnan(score) else [score]))
    return found


def score_of(composer: Composer, jobs: Sequence[Overrides], values: dict[str, Any]) -> float | None:
    """Return the mean score of a trial's runs but skipped ones; None while one of them is not there, nan where one failed."""
    scores = []
    for job in jobs:
        config = composer.run_config(with_values(job, values))
        record = RunStore(config.store).record(Setup.of(config).key)
        if record is None:
            return None
        if record["status"] != "skipped":
            scores.append(_score(record, config) if record["status"] == "done" else float("nan"))
    return float(np.mean(scores)) if scores else float("nan")


def _score(record: dict[str, Any], config: RunConfig) -> float:
    rule = config.selection.rule
    step = record["selections"][rule]["step"]
    (looked,) = [point for point in record["checkpoints"] if point["step"] == step]
    return looked["oracle_score"] if rule == ORACLE else looked["scores"][rule]


def same_trials(job: Overrides) -> tuple[str, ...]:
    """Return what the runs that share trials have in common."""
    return tuple(o for o in job if key_of(o) not in PER_RUN)


def _optuna() -> Any:
    try:
        import optuna
    except ImportError as error:
        raise TlbenchError("search.engine=tpe needs Optuna: pip install 'tlbench[optuna]'.") from error
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna


def _distribution(optuna: Any, space: Range) -> Any:
    kinds = optuna.distributions
    if space.choices is not None:
        return kinds.CategoricalDistribution(list(range(len(space.choices))))
    if space.scale == "int":
        return kinds.IntDistribution(int(space.low or 0), int(space.high or 0))
    return kinds.FloatDistribution(space.low, space.high, log=space.scale == "log")


def _value(space: Range, drawn: Any) -> Any:
    if space.choices is not None:
        return space.choices[drawn]
    return drawn if space.scale == "int" else round_value(drawn, space)


def _defaults(composer: Composer, job: Overrides, search: Search) -> dict[str, Any]:
    """Return the values of trial 0, those of choices by their number, as Optuna has them."""
    config = composer.raw(same_trials(job))
    found = {}
    for name, space in search.space.items():
        value = OmegaConf.select(config, name)
        if not space.holds(value):
            raise TlbenchError(
                f"search.engine=tpe starts from {name}={value}, which conf/search/{search.name}.yaml does not hold. Widen its "
                "range."
            )
        found[name] = value if space.choices is None else space.choices.index(value)
    return found
