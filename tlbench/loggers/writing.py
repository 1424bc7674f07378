"""Writes a run's content to a logger, while it is trained and at its end, or all of it later."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from tlbench.loggers.run_content import RunContent, stride

MODEL = "model.safetensors"


class Log(Protocol):
    """What every logger has, Lightning's among them."""

    def log_metrics(self, metrics: dict[str, float], step: int) -> None: ...


def log_terms(logger: Log | None, history: Sequence[dict[str, float]], of: int, done: int = 0) -> int:
    """Log terms as `train/NAME`, at steps counted from 1.

    Args:
        logger: None for none.
        history: terms of each step so far.
        of: steps that there will be; they decide which are logged, whether at once or bit by bit.
        done: steps of `history` that have been logged before.

    Returns:
        Length of the history: `done` for the next call.
    """
    if logger is not None:
        for step in range(done + 1, len(history) + 1):
            if step % stride(of) == 0 or step == of:
                logger.log_metrics({f"train/{name}": value for name, value in history[step - 1].items()}, step=step)
    return len(history)


def conclude(logger: Log | None, content: RunContent) -> None:
    """Log what is known only at the end: checkpoints, gains, costs, predictions. A logger that fails ends no run."""
    if logger is None:
        return
    try:
        for step, values in content.checkpoints():
            logger.log_metrics(values, step=step)
        own = getattr(logger, "conclude", None)
        if own is not None:
            own(content)
        elif content.done:
            logger.log_metrics(content.numbers(), step=content.result["step"])
    except Exception as error:
        _told(logger, error)


def close(logger: Log | None, ok: bool) -> None:
    """Write what is buffered and end the logger's session. A logger that fails ends no run."""
    if logger is None:
        return
    try:
        own: Any = logger
        if hasattr(own, "end"):
            own.end(ok)
        else:
            own.save()
            own.finalize("success" if ok else "failed")
    except Exception as error:
        _told(logger, error)


def replay(logger: Log | None, content: RunContent) -> None:
    """Log all that a live logger would have been told, after the run."""
    terms = content.terms()
    log_terms(logger, terms, len(terms))
    conclude(logger, content)
    close(logger, content.done)


def keep_model(logger: Log | None, learner: Any, folder: Path) -> Path | None:
    """Save a method's network as safetensors, for a logger whose `keeps_model` is true; return None without a network."""
    network = getattr(learner, "network", None)
    if not getattr(logger, "keeps_model", False) or network is None:
        return None
    from safetensors.torch import save_model
    from torch import nn

    if not isinstance(network, nn.Module):
        return None

    folder.mkdir(parents=True, exist_ok=True)
    save_model(network, str(folder / MODEL))
    return folder / MODEL


def _told(logger: Log, error: Exception) -> None:
    reason = f"{type(error).__name__}: {' '.join(str(error).split())}"
    print(f"tlbench: {type(logger).__name__} failed, the run is kept: {reason}", file=sys.stderr)
