"""The recipe of a method: overrides that its config asks for."""

from pathlib import Path

import pytest

from tests.support import config_of, ensure_run, identity_of, jobs_of
from tlbench.cli import main
from tlbench.config.build import method_class
from tlbench.errors import TlbenchError
from tlbench.store.runs import RunStore
from tlbench.sweeping.overrides import key_of

TOY = ("dataset=toy", "pair=L-R")


@pytest.fixture
def method(toy: Path):
    """Writes a config of Deep CORAL with this recipe."""

    def write(recipe: str, name: str = "tuned", target: str = "coral.Coral", parameter: str = "weight: 1.0") -> Path:
        (toy / "method").mkdir(exist_ok=True)
        text = f"# {name}: a test's\n_target_: baselines.{target}\n{parameter}\nrecipe: {recipe}\n"
        (toy / "method" / f"{name}.yaml").write_text(text)
        return toy

    return write


def test_a_method_and_its_reference_get_its_recipe_and_another_method_another_reference(method):
    conf = method("[optim.lr=0.02, classifier.bottleneck=5]")
    jobs = jobs_of(*TOY, "method=tuned,coral", config_dir=conf)
    found = {(j.config.method["name"], j.asked): j for j in jobs}
    assert len(jobs) == 4
    for name, lr, width in (("tuned", 0.02, 5), ("coral", 0.05, 6)):
        job = found[name, True]
        (reference,) = [
            j
            for j in jobs
            if not j.asked and identity_of(j.config)["recipe_key"] == identity_of(job.config)["recipe_key"]
        ]
        for c in (job.config, reference.config):
            assert (c.optim.lr, c.classifier["bottleneck"]) == (lr, width)
        assert reference.config.method["name"] == "source_only"
        assert f"optim.lr={lr}" in reference.overrides


def test_a_run_makes_its_reference_with_the_same_recipe(method, tmp_path, capsys):
    conf = method("[optim.lr=0.02]")
    assert main(["run", *TOY, "method=tuned", "--config-dir", str(conf)]) == 0
    store = RunStore(tmp_path / "store")
    records = {r["method"]: r for key in store.run_keys() if (r := store.record(key))}
    assert set(records) == {"tuned", "source_only"}
    assert records["tuned"]["recipe_key"] == records["source_only"]["recipe_key"]
    gain = records["tuned"]["selections"]["last"]["gains"]["source_only"]
    assert gain["run_key"] == records["source_only"]["run_key"]


def test_the_command_comes_first_then_the_method_then_the_data_set(method):
    conf = method("[optim.lr=0.02, optim.steps=6]")  # the toy data set asks for 0.05 and 8
    c = config_of(*TOY, "method=tuned", "optim.lr=0.3", config_dir=conf)
    assert (c.optim.lr, c.optim.steps, c.optim.batch_size) == (0.3, 6, 16)
    assert config_of(*TOY, "method=coral", config_dir=conf).optim.steps == 8
    lists = jobs_of(*TOY, "method=tuned", "optim.steps=4,5", config_dir=conf)
    assert sorted((j.config.optim.steps, j.config.optim.lr) for j in lists if j.asked) == [(4, 0.02), (5, 0.02)]
    assert all(len({key_of(o) for o in j.overrides}) == len(j.overrides) for j in lists)  # nothing is set twice


def test_a_recipe_chooses_groups_too(method):
    conf = method("[optim=adam, optim.schedule=cosine, classifier.bottleneck=7]")
    c = config_of(*TOY, "method=tuned", config_dir=conf)
    assert (c.optim.name, c.optim.schedule, c.classifier["bottleneck"]) == ("adam", "cosine", 7)
    assert config_of(*TOY, "method=tuned", "optim=sgd", config_dir=conf).optim.name == "sgd"


def test_the_classifier_of_a_reference_decides_its_shape(method):
    conf = method("[classifier=logistic]", target="source_only.SourceOnly", parameter="")
    c = config_of(*TOY, "method=tuned", config_dir=conf)
    assert (c.backbone["name"], c.classifier["name"]) == ("identity", "logistic")


