"""Every file in conf/ composes, builds and says in its first line what it is."""

import pytest
import yaml

from tests.support import config_of, jobs_of
from tlbench.config.build import build, dataset_of, protocol_of
from tlbench.learner import rehearse
from tlbench.listing import describe
from tlbench.paths import conf_dir

FILES = sorted(path.relative_to(conf_dir()) for path in conf_dir().rglob("*.yaml"))
FILES_OF = {group: [f.stem for f in FILES if f.parent.name == group] for group in {f.parent.name for f in FILES}}
MINI = ("dataset=mini_digits", "pair=H-P")
FITTING = {"resnet18": "classifier=head", "resnet50": "classifier=head", "lenet": "classifier=head",
           "mlp": "classifier=head", "identity": "classifier=head"}  # fmt: skip
COVERED = {
    "",
    "dataset",
    "method",
    "backbone",
    "classifier",
    "protocol",
    "optim",
    "trainer",
    "selection",
    "logger",
    "sweep",
}


def test_every_folder_of_configs_is_tested_here():
    assert {str(f.parent) if f.parent.name else "" for f in FILES} == COVERED


@pytest.mark.parametrize("file", [f for f in FILES if f.parent.name], ids=str)
def test_the_first_line_says_what_it_is(file):
    first = (conf_dir() / file).read_text("utf-8").splitlines()[0]
    assert first.startswith("# ")
    assert len(first) > 12
    names = dict(describe(file.parent.name))
    assert names[file.stem]


@pytest.mark.parametrize("name", FILES_OF["method"])
def test_methods(name):
    config = config_of(*MINI, f"method={name}", "protocol.shots=1")
    assert config.method["name"] == name
    rehearse(config)


@pytest.mark.parametrize("name", FILES_OF["backbone"])
def test_backbones(name):
    config = config_of(*MINI, f"backbone={name}", FITTING[name])
    rehearse(config)
    assert config.backbone["mode"] in ("finetune", "frozen")


@pytest.mark.parametrize("name", FILES_OF["classifier"])
def test_classifiers(name):
    config = config_of(*MINI, f"classifier={name}", "backbone=identity")
    rehearse(config)
    assert config.classifier["name"] == name


@pytest.mark.parametrize("name", FILES_OF["protocol"])
def test_protocols(name):
    assert name in protocol_of(config_of(*MINI, f"protocol={name}")).label


@pytest.mark.parametrize("group", ["optim", "trainer", "selection"])
def test_plain_groups(group):
    for name in FILES_OF[group]:
        assert getattr(config_of(*MINI, f"{group}={name}"), group).name == name


@pytest.mark.parametrize("name", FILES_OF["dataset"])
def test_datasets(name):
    values = yaml.safe_load((conf_dir() / "dataset" / f"{name}.yaml").read_text("utf-8"))
    dataset = build("dataset", values, name=name, data_dir="nowhere")
    assert len(dataset.pairs) == len(dataset.domains) * (len(dataset.domains) - 1)
    assert len(set(dataset.short.values())) == len(dataset.short)
    assert dataset.about.keys() == {"homepage", "licence", "citation"}
    assert dataset.recipe.keys() >= {"reference", "gradient", "estimator"}
    assert dataset.recipe["reference"] in ("gradient", "estimator")


@pytest.mark.parametrize("name", FILES_OF["logger"])
def test_loggers_keep_the_numbers_as_they_are(name):
    assert config_of(*MINI, f"logger={name}").logger["name"] == name


def test_sweeps():
    for name in FILES_OF["sweep"]:
        assert jobs_of(f"sweep={name}")


def test_the_default_data_set_is_built_once_for_equal_configs():
    assert dataset_of(config_of(*MINI)) is dataset_of(config_of(*MINI, "seed=1"))
