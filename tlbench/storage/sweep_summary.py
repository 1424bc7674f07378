"""A sweep that was logged to Weights & Biases ends there with a run that sums it up."""

from __future__ import annotations

import sys

from tlbench.sweep.sweeper import Outcome

WANDB = "tlbench.loggers.wandb.wandb_logger"


def log_sweep(outcome: Outcome) -> None:
    """Logs the tables of a sweep's runs and cells and its report into the group of its runs.

    Nothing where no run was logged to W&B, or none was done now. A log that fails costs the sweep nothing.
    """
    logged = [job.config for job in outcome.jobs if job.config.logger.get("_target_") == WANDB]
    if not logged or not outcome.ran:
        return
    try:
        from tlbench.loggers.wandb_mode import mode
        from tlbench.storage.wandb_export import Target, log_summary_of_sweep

        if mode() == "disabled":
            return
        folder = outcome.store.root / "plans" / "logs"  # where `wandb sync STORE/*/logs/wandb/offline-run-*` finds it
        print("Summing the sweep up in Weights & Biases ...", file=sys.stderr, flush=True)
        if log_summary_of_sweep(outcome, logged[0], Target(logged[0].logger, folder)) == "offline":
            print(
                f"Offline: `wandb sync {outcome.store.root}/*/logs/wandb/offline-run-*` uploads later.", file=sys.stderr
            )
    except Exception as error:
        reason = " ".join(str(error).split())
        print(
            f"tlbench: the sweep's W&B summary failed, its runs are kept: {type(error).__name__}: {reason}",
            file=sys.stderr,
        )
