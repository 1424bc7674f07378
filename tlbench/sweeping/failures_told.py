"""What of a sweep is not done, by kind and reason, and the command that repeats a run of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tlbench.store.runs import RunStore
    from tlbench.sweeping.executors.interface import Loss
    from tlbench.sweeping.plan import Job


def failures_told(unfinished: Sequence[Job], store: RunStore, lost: Mapping[str, Loss]) -> Iterator[str]:
    """Yield lines: one a reason, those of one kind together; under each that failed, how to see one run of it fail again."""
    reasons: dict[tuple[str, str, str], list[Job]] = {}
    for job in unfinished:
        record, loss = store.record(job.key), lost.get(job.key)
        if record is None:
            what = ("missing", loss.kind if loss else "", loss.reason if loss else "left no record")
        else:
            what = (record["status"], record.get("failure", ""), record["reason"])
        reasons.setdefault(what, []).append(job)
    for (status, kind, reason), jobs in sorted(reasons.items(), key=lambda item: item[0][:2]):
        more = f" and {len(jobs) - 1} more" if len(jobs) > 1 else ""
        yield f"{status}{f' ({kind})' if kind else ''}: {jobs[0].title()}{more}: {reason}"
        if status != "skipped":
            yield f"  once more, alone: {jobs[0].command}"
        if kind == "memory" and jobs[0].setup.shape == "gradient":
            parts = 2 * jobs[0].config.trainer.accumulate
            yield f"  with half the memory, as runs of their own beside references of their own: trainer.accumulate={parts}"
