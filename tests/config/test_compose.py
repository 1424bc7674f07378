import pytest
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf

from tests.support import config_of, jobs_of
from tlbench.config.compose import flat_keys
from tlbench.errors import TlbenchError
from tlbench.sweeping.driver import sweeper


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("method=dan", r"Unknown method 'dan'\. Did you mean 'dann'\?.*Set by method=dan\."),
        ("dataset=minidigits", r"Unknown dataset 'minidigits'\. Did you mean 'mini_digits'\?"),
        ("backbone=lenett", r"Unknown backbone 'lenett'\. Did you mean 'lenet'\?"),
        ("protocol=transductiv", "Did you mean 'transductive'"),
        ("optim=sdg", "Did you mean 'sgd'"),
        ("selection=sourceval", "Did you mean 'source_val'"),
        ("optim.steeps=3", r"Unknown config key 'optim\.steeps'\. Did you mean 'optim\.steps'\?"),
        ("method.wieght=3", r"Did you mean 'method\.weight'\?"),
        ("sede=3", "Unknown config key 'sede'. Did you mean 'seed'"),
        ("protocol.n_source_per_class=3", r"Unknown config key 'protocol\.n_source_per_class'"),
        ("optim.steps=many", r"optim\.steps: .*got 'many'"),
        ("optim.steps=0", r"optim\.steps: Input should be greater than or equal to 1, got 0"),
        ("tags=[a,'b,c']", r"tags: 'b,c' is no tag: 1 to 64 letters, no comma"),
        ("tags=['a ']", "'a ' is no tag"),
        ("tags=[positive]", "'positive' is no tag.*none of ORACLE, summary, negative"),
        (f"tags=[{65 * 'a'}]", "is no tag: 1 to 64 letters"),
        ("tags=draft", r"tags: must be a list such as \[draft\] or \[draft,paper\], got 'draft'"),
        ("embeddings=1", "embeddings: must be 0, or 2 or more, got 1"),
        ("seed=-1", r"seed: .*greater than or equal to 0"),
        (
            "protocol.shots=-1",
            r"protocol\.shots: must be a whole number of 0 or more, or the word all, got -1\. Set by",
        ),
        ("protocol.shots=most", r"protocol\.shots: .*got 'most'"),
        ("protocol.n_target=1", r"protocol\.n_target: .*greater than or equal to 2, got 1"),
        ("protocol.n_source=50.5", r"protocol\.n_source: .*got 50\.5"),
        ("protocol.n_sources=5", r"Did you mean 'protocol\.n_source'"),
        ("protocol.target_test=1.5", r"protocol\.target_test: "),
        ("method.weight=-1", r"method\.weight must be 0 or more, got -1"),
        ("method.weight=abc", r"method\.weight: Input should be a valid number.*got 'abc'"),
        ("method.hidden=1.5", r"method\.hidden: Input should be a valid integer, got 1\.5"),
        ("references.without_shots=[sourceonly]", r"reference 'sourceonly' is none of fine_tune, source_and_target"),
        ("selection.rule=best", r"selection\.rule: Input should be 'last', 'source_val', 'oracle'.* got 'best'"),
        ("pair=handwritten-fotos", r"Unknown domain 'fotos'\. Did you mean 'photo'\?"),
        ("seed", r"key=value"),
        ("classifier.bottleneck=-3", r"classifier\.bottleneck"),
        ("classifier.dropout=1.0", r"classifier\.dropout"),
        ("backbone.mode=frozn", r"backbone\.mode"),
        ("backbone.width=0", r"backbone\.width"),
    ],
)
def test_a_mistake_is_answered_in_one_line_before_anything_runs(override, message):
    with pytest.raises(TlbenchError, match=message) as caught:
        jobs_of("pair=H-P", "method=dann", override)
    assert "\n" not in str(caught.value)


def test_tags_may_be_numbers_and_as_long_as_w_and_b_takes_them():
    assert config_of("pair=H-P", f"tags=[2024,{64 * 'a'}]").tags == ["2024", 64 * "a"]


def test_what_a_command_leaves_open_comes_from_the_data_sets_recipe():
    c = config_of("pair=H-P", "method=dann")
    assert (c.backbone["name"], c.classifier["name"], c.protocol["name"]) == ("lenet", "head", "inductive")
    c = config_of("pair=H-P", "method=tradaboost", "protocol.shots=1")
    assert (c.backbone["name"], c.classifier["name"]) == ("identity", "linear_svm")
    c = config_of("pair=H-P", "method=source_only", "classifier=logistic")
    assert (c.backbone["name"], c.classifier["name"]) == ("identity", "logistic")
    assert config_of("pair=H-P", "method=dann", "backbone=mlp").backbone["hidden"] == [256]


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["method=dann", "method.weight=0.5", "optim=adam", "optim.lr=1e-3", "alpha=0.1"],
        ["optim.lr=0.3", "optim=adam", "method=coral", "method.variant=mean"],  # a value stands, chosen after it or not
        ["backbone=mlp", "backbone.hidden=[3,4]", "optim.steps=7", "optim.steps=9", "group='a b'"],
        ["dataset=image_list", "dataset.root=x y", "dataset.lists={a: a.txt, b: b.txt}", "store=${data_dir}/s"],
        ["+optim.more=1", "method=dann", "method.weight=0.5"],
        ["~method.recipe", "method=coral", "method.weight=0.5"],
        ["method@references.methods.source_only=coral", "references.methods.source_only.weight=3"],
        ["search=dann", "search.trials=3", "search.engine=random"],
    ],
)
def test_values_set_in_a_copy_of_the_choices_are_what_hydra_makes_of_both(words):
    with sweeper(["hydra.sweeper.quiet=true"], None) as machine:
        composer = machine.composer
        try:
            want = composer.loader.load_sweep_config(composer.master, words)
        except HydraException:
            with pytest.raises(TlbenchError):
                composer.raw(words)
            return
        choices = plain_groups(composer.raw([]))
        for _ in range(2):  # nothing is left behind in what is shared
            assert plain_groups(composer.raw(words)) == plain_groups(want)
            assert composer.raw(words).hydra.runtime.choices == want.hydra.runtime.choices
        assert plain_groups(composer.raw([])) == choices


def plain_groups(config: DictConfig) -> dict:
    return {key: OmegaConf.to_container(config[key]) if OmegaConf.is_config(config[key]) else config._get_node(key)._value()
            for key in config if key not in ("hydra", "pair")}  # fmt: skip


def test_trials_that_differ_in_values_are_composed_once(monkeypatch):
    calls = []
    load = ConfigLoaderImpl.load_sweep_config
    monkeypatch.setattr(ConfigLoaderImpl, "load_sweep_config", lambda *a: calls.append(a[2]) or load(*a))
    with sweeper(["hydra.sweeper.quiet=true"], None) as machine:
        for rate in (0.1, 0.2, 0.3, 0.4):
            config = machine.composer.run_config(
                ["pair=H-P", "seed=0", "backbone=mlp", "classifier=head", f"optim.lr={rate}"]
            )
            assert config.optim.lr == rate
    assert len(calls) == 1


def test_flat_keys_go_down_and_leave_targets_out():
    assert flat_keys({"a": 1, "b": {"c": 2, "_target_": "x", "d": {"e": 3}}}) == ["a", "b", "b.c", "b.d", "b.d.e"]


def test_a_trial_of_two_steps_has_two_checkpoints():
    assert config_of("pair=H-P", "optim.steps=2").optim.evaluations == 2
    assert config_of("pair=H-P", "optim.steps=2", "optim.evaluations=1").optim.evaluations == 1
