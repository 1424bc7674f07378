"""TensorBoard: events in `logs/` of the run's folder, under the names that Weights & Biases gets."""

from __future__ import annotations

from pathlib import Path

from pytorch_lightning.loggers import TensorBoardLogger

from tlbench.loggers.needs import need
from tlbench.loggers.run_content import RunContent

need("tensorboard", "tensorboard")


def tensorboard_logger(*, run: RunContent, folder: Path) -> Events:
    """Log to event files straight in `folder`; `tensorboard --logdir STORE` finds them all."""
    return Events(save_dir=str(folder), name="", version="", default_hp_metric=False)


class Events(TensorBoardLogger):
    """Scalars, and words as texts."""

    def conclude(self, content: RunContent) -> None:
        """Log the summary: numbers at the step of the chosen checkpoint, words as texts, and the config as hyper-parameters."""
        step = content.result.get("step", 0)
        numbers = content.numbers()
        self.log_metrics(numbers, step=step)
        for name, word in content.words().items():
            self.experiment.add_text(name, word, step)
        self.experiment.add_text("tags", ", ".join(content.tags), step)
        shown = {name: numbers[name] for name in ("target/accuracy", "transfer/gain") if name in numbers}
        self.log_hyperparams(
            {**content.parameters, "group": content.group}, {f"hparams/{k}": v for k, v in shown.items()}
        )

    def save(self) -> None:
        """Save without Lightning's `hparams.yaml`: the run's own `config.yaml` lies beside."""
        self.experiment.flush()

    def finalize(self, status: str) -> None:
        """Do nothing yet: Lightning asks when the fit ends, and a writer that is closed begins another file."""

    def end(self, ok: bool) -> None:
        self.experiment.close()
