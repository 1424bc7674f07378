"""A job of a launcher carries its runs settled, and they are those of the plan."""

import pytest
from omegaconf import OmegaConf

from tests.support import config_of, settled
from tlbench.config.loader import KEY, SettledLoader, settled_configs, settled_override
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
