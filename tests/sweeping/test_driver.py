"""What is wrong with Hydra's own settings, in one line."""

import pytest

from tests.support import config_of, jobs_of
from tlbench.errors import TlbenchError
from tlbench.sweeping.driver import sweeper
from tlbench.sweeping.executors.chosen import check_store


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("hydra/sweeper=basic", "tlbench sweeps by its own sweeper, got hydra/sweeper=basic"),
        ("hydra.sweeper._target_=builtins.dict", "tlbench sweeps by its own sweeper, got builtins.dict"),
        ("hydra.launcher.n_jobs=0", r"n_jobs must be 1 or more processes, or -1 for one a core, got 0"),
        ("hydra.sweeper.runs_per_job=0", r"runs_per_job must be 1 or more, or null; got 0"),
        ("hydra.sweeper.runs_per_job=true", r"runs_per_job must be 1 or more, or null; got True"),
        ("hydra.launcher._target_=foo.Bar", r"must be a launcher of Hydra, got foo\.Bar"),
        ("hydra.launcher.n_jbos=2", r"Unknown config key 'hydra\.launcher\.n_jbos'"),
        ("hydra/launcher=submitit_slurm", r"Did you mean 'slurm'\? Known: basic, joblib, local, ray, slurm\."),
        (
            ["hydra/launcher=slurm", "hydra.launcher.minutes=0"],
            r"hydra\.launcher\.minutes must be a number, above 0, got 0",
        ),
        (
            ["hydra/launcher=ray", "hydra.launcher.cpus=two"],
            r"hydra\.launcher\.cpus must be a number, 0 or more, got 'two'",
        ),
        ("hydra/launcher=joblibb", "Did you mean 'joblib'"),
        ("hydra/launcher=1", "a config group takes the name of a file"),
    ],
)
def test_a_mistake_in_hydras_settings_is_told_in_one_line(override, message):
    with sweeper(["hydra.launcher.n_jobs=2", "hydra.sweeper.runs_per_job=1"], None):
        pass
    words = [override] if isinstance(override, str) else override
    with pytest.raises(TlbenchError, match=message) as caught, sweeper(words, None):
        pass
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("search=inf", "Unknown search 'inf'. .*Known: "),
        ("sweep=-1", "Unknown sweep '-1'. Known: atlas_concept_caltech10"),
        ("sweep=true", "Unknown sweep 'true'. Known: atlas_concept_caltech10"),
        ("margin=glob(*)", r"margin=glob\(\*\): name the values one by one"),
        ("method.weight=interval(0,1)", r"interval\(0,1\): name the values one by one"),
        ("seed=range(inf)", r"seed=range\(inf\): a range is of up to"),
        ("seed=range(1,2,0)", "a range is of up to"),
        ("seed=range(99999999999)", "a range is of up to"),
        ("references=foo", "references: Input should be a valid dictionary.*got 'foo'"),
        ("references.methods=null", r"references\.methods: Input should be a valid dictionary, got None"),
        ("references.methods.source_only=null", r"references\.methods\.source_only must be the config of a method, got None"),
        ("seed=99999999999999999999", "seed: .*less than or equal to 9223372036854775807"),
        ("seed=true", "seed: must not be true or false"),
        ("margin=inf", "margin: .*finite number"),
        ("optim.lr=nan", r"optim\.lr: .*finite number"),
        ("store=''", "store: must name a folder"),
        ("dataset.transforms=[1]", r"dataset\.transforms must be a list of functions"),
        ("dataset.input_shape=abc", r"dataset\.input_shape: must be a list"),
        ("dataset.input_shape=[0]", r"dataset\.input_shape must be whole numbers of 1 or more"),
        ("dataset.classes=abc", r"dataset\.classes: must be a list"),
        ("dataset.recipe.gradient=null", r"recipe\.gradient of a data set is a list of overrides"),
        ("dataset.recipe.gradient=[3]", r"recipe\.gradient of a data set is a list of overrides"),
        ("dataset.recipe.reference=abc", r"recipe\.reference of a data set is gradient or estimator, got 'abc'"),
        ("dataset.short.printed=[]", "Short code '\\[\\]' of mini_digits"),
        ("protocol.shots=99999999999999999999", r"protocol\.shots: must be a whole number"),
        ("protocol.n_source=99999999999999999999", r"protocol\.n_source: .*less than or equal to"),
        ("optim.batch_size=99999999999999999999", r"optim\.batch_size: .*less than or equal to 1000000"),
        ("trainer.threads=99999999999999999999", r"trainer\.threads: .*less than or equal to 4096"),
        ("backbone=timm", r"backbone\.name must be set"),
        ("method.hidden=1000000000", r"would have 1\.0e\+18 weights"),
        ("method.hidden=99999999999999999999", r"method\.hidden: .*less than or equal to"),
        ("classifier.bottleneck=1000000000000", "would have .* weights"),
    ],
)  # fmt: skip
def test_values_that_no_run_can_have_are_told_in_one_line(override, message):
    with pytest.raises(TlbenchError, match=message) as caught:
        jobs_of("pair=H-P", "method=dann", override)
    assert "\n" not in str(caught.value)


def test_the_largest_seed_is_one():
    assert config_of("pair=H-P", "method=dann", "seed=9223372036854775807").seed == 2**63 - 1


def test_a_key_that_a_choice_lacks_is_told_with_the_choice():
    with pytest.raises(TlbenchError, match=r"'method\.ridge'\. None is known here\. .*with method=source_only"):
        jobs_of("pair=H-P", "method=source_only", "method.ridge=1")


@pytest.mark.parametrize("launcher", ["basic", "local", "slurm", "ray"])
def test_slurm_alone_takes_no_address_as_its_store_and_says_so_before_any_server_is_asked(launcher):
    with sweeper([f"hydra/launcher={launcher}", "hydra.sweeper.quiet=true"], None) as machine:
        assert machine.config is not None
        check_store(machine.config, "a/folder")
        if launcher != "slurm":
            check_store(machine.config, "s3://bucket/prefix")
            return
        words = ["dataset=mini_digits", "pair=H-P", "method=sa", "classifier=linear_svm", "store=s3://bucket/prefix"]
        jobs = machine.plan(words)
        with pytest.raises(
            TlbenchError, match=r"all nodes must see as a folder, got store=s3://bucket/prefix\. Set store="
        ):
            machine.run(jobs, words, "demo")
