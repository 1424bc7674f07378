"""Settings as columns and as the words that tell cells apart."""

import pandas as pd
import pytest

from tests.support import config_of
from tlbench.store.setting_columns import in_words, names_of, settings_of, settings_table, varying, with_settings

MINI = ("dataset=mini_digits", "pair=H-P", "seed=0")


def stored(*overrides):
    return config_of(*MINI, *overrides).model_dump(mode="json")


def test_every_hyper_parameter_has_a_column_and_no_path_has_one():
    found = settings_of(stored("method=dann", "method.weight=0.5", "optim.lr=0.05", "protocol.shots=3"))
    assert found["method.weight"] == 0.5
    assert found["method.gamma"] == 10.0
    assert found["optim.lr"] == 0.05
    assert found["protocol.shots"] == 3
    assert found["backbone.mode"] == "finetune"
    assert found["validators"] == 300
    for key in found:
        assert key.split(".")[0] not in {
            "store",
            "data_dir",
            "logger",
            "references",
            "about",
            "pair",
            "seed",
        }
        assert key.split(".")[-1] not in {"name", "_target_", "_partial_"}
    assert not any(
        key.startswith(("dataset.short", "dataset.about", "dataset.recipe", "dataset.sources")) for key in found
    )


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (0.05, "0.05"), (2.0, "2"), (True, "true"), (None, "null"), ("early", "early"), (3, "3"), ([0.25, 1], "[0.25, 1]"),
        ([{"_target_": "tlbench.data.transforms.row_l2", "_partial_": True}], "[row_l2]"),
        ({"_target_": "a.scaled", "by": 2.0}, "scaled(by=2)"), ({"k": [1]}, "{k=[1]}"),
    ],
)  # fmt: skip
def test_values_are_written_as_people_write_them(value, words):
    assert in_words(value) == words


def test_names_have_what_varies_and_nothing_else():
    dims = [stored("method=pca", "classifier=linear_svm", f"method.dim={dim}") for dim in (10, 20)]
    assert names_of(dims) == ["dim=10", "dim=20"]
    rates = [stored("method=dann", f"optim.lr={lr}", f"method.weight={w}") for lr, w in ((0.1, 1.0), (0.05, 2.0))]
    assert names_of(rates) == ["weight=1, lr=0.1", "weight=2, lr=0.05"]
    assert names_of(
        [stored("method=dann"), stored("method=dann", "validators=0", "distances=0", "store=elsewhere")]
    ) == ["", ""]


def test_hardware_that_moves_numbers_is_a_setting():
    found = [
        stored("method=dann", *words) for words in ((), ("trainer.accumulate=2",), ("trainer.precision=bf16-mixed",))
    ]
    assert names_of(found) == [
        "precision=32-true, accumulate=1", "precision=32-true, accumulate=2", "precision=bf16-mixed, accumulate=1"
    ]  # fmt: skip


def test_settings_of_one_last_word_keep_their_groups():
    both = [{"dataset": {}, "method": {"lr": x}, "optim": {"lr": y}} for x, y in ((1, 2), (3, 4))]
    assert names_of(both) == ["method.lr=1, optim.lr=2", "method.lr=3, optim.lr=4"]


def test_a_setting_that_one_of_two_lacks_is_named_where_it_is():
    assert names_of([{"dataset": {}, "method": {"k": 5}}, {"dataset": {}, "method": {}}]) == ["k=5", ""]


def test_columns_are_joined_by_cell_and_what_varies_is_told():
    configs = {"c1": stored("method=dann"), "c2": stored("method=mmd", "optim.lr=0.2")}
    table = pd.DataFrame({"cell_key": ["c2", "c1", "c2"], "seed": [0, 0, 1]})
    joined = with_settings(table, configs)
    assert joined["optim.lr"].tolist() == [0.2, 0.1, 0.2]
    assert joined["method.gamma"].isna().tolist() == [True, False, True]
    assert list(joined)[:2] == ["cell_key", "seed"]
    assert "optim.lr" in varying(settings_table(configs))
    assert "optim.steps" not in varying(settings_table(configs))
