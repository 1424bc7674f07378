import pytest

from tests.support import config_of, jobs_of
from tlbench.config.compose import flat_keys
from tlbench.errors import TlbenchError


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
        ("optim.evaluations=301", "evaluations=301 is more than steps=300"),
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
        ("method.weight=-1", r"needed, got -1"),
        ("method.weight=abc", r"method\.weight: Input should be a valid number.*got 'abc'"),
        ("method.hidden=1.5", r"method\.hidden: Input should be a valid integer, got 1\.5"),
        ("references.without_shots=[sourceonly]", r"reference 'sourceonly' is none of source_and_target, source_only"),
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


def test_what_a_command_leaves_open_comes_from_the_data_sets_recipe():
    c = config_of("pair=H-P", "method=dann")
    assert (c.backbone["name"], c.classifier["name"], c.protocol["name"]) == ("lenet", "head", "inductive")
    c = config_of("pair=H-P", "method=tradaboost", "protocol.shots=1")
    assert (c.backbone["name"], c.classifier["name"]) == ("identity", "linear_svm")
    c = config_of("pair=H-P", "method=source_only", "classifier=logistic")
    assert (c.backbone["name"], c.classifier["name"]) == ("identity", "logistic")
    assert config_of("pair=H-P", "method=dann", "backbone=mlp").backbone["hidden"] == [256]


def test_flat_keys_go_down_and_leave_targets_out():
    assert flat_keys({"a": 1, "b": {"c": 2, "_target_": "x", "d": {"e": 3}}}) == ["a", "b", "b.c", "b.d", "b.d.e"]
