"""Loggers: Lightning's, told what tlbench calls things. Each builder takes the run's config and a folder of its own.

Lightning is imported where a logger is made: a run of a closed form without one does without.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeGuard

from tlbench.config.schema import RunConfig

if TYPE_CHECKING:
    from pytorch_lightning.loggers import Logger, WandbLogger


def no_logger(*, config: RunConfig, folder: Path) -> None:
    """Logs nothing; the run's record, history and predictions are kept all the same."""


def csv_logger(*, config: RunConfig, folder: Path) -> Logger:
    """`logs/metrics.csv` in the run's folder."""
    from pytorch_lightning.loggers import CSVLogger

    return CSVLogger(save_dir=folder, name="", version="", flush_logs_every_n_steps=1_000_000)


def wandb_logger(*, config: RunConfig, folder: Path, project: str, entity: str | None = None) -> Logger:
    """Weights & Biases, online or (`WANDB_MODE=offline`) into `logs/wandb` of the run's folder.

    Group = sweep, job type = method, name = method, pair and seed.
    """
    from pytorch_lightning.loggers import WandbLogger

    logging.getLogger("wandb").setLevel(logging.ERROR)
    method, dataset = config.method["name"], config.dataset["name"]
    logger = WandbLogger(
        project=project,
        entity=entity,
        save_dir=folder,
        group=config.group or None,
        job_type=method,
        name=f"{method} {dataset} {config.pair} seed {config.seed}",
        tags=[dataset, config.pair, config.protocol["name"]],
        settings={"silent": True, "console": "off"},
    )
    logger.log_hyperparams(config.model_dump(mode="json", exclude={"references", "sweep", "data_dir", "store"}))
    return logger


def log_curves(logger: Logger | None, history: Sequence[dict[str, float]], every: int = 1) -> None:
    """Every `every`-th entry of a history as `train/NAME`, counted from 1."""
    if logger is None:
        return
    for step in range(every, len(history) + 1, every):
        logger.log_metrics({f"train/{name}": value for name, value in history[step - 1].items()}, step=step)


def log_result(logger: Logger | None, result: dict[str, Any], primary: str | None) -> None:
    """Metrics of the reported selection, the gains over each reference, and whether the transfer hurt.

    Args:
        result: one entry of a record's `selections`.
        primary: the reference whose gain counts as `transfer/gain`.
    """
    if logger is None:
        return
    values = {
        f"target/{name}": result["metrics"][name] for name in ("accuracy", "mean_class_accuracy", "macro_f1", "ece")
    }
    for name, gain in result["gains"].items():
        values[f"transfer/gain_over_{name}"] = gain["gain"]
        if name == primary:
            values["transfer/gain"] = gain["gain"]
            values["transfer/p"] = gain["p"]
            values["transfer/negative"] = float(gain["flag"] == "negative")
            values["transfer/positive"] = float(gain["flag"] == "positive")
    logger.log_metrics(values, step=result["step"])
    if _is_wandb(logger):
        logger.experiment.summary.update(values)


def close(logger: Logger | None, ok: bool) -> None:
    """Writes what is buffered and ends the logger's session."""
    if logger is None:
        return
    logger.save()
    logger.finalize("success" if ok else "failed")
    if _is_wandb(logger):
        import wandb

        wandb.finish(exit_code=0 if ok else 1)


def _is_wandb(logger: Logger) -> TypeGuard[WandbLogger]:
    from pytorch_lightning.loggers import WandbLogger

    return isinstance(logger, WandbLogger)
