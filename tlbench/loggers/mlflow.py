"""MLflow: one MLflow run a run of tlbench, under the names that Weights & Biases gets."""

from __future__ import annotations

import hashlib
import logging
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from filelock import FileLock
from pytorch_lightning.loggers import MLFlowLogger

from tlbench.loggers.needs import need
from tlbench.loggers.run_content import RunContent

need("mlflow", "mlflow")
BATCH = 1000
"""Metrics that MLflow takes at once."""


def mlflow_logger(
    *, run: RunContent, folder: Path, tracking_uri: str, experiment: str, log_model: bool = False
) -> BatchedRun:
    """Start a run in an MLflow store; its tag `run_key` is that of tlbench.

    Args:
        tracking_uri: a server, `sqlite:///FILE`, or `file:FOLDER` (which MLflow takes only with MLFLOW_ALLOW_FILE_STORE=true).
        experiment: made if it is not there.
        log_model: keep the network's weights as an artefact.
    """
    for name in ("mlflow", "alembic"):
        logging.getLogger(name).setLevel(logging.ERROR)
    if tracking_uri.startswith("sqlite:///"):
        Path(tracking_uri.removeprefix("sqlite:///")).parent.mkdir(parents=True, exist_ok=True)
    tags = {"run_key": run.key, "group": run.group, "job_type": str(run.record["method"])}
    lock = f"tlbench-mlflow-{hashlib.sha256(tracking_uri.encode()).hexdigest()[:16]}.lock"
    with FileLock(Path(tempfile.gettempdir()) / lock):  # one process at a time makes the tables and the experiment
        logger = BatchedRun(experiment, run.name, tracking_uri, tags)
        logger.log_hyperparams(run.parameters)
    logger.keeps_model = log_model
    return logger


class BatchedRun(MLFlowLogger):
    """Sends metrics in batches: one at a time takes a database tens of milliseconds each."""

    keeps_model = False

    def __init__(self, experiment: str, name: str, tracking_uri: str, tags: dict[str, str]) -> None:
        super().__init__(experiment_name=experiment, run_name=name, tracking_uri=tracking_uri, tags=tags)
        self._waiting: list = []

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        self._waiting += [Metric(name, float(value), now, step or 0) for name, value in metrics.items()]
        if len(self._waiting) >= BATCH:
            self.save()

    def save(self) -> None:
        for start in range(0, len(self._waiting), BATCH):
            self.experiment.log_batch(self.run_id, metrics=self._waiting[start : start + BATCH])
        self._waiting = []

    def finalize(self, status: str = "success") -> None:
        """Do nothing yet: Lightning asks when the fit ends, and the run goes on."""

    def end(self, ok: bool) -> None:
        self.save()
        self.experiment.set_terminated(self.run_id, "FINISHED" if ok else "FAILED")

    def conclude(self, content: RunContent) -> None:
        """Log the summary: numbers as metrics at the step of the chosen checkpoint, words and tags as MLflow's tags."""
        self.log_metrics(content.numbers(), step=content.result.get("step", 0))
        for name, word in {**content.words(), "tags": ", ".join(content.tags)}.items():
            self.experiment.set_tag(self.run_id, name, word)
        if content.model is not None:
            self.experiment.log_artifact(self.run_id, str(content.model), "model")
