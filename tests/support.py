"""Small things that many tests need: a run's config, a toy data set in files, tasks from arrays."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import scipy.io

from tlbench.config.schema import RunConfig
from tlbench.data.base_dataset import Dataset
from tlbench.data.files import FileDataset
from tlbench.data.images.augment import Augment
from tlbench.data.inputs import Inputs
from tlbench.method import GradientMethod
from tlbench.protocols import Protocol
from tlbench.running import ensure as ensuring
from tlbench.running.fit import fit
from tlbench.running.prepare import prepare
from tlbench.running.rehearse import rehearse
from tlbench.running.setup import Setup
from tlbench.running.stage_values import Fitted, Prepared
from tlbench.store.run_files import lay_out, pack
from tlbench.store.runs import RunStore
from tlbench.sweeping.driver import sweeper
from tlbench.sweeping.plan import Job
from tlbench.tasks import Hidden, Labelled, Task, load_task
from tlbench.training import gradient_fit as fitting
from tlbench.training.checkpoints import Checkpoint

TOY = """\
# toy: three domains of four features, made by a test
_target_: tlbench.data.files.FileDataset
short: {{left: L, right: R, top: T}}
counts: {{left: {n}, right: {n}, top: {n}}}
classes: [a, b, c]
input_shape: [4]
reader: {{_target_: tlbench.data.readers.read_mat, _partial_: true, inputs: fts, labels: labels}}
files:
  left: {{path: toy/left.mat}}
  right: {{path: toy/right.mat}}
  top: {{path: toy/top.mat}}
transforms: []
about: {{homepage: none}}
recipe:
  common: [protocol=inductive, optim.steps=8, optim.evaluations=2, optim.batch_size=16, optim.lr=0.05]
  reference: gradient
  gradient: [backbone=mlp, 'backbone.hidden=[8]', classifier=head, classifier.bottleneck=6]
  estimator: [backbone=identity, classifier=linear_svm]
