import pytest

from tests.support import config_of, identity_of, settled
from tlbench.config.keys import cell_key, method_of, recipe_key, run_key
from tlbench.errors import TlbenchError


def config(*extra: str):
    return config_of("pair=H-P", "method=dann", *extra)


def keys(c, fingerprint="f", revision=1):
    return run_key(c, fingerprint, revision), recipe_key(c, fingerprint), cell_key(c, fingerprint, revision)


@pytest.mark.parametrize(
    "same",
    ["store=elsewhere", "data_dir=elsewhere", "logger=none", "trainer=cpu", "trainer.threads=2", "selection=oracle",
     "alpha=0.1", "group=mine", "tags=[mine]", "references.without_shots=[source_only]"],
)  # fmt: skip
def test_paths_logging_hardware_and_what_is_only_reported_change_no_key(same):
    assert keys(config(same)) == keys(config())


@pytest.mark.parametrize(
    "other",
    ["optim.lr=0.2", "backbone.width=8", "classifier.bottleneck=8", "protocol.shots=1", "trainer.precision=bf16-mixed",
     "trainer.devices=2"],
)  # fmt: skip
def test_the_recipe_changes_every_key(other):
    assert not set(keys(config(other))) & set(keys(config()))


def test_pair_data_and_code():
    base = keys(config())
    assert not set(keys(config_of("pair=H-R", "method=dann"))) & set(base)
    assert not set(keys(config(), fingerprint="g")) & set(base)
    run, recipe, cell = keys(config(), revision=2)
    assert (run != base[0], recipe == base[1], cell != base[2]) == (True, True, True)


def test_the_methods_own_parameters_leave_the_recipe_alone():
    base, other, reference = keys(config()), keys(config("method.weight=2.0")), config().as_reference("source_only")
    assert other[0] != base[0]
    assert other[1] == base[1] == recipe_key(reference, "f")
    assert other[2] != base[2]


def test_the_seed_leaves_the_cell_alone_and_zero_is_a_seed():
    base, other = keys(config()), keys(config("seed=1"))
    assert config().seed == 0
    assert base[0] != other[0]
    assert base[1] != other[1]
    assert base[2] == other[2]


def test_keys_stay_what_they_are():
    # a change here makes every finished run of every user be run again: say so under "Changes numbers"
    content = {"dataset": {"name": "d"}, "backbone": {}, "seed": 0}

    class Fixed:
        method = {"name": "m"}
        trainer = type("T", (), {"precision": "32-true", "devices": 1, "accumulate": 1, "tf32": False})

        def model_dump(self, **_):
            return dict(content)

    assert run_key(Fixed(), "f", 1) == "efb3326729dddeef"


def test_bilinear_is_in_no_key_and_bicubic_is():
    image = ("dataset=office31", "pair=A-W", "method=dann", "backbone=resnet18", "classifier=head")
    own = settled(*image, "augment=office")
    without = {name: value for name, value in own.augment.items() if name != "interpolation"}
    assert own.augment["interpolation"] == "bilinear"
    assert keys(own) == keys(own.model_copy(update={"augment": without}))
    assert own.augment["interpolation"] == "bilinear"
    assert not set(keys(settled(*image, "augment=office", "augment.interpolation=bicubic"))) & set(keys(own))


@pytest.mark.parametrize(("group", "setting"), [("dataset", "label_map"), ("classifier", "gamma")])
def test_a_setting_that_came_later_is_in_no_key_at_its_default(group, setting):
    own = config("classifier=rbf_svm", "backbone=identity", "method=source_only")
    values = {**getattr(own, group), setting: None}
    without = {name: value for name, value in values.items() if name != setting}
    assert keys(own.model_copy(update={group: values})) == keys(own.model_copy(update={group: without}))
    set_ = own.model_copy(update={group: {**values, setting: 0.5}})
    assert not set(keys(set_)) & set(keys(own))


