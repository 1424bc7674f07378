import pandas as pd
import pytest

from tlbench.findings.causes import CONTRADICT, FAR, cause_of
from tlbench.findings.rule import Rule

LOSES, GAINS = ("coral", "method", -3.0, "negative"), ("mmd", "method", 4.0, "positive")
LOSES_TOO = ("source_only", "reference", -5.0, "negative")
FARAWAY, CLOSE = {"a_distance": FAR, "oracle_joint_excess": 0.0}, {"a_distance": 0.4, "oracle_joint_excess": 0.0}
BETTER = (2.0, 0.01)


def cause(*others, oracle=None, distances=FARAWAY):
    table = pd.DataFrame(list(others), columns=["method", "role", "gain", "flag"])
    return cause_of(-6.0, table, oracle, distances, Rule())


def test_an_oracle_checkpoint_that_gains_blames_the_selection_before_all_else():
    name, words = cause(LOSES, GAINS, oracle=BETTER)
    assert name == "selection"
    assert "gain -6.0; ORACLE checkpoint +2.0 (p = 0.01)" in words
    assert "last does not pick it" in words


@pytest.mark.parametrize("oracle", [None, (2.0, 0.05), (-2.0, 0.001)])
def test_an_oracle_checkpoint_that_does_not_gain_beyond_noise_blames_nothing(oracle):
    assert cause(LOSES, GAINS, oracle=oracle)[0] == "method"


def test_another_method_that_gains_blames_the_method():
    name, words = cause(LOSES, GAINS)
    assert (name, "mmd finds on this pair" in words) == ("method", True)
    assert "1 of 2 other ways of transfer lose beyond noise, the best is mmd with +4.0" in words


def test_a_reference_that_gains_is_no_other_method():
    assert cause(LOSES, ("source_and_target", "reference", 4.0, "positive"))[0] == "undetermined"


@pytest.mark.parametrize("near", [{}, {"a_distance": None}, {"oracle_class_a_distance": 0.2}])
@pytest.mark.parametrize(
    "far", [{"a_distance": FAR}, {"oracle_class_a_distance": FAR}, {"oracle_joint_excess": CONTRADICT}]
)
def test_everything_loses_and_the_domains_are_apart_in_one_way(near, far):
    name, words = cause(LOSES, LOSES_TOO, distances={**near, **far})
    assert name == "data"
    assert "2 of 2 other ways of transfer lose beyond noise, the best is coral with -3.0" in words


def test_each_thing_that_is_lacking_leaves_it_undetermined_and_is_named():
    assert cause(LOSES, distances=CLOSE)[0] == cause(distances=FARAWAY)[0] == "undetermined"
    assert "the domains are not far apart" in cause(LOSES, distances=CLOSE)[1]
    assert "nothing else was tried on this pair" in cause()[1]
    assert "no distances were measured" in cause(LOSES, distances=None)[1]
    name, words = cause(LOSES, ("mmd", "method", 0.5, "inconclusive"))
    assert (name, "not all others lose beyond noise" in words) == ("undetermined", True)
