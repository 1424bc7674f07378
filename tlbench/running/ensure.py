"""A run is done unless it is there: locks, references first, resuming, failures, the store. The only impure stage."""

from __future__ import annotations

import shutil
import sys
import time
import traceback
from collections.abc import Generator, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tlbench import loggers
from tlbench.errors import Diverged, Refused, TlbenchError
from tlbench.running.comparison import Reference, References, compared_again, is_current, kept_outlooks
from tlbench.running.describe import described
from tlbench.running.failures import DIVERGED, kind_of
from tlbench.running.fit import Watch, carried_out, fit
from tlbench.running.judge import Judged, judge
from tlbench.running.kept_model import model_of, save_learner
from tlbench.running.levels import groups_in_order
from tlbench.running.prepare import prepare
from tlbench.running.refusals import refuse_impossible
from tlbench.running.run_threads import threads_of
from tlbench.running.setup import Setup, logger_of
from tlbench.store.reading import Damaged
from tlbench.store.runs import RunStore

if TYPE_CHECKING:
    from tlbench.running.stage_values import Fitted, Learner, Prepared


def ensure(setup: Setup) -> str:
    """Do the run unless it is done, its references before it; return its status.

    Whatever goes wrong is recorded with its reason; only KeyboardInterrupt and the like pass through.
    """
    store, key = RunStore(setup.config.store), setup.key
    with store.lock(key):
        return "done" if _is_done(store, setup) else _done_now(store, [setup])[0]


def ensure_all(setups: Sequence[Setup]) -> list[str]:
    """Do as `ensure` for each, what they look at first, and train together what can be stacked; return their statuses."""
    known: dict[str, str] = {}
    for group in groups_in_order(setups):
        known |= _ensure_group(group) if len(group) > 1 else {group[0].key: ensure(group[0])}
    return [known[setup.key] for setup in setups]


def _ensure_group(group: Sequence[Setup]) -> dict[str, str]:
    store = RunStore(group[0].config.store)
    with ExitStack() as locks:
        # in one order, as every process takes them; who holds them waits for references alone, and those for none of these
        for key in sorted(setup.key for setup in group):
            locks.enter_context(store.lock(key))
        todo = [setup for setup in group if not _is_done(store, setup)]
        statuses = _done_now(store, todo) if todo else []
    return {setup.key: "done" for setup in group} | {run.key: s for run, s in zip(todo, statuses, strict=True)}


def _is_done(store: RunStore, setup: Setup) -> bool:
    """Tell whether a run is done; one that is gets what it is asked for besides. The caller holds its lock."""
    key = setup.key
    if (known := store.record(key)) is None or known["status"] != "done":
        return False
    if not is_current(known, setup):
        outlooks = kept_outlooks(store, key)
        store.rewrite_record(
            compared_again(known, setup, store.every_prediction(key), _references(store, setup), outlooks)
        )
    if lacks_features(known, setup) or lacks_model(setup):
        add_beside(setup, store)
    return True


def _done_now(store: RunStore, setups: Sequence[Setup]) -> list[str]:
    with threads_of(setups[0]):
        return carried_out([_doing(store, setup) for setup in setups])


def _doing(store: RunStore, setup: Setup) -> Generator[tuple[Prepared, Watch], Fitted, str]:
    """Do a run but for its fit, which is sent in; return its status."""
    key, logs = setup.key, store.new_folder(setup.key, "logs")
    record: dict[str, Any] = {**described(setup), **setup.keys}
    values = setup.config.model_dump(mode="json")
    content = loggers.RunContent(record, values)
    logger, features, kept, outlooks, started = None, None, None, None, time.time()
    try:
        refuse_impossible(setup)
        references, (start, about) = _references(store, setup), _start(store, setup)
        record |= about
        logger = logger_of(setup.config.logger, run=content, folder=logs)
        prepared, hidden = prepare(setup, start)
        fitted = yield prepared, Watch(logger, store.resume_file(key))
        result, learner = judge(fitted, hidden, references), prepared.learner
        kept = save_learner(learner, store.new_folder(key, "model")) if setup.config.keep_model else None
        record |= {"status": "done", "reason": None, **result.record}
        features, outlooks = result.features, result.outlooks
        model = loggers.keep_model(logger, learner, logs)
        content = loggers.RunContent(record, values, result.history, result.predictions, model)
    except Refused as error:
        record |= {"status": "skipped", "reason": str(error)}
    except Diverged as error:
        at = {"step": error.step, "term": error.term}
        record |= {"status": "failed", "reason": f"Diverged: {error}", "failure": DIVERGED, **at}
    except TlbenchError as error:
        record |= {"status": "failed", "reason": str(error), "failure": kind_of(error)}
    except Exception as error:  # recorded with its traceback, and shown by the sweep and the report
        reason = f"{type(error).__name__}: {error}"
        record |= {"status": "failed", "reason": reason, "traceback": traceback.format_exc(), "failure": kind_of(error)}
    except BaseException:
        loggers.close(logger, ok=False)
        raise
    record["created"] = datetime.now(UTC).isoformat(timespec="seconds")
    loggers.conclude(logger, content)
    loggers.close(logger, content.done)
    store.write(record, values, content.predictions, content.history, logs, features, kept, outlooks)
    if "traceback" not in record or not store.went_on(key, started):
        store.forget_state(key)  # what failed for no reason of its own goes on from the state that it left
    shutil.rmtree(logs, ignore_errors=True)
    return record["status"]


