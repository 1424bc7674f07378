"""Weights & Biases: one run a run of tlbench, with its key as the id, so that nothing is there twice."""

from __future__ import annotations

import json
import logging
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import wandb
from pytorch_lightning.loggers import WandbLogger

from tlbench.loggers.run_content import RunContent
from tlbench.loggers.wandb_mode import go_offline, mode
from tlbench.store.run_places import ASIDE

QUIET = {"silent": True, "console": "off", "disable_git": True, "x_disable_stats": True}
STAGED = [""]
"""Values that this process gave to $WANDB_DATA_DIR."""


def wandb_logger(
    *,
    run: RunContent,
    folder: Path,
    project: str,
    entity: str | None = None,
    log_model: bool = False,
    log_report: bool = True,
    table_rows: int = 1000,
    init_timeout: float = 30.0,
    finish_timeout: float = 120.0,
) -> RunLogger | None:
    """Start a run on the server, or, without one (`WANDB_MODE=offline`, no key, no network), in `folder/wandb`, to be synced.

    Args:
        folder: made if need be.
        log_model: keep the network's weights as an artefact.
        log_report: keep the record and the predictions as an artefact.
        table_rows: rows of the table of predictions, at most; 0 for no table.
        init_timeout, finish_timeout: seconds to wait for the server at the start, and for uploads at the end.
    """
    how = mode()
    if how == "disabled":
        return None
    logger = RunLogger(run, table_rows, keeps_report=log_report, keeps_model=log_model)
    about: dict[str, Any] = {"project": project, "entity": entity, "id": run.key, "name": run.name}
    about |= {"group": run.group, "job_type": str(run.record["method"]), "tags": run.tags}
    begin_session(logger, folder, how, about, init_timeout, finish_timeout)
    logger.log_hyperparams(run.parameters)
    return logger


def begin_session(logger: Session, folder: Path, how: str, about: dict[str, Any], init: float, finish: float) -> None:
    """Start the session; offline where the server does not let it in."""
    logging.getLogger("wandb").setLevel(logging.ERROR)
    folder.mkdir(parents=True, exist_ok=True)
    stage(folder)
    settings = {**QUIET, "init_timeout": init, "finish_timeout": finish}
    if how == "online":
        try:
            logger.start(dir=str(folder), mode="online", resume="allow", settings=settings, **about)
            return
        except Exception as error:
            go_offline(error)
    logger.start(dir=str(folder), mode="offline", settings=settings, **about)


def stage(folder: Path) -> None:
    """Let files of artefacts wait for their upload with the runs, not in the user's home, unless $WANDB_DATA_DIR is set.

    A run's folder of logs lies aside until the run ends and is then moved; W&B looks where it put the files, so they lie in the
    store itself. The name is not `.wandb`: W&B would take such a folder for that of its runs.
    """
    if os.environ.get("WANDB_DATA_DIR", STAGED[-1]) == STAGED[-1]:
        place = folder.resolve()
        stores = [parent.parent for parent in place.parents if parent.name == ASIDE]
        STAGED.append(str((stores[0] if stores else place) / ".wandb-files"))
        Path(STAGED[-1]).mkdir(exist_ok=True)
        os.environ["WANDB_DATA_DIR"] = STAGED[-1]


class Session(WandbLogger):
    """Lightning's logger round a session that is started here."""

    def __init__(self) -> None:
        super().__init__()
        self.known = False

    def start(self, **arguments: Any) -> None:
        """Set `known`: the server has this run, finished, so its curves are not logged again."""
        run = wandb.init(**arguments)
        run.define_metric("trainer/global_step")
        run.define_metric("*", step_metric="trainer/global_step", step_sync=True)
        self.known = bool(run.resumed) and run.summary.get("status") == "done"
        self._experiment = run

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        if not self.known:
            super().log_metrics(metrics, step)

    def end(self, ok: bool) -> None:
        """Wait for uploads, `finish_timeout` at most, or for the file of an offline run.

        W&B's service writes that file, and `finish` may return before it has: half of the files held no record yet when they were
        read at once. It ends with the session's last word; the next session starts another.
        """
        offline = bool(self.experiment.offline)
        self.experiment.finish(exit_code=0 if ok else 1)
        if offline:
            wandb.teardown()


class RunLogger(Session):
    """One run: curves while it is trained, the rest at the end."""

    def __init__(self, run: RunContent, table_rows: int, *, keeps_report: bool, keeps_model: bool) -> None:
        super().__init__()
        self.table_rows, self.keeps_report, self.keeps_model = table_rows, keeps_report, keeps_model

    def conclude(self, content: RunContent) -> None:
        """Log tags with the flag, the summary, the table of predictions and the artefacts."""
        run = self.experiment
        run.tags = tuple(content.tags)
        summary = content.summary()
        rows, n = content.prediction_rows(self.table_rows)
        if len(rows) and not self.known:
            run.log({"predictions": wandb.Table(dataframe=rows)})
        if n and self.table_rows:
            shown = {"rows": len(rows), "rows_of": n, "capped": len(rows) < n}
            summary |= {f"predictions_table/{name}": value for name, value in shown.items()}
        run.summary.update(summary)
        if content.done:
            self._artefacts(content)

    def _artefacts(self, content: RunContent) -> None:
        with tempfile.TemporaryDirectory() as folder:
            if self.keeps_report:
                artefact = wandb.Artifact(f"report-{content.key}", "report", description=content.name)
                for path in report_files(content, Path(folder)):
                    artefact.add_file(str(path))
                self.experiment.log_artifact(artefact)
            if content.model is not None:
                about = {"step": "last", "run_key": content.key}
                artefact = wandb.Artifact(f"model-{content.key}", "model", description=content.name, metadata=about)
                artefact.add_file(str(content.model))
                self.experiment.log_artifact(artefact)


def report_files(content: RunContent, folder: Path) -> list[Path]:
    """Write the record and all kept predictions into a folder."""
    paths = [folder / "record.json"]
    paths[0].write_text(json.dumps(content.record, indent=1), "utf-8")
    if content.predictions is not None:
        paths.append(folder / "predictions.parquet")
        content.predictions.to_parquet(paths[1], index=False)
    return paths
