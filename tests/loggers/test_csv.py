"""The CSV file is Lightning's, byte by byte, without Lightning."""

import numpy as np
from pytorch_lightning.loggers import CSVLogger, Logger

from tlbench.loggers.csv import FILE, Csv
from tlbench.training.log_adapter import for_lightning

LOGGED = [
    ({"train/b": 0.1 + 0.2, "train/a": 1e-17}, 2),
    ({"validator/im": float(np.float64(1) / 3), "word": 5}, 2),
    ({"train/b": float("nan"), "train/a": 2.0}, 1),
    ({"selection/step": True}, 3),
]


def test_the_file_is_that_of_lightning_with_its_rows_in_order(tmp_path):
    theirs, mine = CSVLogger(tmp_path, name="", version="", flush_logs_every_n_steps=10**6), Csv(tmp_path / "mine")
    for metrics, step in LOGGED:
        mine.log_metrics(metrics, step)
    for metrics, step in sorted(LOGGED, key=lambda logged: logged[1]):
        theirs.log_metrics(metrics, step=step)
    theirs.save()
    mine.end(True)
    assert (tmp_path / "mine" / FILE).read_bytes() == (tmp_path / FILE).read_bytes()


def test_nothing_logged_leaves_nothing(tmp_path):
    Csv(tmp_path / "mine").end(False)
    assert not (tmp_path / "mine").exists()


def test_lightning_gets_its_own_loggers_as_they_are_and_others_adapted(tmp_path):
    theirs, mine = CSVLogger(tmp_path), Csv(tmp_path)
    assert for_lightning(None) is False
    assert for_lightning(theirs) is theirs
    adapted = for_lightning(mine)
    assert isinstance(adapted, Logger)
    adapted.log_metrics({"a": 1.0}, step=0)
    adapted.log_metrics({"epoch": 1.0})
    adapted.log_hyperparams({"lr": 1.0})
    adapted.finalize("success")
    assert mine.rows == [{"a": 1.0, "step": 0}]