def attempt(
    setup: Setup, references: References, logger: loggers.Log | None, resume: Path, start: Path | None
) -> tuple[Judged, Learner]:
    """Go through the stages of a run; return what it comes to, and what it has trained."""
    prepared, hidden = prepare(setup, start)
    (fitted,) = fit([prepared], [Watch(logger, resume)])
    return judge(fitted, hidden, references), prepared.learner


def _references(store: RunStore, setup: Setup) -> dict[str, Reference | None]:
    """Return finished references on the same recipe, done now if need be; None for one that cannot be had."""
    # under the run's own lock; no two runs wait for one another, as a reference has only those before it as references
    known = setup.references.items()
    return {name: _read(store, other.key) if ensure(other) == "done" else None for name, other in known}


def _start(store: RunStore, setup: Setup) -> tuple[Path | None, dict[str, Any]]:
    """Return the file of the source model that a run starts from, made now if need be, and what a record says of it."""
    other = setup.source_model
    if other is None:
        return None, {}
    status, known = ensure(other), store.record(other.key)
    assert known is not None
    if status != "done":
        raise TlbenchError(f"The source model, run {other.key}, is {status}: {known['reason']}")
    about = {"run_key": other.key, "train_seconds": known["costs"]["train_seconds"]}
    return model_of(store, other.key), {"source_model": about}


def _read(store: RunStore, key: str) -> Reference:
    """Read a finished run to compare with. Raises Damaged where its predictions are not those that were written."""
    record = store.record(key)
    assert record is not None
    if lost := [name for name in store.damaged_files(key, record) if name.startswith("predictions")]:
        raise Damaged(f"{store.path(key) / lost[0]} of a reference is damaged. {store.remedy(key)}")
    steps = {rule: found["step"] for rule, found in record["selections"].items()}
    return Reference(key, steps, store.every_prediction(key), kept_outlooks(store, key))


def lacks_features(record: dict[str, Any], setup: Setup) -> bool:
    """Tell whether a finished run kept fewer features than it is asked for."""
    asked = setup.config.embeddings
    lost = asked > 0 and not RunStore(setup.config.store).keeps_features(record["run_key"])
    return lost or record.get("embeddings", 0) < asked


def lacks_model(setup: Setup) -> bool:
    """Tell whether a finished run is asked for a model that it did not keep."""
    return setup.config.keep_model and RunStore(setup.config.store).model_file(setup.key) is None


def add_beside(setup: Setup, store: RunStore) -> None:
    """Do a finished run once more for its features or its model alone: its record and predictions stay as they are."""
    _references(store, setup)
    key, config = setup.key, setup.config
    try:
        with threads_of(setup):
            result, learner = attempt(setup, {}, None, store.resume_file(key), _start(store, setup)[0])
        model = save_learner(learner, store.new_folder(key, "model")) if lacks_model(setup) else None
    except Exception as error:  # the run is done, and stays so
        what = "no model" if lacks_model(setup) else "no features"
        print(f"tlbench: run {key} is done, but kept {what}: {type(error).__name__}: {error}", file=sys.stderr)
        return
    known = store.record(key)
    assert known is not None
    anew = {"embeddings": config.embeddings} if lacks_features(known, setup) else {}
    store.add_beside({**known, **anew}, result.features if anew else {}, model)
    store.forget_state(key)


def record_lost_run(setup: Setup, reason: str, kind: str) -> None:
    """Record a run whose process died (killed for memory, say) as failed, unless it is done by now; `kind`: see `failures`."""
    store = RunStore(setup.config.store)
    record = {**described(setup), **setup.keys, "status": "failed", "reason": reason, "failure": kind}
    record["created"] = datetime.now(UTC).isoformat(timespec="seconds")
    with store.lock(setup.key):
        store.write(record, setup.config.model_dump(mode="json"))
