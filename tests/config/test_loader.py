"""A job of a launcher carries its runs settled, and they are those of the plan."""

import pytest
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra.types import RunMode
from omegaconf import OmegaConf

from tests.composing import compose
from tests.support import config_of, settled
from tlbench.config.loader import KEY, ReadOnceLoader, SettledLoader, settled_configs, settled_override
from tlbench.errors import TlbenchError
from tlbench.sweeping.driver import sweeper


def test_runs_come_out_as_they_went_in():
    configs = [
        config_of("dataset=mini_digits", "pair=H-P", f"seed={seed}", "method.weight=0.125", "method=dann")
        for seed in (0, 3)
    ]
    word = settled_override(configs)
    carried = OmegaConf.create({KEY: word.removeprefix(f"{KEY}=")})
    assert settled_configs(carried) == configs
    assert settled_configs(OmegaConf.create({"seed": 0})) == []


def test_the_loader_composes_only_what_is_not_settled():
    config = settled("dataset=mini_digits", "backbone=lenet", "classifier=head", "pair=H-P", "seed=3")
    with sweeper(["hydra.sweeper.quiet=true"], None) as machine:
        loader = SettledLoader(machine.hydra_context.config_loader)
        words = ["dataset=mini_digits", "pair=H-P", "seed=3"]
        job = loader.load_sweep_config(machine.config, [*words, settled_override([config])])
        assert settled_configs(job) == [config]
        assert list(job.hydra.overrides.task) == words
        assert KEY not in machine.config
        assert loader.load_sweep_config(machine.config, words).seed == 3


def test_pairs_and_seeds_that_are_set_without_composing_again_give_what_composing_gives():
    words = ["dataset=mini_digits", "method=dann", "backbone=lenet", "classifier=head"]
    places = [[f"pair={pair}", f"seed={seed}"] for pair in ("H-P", "P-H") for seed in (0, 7)]
    alone = [settled(*words, *place) for place in places]
    with sweeper(["hydra.sweeper.quiet=true"], None) as machine:
        assert [machine.composer.run_config([*words, *place]) for place in places] == alone
        with pytest.raises(TlbenchError, match=r"seed: .*got -1"):
            machine.composer.run_config([*words, "pair=H-P", "seed=-1"])
        tied = [machine.composer.run_config([*words, "method.weight=${seed}", "pair=H-P", f"seed={n}"]) for n in (2, 5)]
    assert [config.method["weight"] for config in tied] == [2, 5]


def test_a_file_is_read_once_and_what_is_composed_of_it_is_as_when_it_is_read_each_time(tmp_path):
    (tmp_path / "method").mkdir()
    mine = tmp_path / "method" / "mine.yaml"
    mine.write_text("defaults: [coral_linear]\nrecipe: [optim.lr=0.5]\n")
    asked = [
        ["method=mine"],
        ["method=mine", "dataset=mini_digits"],
        ["method=dann", "backbone=lenet", "seed=3"],
        ["method=mine"],
    ]
    with sweeper(["hydra.sweeper.quiet=true"], str(tmp_path)) as machine:
        once = machine.hydra_context.config_loader
        assert isinstance(once, ReadOnceLoader)
        plainly = ConfigLoaderImpl(once.get_search_path())
        want = [OmegaConf.to_yaml(compose(plainly, "config", words, RunMode.RUN)) for words in asked]
        found = [OmegaConf.to_yaml(compose(once, "config", words, RunMode.RUN)) for words in asked]
        assert found == want
        assert once.get_group_options("method") == plainly.get_group_options("method")
        mine.write_text("defaults: [coral_linear]\nrecipe: [optim.lr=0.25]\n")
        assert compose(once, "config", ["method=mine"], RunMode.RUN).method.recipe == ["optim.lr=0.5"]


def test_a_search_path_on_the_command_line_is_searched(tmp_path):
    (tmp_path / "method").mkdir()
    (tmp_path / "method" / "mine.yaml").write_text("defaults: [coral_linear]\n")
    words = [f"hydra.searchpath=[file://{tmp_path}]", "method=mine"]
    with sweeper(["hydra.sweeper.quiet=true"], None) as machine:
        once = machine.hydra_context.config_loader
        compose(once, "config", ["method=dann"], RunMode.RUN)
        assert compose(once, "config", words, RunMode.RUN).hydra.runtime.choices.method == "mine"