def test_the_recipe_is_no_parameter_and_no_part_of_the_key_by_itself(method):
    conf = method("[optim.lr=0.02]")
    method("null", "plain_coral")
    tuned = config_of(*TOY, "method=tuned", config_dir=conf)
    by_hand = config_of(*TOY, "method=plain_coral", "optim.lr=0.02", config_dir=conf)
    assert set(tuned.method) == {"name", "_target_", "weight"}
    same = by_hand.model_copy(update={"method": {**by_hand.method, "name": "tuned"}})
    assert identity_of(tuned) == identity_of(same)
    assert method_class(tuned.method).__name__ == "Coral"
    assert ensure_run(tuned) == "done"


def test_a_recipe_can_be_switched_off(method):
    conf = method("[optim.lr=0.02]")
    assert config_of(*TOY, "method=tuned", "method.recipe=null", config_dir=conf).optim.lr == 0.05


def test_the_recipe_of_a_reference_counts_only_where_it_is_asked_for(method):
    """As a reference it has the recipe of the method that it is compared with."""
    conf = method("[optim.lr=0.02]", "source_only", "source_only.SourceOnly", "")
    jobs = jobs_of(*TOY, "method=source_only,coral", config_dir=conf)
    assert sorted((j.config.method["name"], j.config.optim.lr, j.asked) for j in jobs) == [
        ("coral", 0.05, True), ("source_only", 0.02, True), ("source_only", 0.05, False)
    ]  # fmt: skip
    assert all("recipe" not in j.config.references.methods["source_only"] for j in jobs)


@pytest.mark.parametrize(
    ("recipe", "message"),
    [
        ("[optim.lrr=0.1]", r"Unknown config key 'optim\.lrr'\. Did you mean 'optim\.lr'\?.*recipe in conf/method/tuned\.yaml"),
        ("[classifier.botleneck=3]", r"Did you mean 'classifier\.bottleneck'\?.*conf/method/tuned\.yaml"),
        ("[optm.lr=0.1]", r"Unknown config group 'optm'\. Did you mean 'optim'\?"),
        ("[optim=adm]", r"Unknown optim 'adm'\. Did you mean 'adam'\?.*conf/method/tuned\.yaml"),
        ("[method.weight=2]", r"Unknown config group 'method'"),
        ("[pair=L-T]", r"Unknown config group 'pair'"),
        ("[optim.lr=many]", r"optim\.lr: .*got 'many'"),
        ("['optim.lr=0.1,0.2']", r"a list of single overrides .*got \['optim\.lr=0\.1,0\.2'\]"),
        ("optim.lr=0.1", r"a list of single overrides .*got optim\.lr=0\.1"),
        ("{optim.lr: 0.1}", r"a list of single overrides .*got {'optim\.lr': 0\.1}"),
        ("[optim.lr: 0.1]", r"a list of single overrides"),
    ],
)  # fmt: skip
def test_mistakes_in_a_recipe_are_told_in_one_line(method, recipe, message):
    conf = method(recipe)
    with pytest.raises(TlbenchError, match=message) as caught:
        jobs_of(*TOY, "method=tuned", config_dir=conf)
    assert "\n" not in str(caught.value)


def test_what_a_data_set_asks_of_its_classifier_is_left_out_where_another_has_no_such_key():
    """rotated_digits: classifier=rbf_svm, classifier.C=10; easytl brings the nearest mean, which has no C."""
    words = ["dataset=rotated_digits", "pair=0-15"]
    assert config_of(*words, "method=tca").classifier["C"] == 10
    own = config_of(*words, "method=easytl").classifier
    assert (own["name"], "C" in own) == ("nearest_mean", False)
    assert config_of(*words, "method=tca", "classifier=logistic").classifier["C"] == 10
    with pytest.raises(
        TlbenchError, match=r"Unknown config key 'classifier\.C'"
    ):  # what the command itself sets stays an error
        config_of(*words, "method=easytl", "classifier.C=3")