def test_a_methods_later_parameters_are_in_its_keys_only_where_they_say_something():
    own = config_of("pair=H-P", "method=tradaboost", "protocol.shots=1")
    older = {name: value for name, value in own.method.items() if name not in ("loss", "dynamic")}
    assert older.keys() == {"_target_", "name", "rounds"}
    assert keys(own) == keys(own.model_copy(update={"method": older}))
    assert method_of(own) == older
    run, recipe, cell = keys(own)
    for setting in ("method.loss=samme", "method.dynamic=true"):
        other = keys(config_of("pair=H-P", "method=tradaboost", "protocol.shots=1", setting))
        assert other[0] != run
        assert other[1] == recipe
        assert other[2] != cell


def test_a_parameter_of_that_name_of_another_method_stays_in_its_key():
    own = config_of("pair=H-P", "method=multisource_tradaboost", "protocol.shots=1")
    assert method_of(own) == own.method
    assert own.method["loss"] == "paper"


def test_a_method_that_is_gone_has_the_key_that_it_had():
    own = config()
    gone = own.model_copy(update={"method": {**own.method, "_target_": "baselines.gone.Gone"}})
    assert method_of(gone) == gone.method


def test_an_annealing_that_no_config_has_is_in_no_key_and_one_that_is_set_is():
    assert "annealing" not in config().optim.model_dump()
    assert "annealing" not in config().model_dump(mode="json")["optim"]
    own = config("optim=tllib", "optim.annealing=0.75")
    assert own.model_dump(mode="json")["optim"]["annealing"] == 0.75
    assert keys(own) != keys(config("optim=tllib", "optim.annealing=7.5"))
    with pytest.raises(TlbenchError, match=r"annealing=10 has no say with schedule=cosine"):
        config("optim=tllib", "optim.schedule=cosine")


def test_shares_as_they_are_are_in_no_key_and_drawn_ones_are():
    own = config_of("pair=H-P", "method=sa", "protocol=sampled", "classifier=logistic", "backbone=identity")
    assert own.protocol["source_shares"] is None
    without = {name: value for name, value in own.protocol.items() if name != "source_shares"}
    assert keys(own) == keys(own.model_copy(update={"protocol": without}))
    assert run_key(own, "f", 1) == "f2cde1ef1c7b4160"  # of before there were drawn shares
    drawn = config("protocol.source_shares=1")
    assert drawn.protocol["source_shares"] == 1.0
    assert not set(keys(drawn)) & set(keys(config()))
    assert keys(drawn)[1] == recipe_key(drawn.as_reference("source_only"), "f")


def test_no_rule_is_in_no_key_and_one_that_is_set_is():
    own = config_of("pair=H-P", "method=sa", "protocol=sampled", "classifier=logistic", "backbone=identity")
    assert own.protocol["reject"] is None
    without = {name: value for name, value in own.protocol.items() if name != "reject"}
    assert keys(own) == keys(own.model_copy(update={"protocol": without}))
    rules = [config(f"protocol.reject={rule}") for rule in ("entropy", "0.8", "0.5")]
    assert len({key for each in (*rules, config()) for key in keys(each)}) == 12
    assert keys(rules[0])[1] == recipe_key(rules[0].as_reference("source_only"), "f")


def test_settings_of_heads_and_shares_that_came_later_are_in_no_older_key():
    own = config_of("dataset=mini_digits", "pair=H-P", "method=dann", "backbone=lenet", "classifier=head")
    assert (own.classifier["last"], own.optim.shares) == ("linear", "proportional")
    older = {name: value for name, value in own.classifier.items() if name not in ("last", "temperature")}
    assert identity_of(own.model_copy(update={"classifier": older})) == identity_of(own)
    assert "shares" not in own.optim.model_dump(mode="json")
    words = ["dataset=mini_digits", "pair=H-P", "method=dann", "backbone=lenet", "classifier=head"]
    others = [config_of(*words, word) for word in ("classifier.last=cosine", "optim.shares=equal")]
    assert len({identity_of(config)["recipe_key"] for config in (own, *others)}) == 3