"""


class OpenFiles(FileDataset):
    """An open set in files: no source has the last class."""

    @property
    def unknown_class(self) -> int:
        return len(self.classes) - 1

    def load_as(self, domain, role):
        whole = self.load(domain)
        if role == "target":
            return whole
        rows = np.flatnonzero(whole.labels != self.unknown_class)
        return replace(whole, inputs=whole.inputs[rows], labels=whole.labels[rows], groups=whole.groups[rows])


SHIFT = {"left": 0.0, "right": 1.5, "top": -1.0}


def write_toy(root: Path, n: int = 60) -> tuple[Path, Path]:
    """Three shifted copies of a three-class problem, also as images of four pixels and with the last class unknown.

    Returns (data folder, config folder).
    """
    data, conf = root / "data", root / "conf"
    (data / "toy").mkdir(parents=True)
    (conf / "dataset").mkdir(parents=True)
    text = TOY.format(n=n)
    (conf / "dataset" / "toy.yaml").write_text(text)
    opened = text.replace("tlbench.data.files.FileDataset", "tests.support.OpenFiles")
    (conf / "dataset" / "toy_open.yaml").write_text(opened.replace("recipe:", "metric: hos\nrecipe:"))
    (conf / "dataset" / "toy_images.yaml").write_text(text.replace("input_shape: [4]", "input_shape: [1, 2, 2]"))
    for i, (domain, shift) in enumerate(SHIFT.items()):
        rng = np.random.default_rng(i)
        labels = np.arange(n) % 3
        centres = np.array([[2.0, 0, 0, 0], [0, 2.0, 0, 0], [0, 0, 2.0, 0]])
        rows = centres[labels] + rng.normal(size=(n, 4)) + shift * np.array([1.0, 0.5, 0.0, 1.0])
        scipy.io.savemat(data / "toy" / f"{domain}.mat", {"fts": rows, "labels": labels[:, None] + 1})
    return data, conf


def last_of(*words: str) -> list[str]:
    """Overrides of which the last of a key counts; a command itself takes each key once."""
    return list({word.split("=", 1)[0] if "=" in word else word: word for word in words}.values())


def jobs_of(*arguments: str, config_dir: Path | str | None = None) -> list[Job]:
    """The plan of a command."""
    with sweeper(["hydra.sweeper.quiet=true"], None if config_dir is None else str(config_dir)) as machine:
        return machine.plan(list(arguments))


def config_of(*arguments: str, config_dir: Path | str | None = None) -> RunConfig:
    """The config of the one run that a command asks for."""
    (config,) = [job.config for job in jobs_of(*arguments, config_dir=config_dir) if job.asked]
    return config


def settled(*overrides: str) -> RunConfig:
    """The config that these overrides make, with no look at data."""
    with sweeper(["hydra.sweeper.quiet=true"], None) as machine:
        return machine.composer.run_config(list(overrides))


def ensure_run(config: RunConfig) -> str:
    """Does a run unless it is done; its status."""
    return ensuring.ensure(Setup.of(config))


def identity_of(config: RunConfig) -> dict[str, str]:
    """The keys of a run."""
    return Setup.of(config).keys


def rehearsed(config: RunConfig) -> None:
    """Builds every part without data."""
    rehearse(Setup.of(config))


def prepared(config: RunConfig) -> tuple[Prepared, Hidden]:
    """A run before its training."""
    return prepare(Setup.of(config))


def trained(
    method: GradientMethod, task: Task, test: Inputs, config: RunConfig, resume: Path | None = None
) -> tuple[list[Checkpoint], list[dict[str, float]]]:
    """Trains a gradient method as a run of this config would."""
    how = {"seed": config.seed, "validators": config.validators, "resume": resume}
    return fitting.fit_gradient(method, task, test, config.optim, config.trainer, **how)


def fitted(config: RunConfig, learner: object | None = None) -> Fitted:
    """A run after its training; with `learner` in place of its own."""
    run, _ = prepared(config)
    return fit([run if learner is None else replace(run, learner=learner)])[0]


def loaded(config: RunConfig) -> tuple[Task, Inputs, Hidden]:
    """What a method may see, the inputs of the test examples, and what only the judge may see."""
    setup = Setup.of(config)
    return load_task(setup.dataset, setup.pair, setup.protocol, config.seed, setup.augment, n_outputs=setup.n_outputs)


def dataset_of(config: RunConfig) -> Dataset:
    return Setup.of(config).dataset


def protocol_of(config: RunConfig) -> Protocol:
    return Setup.of(config).protocol


def augment_of(config: RunConfig) -> Augment | None:
    return Setup.of(config).augment


@dataclass(frozen=True)
class HeldOut:
    """Test examples of a made task with their labels, and the labels that the target lacks."""

    test: Labelled
    target_labels: np.ndarray


def predictions_of(store: RunStore, method: str, selection: str = "last", **where: object) -> pd.DataFrame:
    """Stored predictions of the one run of this method (and of these record fields)."""
    records = [r for key in store.run_keys() if (r := store.record(key)) and r["method"] == method]
    (record,) = [r for r in records if all(r[name] == value for name, value in where.items())]
    return store.predictions(record["run_key"], selection)


def gaussian_task(
    n: int = 60, m: int = 50, *, shots_per_class: int = 0, shift: float = 1.0, seed: int = 0
) -> tuple[Task, HeldOut]:
    """A two-class, three-feature task with a shifted target, without files."""
    rng = np.random.default_rng(seed)

    def draw(size: int, offset: float) -> Labelled:
        labels = np.arange(size) % 2
        return Labelled(rng.normal(size=(size, 3)) + 2.0 * labels[:, None] + offset, labels.astype(np.int64))

    source, target, test = draw(n, 0.0), draw(m, shift), draw(m, shift)
    shots = draw(2 * shots_per_class, shift) if shots_per_class else None
    task = Task(source, target.inputs, shots, draw(n // 3, 0.0), 2, (3,))
    return task, HeldOut(test, target.labels)


def laid_out(store: RunStore, key: str, folder: Path | None = None) -> Path:
    """Makes a folder of a run that is one file, as older versions left all runs; the folder."""
    folder = folder or store.root / key
    parts = {name: store.part(key, name) for name in store.part_names(key)}
    about = store.packed(key).stat()
    store.packed(key).unlink()
    lay_out(folder, parts)
    for path in folder.iterdir():
        os.utime(path, ns=(about.st_atime_ns, about.st_mtime_ns))
    return folder


def damage(store: RunStore, key: str, name: str, content: bytes | None) -> None:
    """Puts other bytes in the place of a file of a run, or none; its record stays, and the run in its form."""
    path = store.path(key)
    if path.is_dir():
        (path / name).unlink() if content is None else (path / name).write_bytes(content)
        return
    parts = {other: store.part(key, other) for other in store.part_names(key) if other != name}
    pack(path, parts if content is None else {**parts, name: content})


def remove(store: RunStore, key: str) -> None:
    """Takes a run away, as somebody does who deletes its file or folder."""
    path = store.path(key)
    shutil.rmtree(path) if path.is_dir() else path.unlink()
