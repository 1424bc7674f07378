"""Short words are written out before a key is made: `[row_l2]` is the run that its long form is."""

import pytest

from tests.support import config_of, identity_of
from tlbench.config.short_words import with_transforms
from tlbench.errors import TlbenchError

LONG = "{_target_: tlbench.data.transforms.row_l2, _partial_: true}"


def test_a_short_word_makes_the_run_of_its_long_form():
    short, long = (
        config_of("dataset=mini_digits", "pair=H-P", f"dataset.transforms={words}")
        for words in ("[row_l2]", f"[{LONG}]")
    )
    assert identity_of(short) == identity_of(long)
    assert short.dataset["transforms"] == [{"_target_": "tlbench.data.transforms.row_l2", "_partial_": True}]


def test_parameters_and_names_of_ones_own():
    given = ["zscore", {"rescale": {"low": 0, "high": 255}}, "mine.scaled", {"_target_": "a.b", "_partial_": True}]
    assert with_transforms({"transforms": given})["transforms"] == [
        {"_target_": "tlbench.data.transforms.zscore", "_partial_": True},
        {"_target_": "tlbench.data.transforms.rescale", "_partial_": True, "low": 0, "high": 255},
        {"_target_": "mine.scaled", "_partial_": True},
        {"_target_": "a.b", "_partial_": True},
    ]
    assert with_transforms({"name": "x"}) == {"name": "x"}


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (["row_l3"], r"Unknown transform 'row_l3'. Did you mean 'row_l1'\?|Did you mean 'row_l2'\?"),
        ("row_l2", "must be a list, got 'row_l2'"),
        ([{"rescale": 3}], "parameters of rescale must be KEY: VALUE, got 3"),
        (["as_rows"], "Unknown transform 'as_rows'"),
    ],
)
def test_what_is_no_transform_is_refused(given, told):
    with pytest.raises(TlbenchError, match=told):
        with_transforms({"transforms": given})
