"""One run as a flat list of steps: load task, build, fit and predict, measure, compare, store."""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import torch
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig
from threadpoolctl import ThreadpoolController

from tlbench import environment, loggers
from tlbench.about import Clock, costs_of, described, examples_seen, sizes_of
from tlbench.comparison import Gains, compared_again, is_current
from tlbench.config.build import augment_of, build, dataset_of, protocol_of
from tlbench.config.compose import settle
from tlbench.config.identity import identity_of
from tlbench.config.loader import settled_configs
from tlbench.config.refusals import refuse_impossible
from tlbench.config.schema import RunConfig
from tlbench.errors import Diverged, Refused, TlbenchError
from tlbench.learner import build_learner, checkpoints_of, distances_of, embeddings_of
from tlbench.metrics import Metric, measure, score
from tlbench.selection.rules import ORACLE, SOURCE_VAL, chosen, no_such_rule, val_score
from tlbench.store.reading import HISTORY
from tlbench.store.runs import RunStore
from tlbench.task import HeldOut, Task, load_task
from tlbench.training.checkpoints import Checkpoint
from tlbench.worker import end_with_parent

if TYPE_CHECKING:
    from pytorch_lightning.loggers import Logger


def execute(config: DictConfig) -> list[str]:
    """The task function that Hydra's launchers call; returns the status of each run of the job."""
    end_with_parent()
    runs = settled_configs(config) or [settle(config, HydraConfig.get().runtime.choices)]
    return [ensure_run(run) for run in runs]


def ensure_run(config: RunConfig) -> str:
    """Does the run unless it is done, its references before it; returns its status.

    Whatever goes wrong is recorded with its reason; only KeyboardInterrupt and the like pass through.
    """
    store, identity = RunStore(config.store), identity_of(config)
    key = identity["run_key"]
    with store.lock(key):
        if (known := store.record(key)) is not None and known["status"] == "done":
            if not is_current(known, config):
                references = {name: _reference_key(config, name) for name in config.reference_names}
                store.rewrite_record(compared_again(known, config, store, references))
            if lacks_features(known, config):
                add_features(config, store, key)
            return "done"
        logs = store.new_folder(key, "logs")
        record: dict[str, Any] = {**described(config), **identity}
        values = config.model_dump(mode="json")
        content = loggers.RunContent(record, values)
        logger, features, started = None, None, time.time()
        try:
            refuse_impossible(config)
            references = {name: _reference_key(config, name) for name in config.reference_names}
            logger = build("logger", config.logger, run=content, folder=logs)
            with threads_of(config):
                result = attempt(config, store, references, logger, logs, store.resume_file(key))
            record |= {"status": "done", "reason": None, **result.record}
            features = result.features
            content = loggers.RunContent(record, values, result.history, result.predictions, result.model)
        except Refused as error:
            record |= {"status": "skipped", "reason": str(error)}
        except Diverged as error:
            record |= {"status": "failed", "reason": f"Diverged: {error}", "step": error.step, "term": error.term}
        except TlbenchError as error:
            record |= {"status": "failed", "reason": str(error)}
        except Exception as error:  # recorded with its traceback, and shown by the sweep and the report
            reason = f"{type(error).__name__}: {error}"
            record |= {"status": "failed", "reason": reason, "traceback": traceback.format_exc()}
        except BaseException:
            loggers.close(logger, ok=False)
            raise
        record["created"] = datetime.now(UTC).isoformat(timespec="seconds")
        loggers.conclude(logger, content)
        loggers.close(logger, content.done)
        store.write(record, values, content.predictions, content.history, logs, features)
        if "traceback" not in record or not store.went_on(key, started):
            store.forget_state(key)  # what failed for no reason of its own goes on from the state that it left
        shutil.rmtree(logs, ignore_errors=True)
    return record["status"]


def lacks_features(record: dict[str, Any], config: RunConfig) -> bool:
    """Whether a finished run kept fewer features than it is asked for."""
    lost = config.embeddings > 0 and not RunStore(config.store).keeps_features(record["run_key"])
    return lost or record.get("embeddings", 0) < config.embeddings


def add_features(config: RunConfig, store: RunStore, key: str) -> None:
    """Does a finished run once more for its features alone: its record and predictions stay as they are."""
    for name in config.reference_names:
        _reference_key(config, name)
    with tempfile.TemporaryDirectory() as logs:
        try:
            with threads_of(config):
                result = attempt(config, store, {}, None, Path(logs), store.resume_file(key))
        except Exception as error:  # the run is done, and stays so
            print(f"tlbench: run {key} is done, but kept no features: {type(error).__name__}: {error}", file=sys.stderr)
            return
    known = store.record(key)
    assert known is not None
    store.add_features({**known, "embeddings": config.embeddings}, result.features)
    store.forget_state(key)


@contextmanager
def threads_of(config: RunConfig) -> Iterator[None]:
    """As many threads as the config says, where it says it."""
    with _threads().limit(limits=config.trainer.threads or None):
        if config.trainer.threads:
            torch.set_num_threads(config.trainer.threads)
        yield


@lru_cache(maxsize=1)
def _threads() -> ThreadpoolController:
    """Looking for the libraries that have threads takes as long as a small fit; their number no longer changes at a first run."""
    return ThreadpoolController()


def lost(config: RunConfig, reason: str) -> None:
    """Records a run whose process died (killed for memory, say) as failed, unless it is done by now."""
    store, identity = RunStore(config.store), identity_of(config)
    record = {**described(config), **identity, "status": "failed", "reason": f"Its process died. {reason}"}
    record["created"] = datetime.now(UTC).isoformat(timespec="seconds")
    with store.lock(identity["run_key"]):
        store.write(record, config.model_dump(mode="json"))


def _reference_key(config: RunConfig, name: str) -> str | None:
    """Run key of a finished reference on the same recipe, done now if need be; None if it cannot be had."""
    reference = config.as_reference(name)
    return identity_of(reference)["run_key"] if ensure_run(reference) == "done" else None


@dataclass(frozen=True)
class Result:
    """What a run comes to: its part of the record, the tables of the store, features and a file of weights where asked for."""

    record: dict[str, Any]
    predictions: pd.DataFrame
    history: pd.DataFrame
    features: dict[str, np.ndarray]
    model: Path | None


def attempt(
    config: RunConfig,
    store: RunStore,
    references: dict[str, str | None],
    logger: Logger | None,
    logs: Path,
    resume: Path,
) -> Result:
    """The steps of a run."""
    clock = Clock()
    dataset = dataset_of(config)
    task, held_out = load_task(dataset, dataset.pair(config.pair), protocol_of(config), config.seed, augment_of(config))
    clock.lap("load")
    learner, task, held_out = build_learner(config, task, held_out)
    clock.lap("build")
    distances = distances_of(learner, task, held_out, config, trained=False)
    features = embeddings_of(learner, task, held_out, config, trained=False)
    checkpoints, terms = checkpoints_of(learner, task, held_out, config, logger, resume)
    clock.lap("fit")
    checkpoints = [replace(found, test=found.test[held_out.file_order]) for found in checkpoints]
    held_out = held_out.in_file_order()
    picks = chosen(checkpoints, task, held_out, dataset.metric)
    if config.selection.rule not in picks:
        raise no_such_rule(config.selection.name, config.protocol["name"])
    outputs = {index: predicted(checkpoints[index], held_out) for index in sorted(set(picks.values()))}
    measured = {index: measure(checkpoints[index].test, held_out.test.labels) for index in outputs}
    gains = Gains(config, store, references)
    results = {
        rule: {
            "step": checkpoints[index].step,
            "oracle": rule == ORACLE,
            "metrics": {name: value for name, value in measured[index].items() if isinstance(value, float)},
            "gains": gains.of(outputs[index], checkpoints[index].step, rule),
        }
        for rule, index in picks.items()
    }
    clock.lap("measure")
    distances |= distances_of(learner, task, held_out, config, trained=True)
    features |= embeddings_of(learner, task, held_out, config, trained=True)
    clock.lap("distances")
    sizes = sizes_of(learner, task, held_out)
    record = {
        "selections": results,
        "per_step": {
            checkpoints[index].step: {k: v for k, v in found.items() if not isinstance(v, float)}
            for index, found in measured.items()
        },
        "checkpoints": [judged(checkpoint, task, held_out, dataset.metric) for checkpoint in checkpoints],
        "distances": distances,
        "sizes": sizes,
        "costs": costs_of(clock, examples_seen(learner, config, sizes["labelled"])),
        "hardware": environment.hardware(config.trainer.accelerator),
    }
    rows = [(step, name, value) for step, values in enumerate(terms) for name, value in values.items()]
    table = pd.concat(list(outputs.values()), ignore_index=True)
    model = loggers.keep_model(logger, learner, logs)
    return Result(record, table, pd.DataFrame(rows, columns=HISTORY), features, model)


def predicted(checkpoint: Checkpoint, held_out: HeldOut) -> pd.DataFrame:
    """Test predictions at a checkpoint, one row an example."""
    return pd.DataFrame(
        {
            "step": checkpoint.step,
            "row": held_out.rows,
            "id": held_out.ids,
            "group": held_out.groups,
            "label": held_out.test.labels,
            "prediction": checkpoint.test.argmax(axis=1),
            "confidence": checkpoint.test.max(axis=1),
        }
    )


def judged(checkpoint: Checkpoint, task: Task, held_out: HeldOut, metric: Metric) -> dict[str, Any]:
    """What each validator says of a checkpoint, beside its score on the target test part, which is ORACLE."""
    val = val_score(checkpoint, task, metric)
    return {
        "step": checkpoint.step,
        "oracle_score": score(checkpoint.test, held_out.test.labels, metric),
        "scores": {**({} if val is None else {SOURCE_VAL: val}), **checkpoint.scores},
    }
