"""The values of trials, as numbers: spread, extension, independence of names."""

import math

import numpy as np
import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from tlbench.sweeping.search import Range, Search, uniforms, written

LOG = {"low": 0.01, "high": 10.0, "scale": "log"}
ENGINES = st.sampled_from(["sobol", "random"])


def search(trials: int = 8, engine: str = "sobol", seed: int = 0, **space: dict) -> Search:
    space = {key.replace("__", "."): value for key, value in space.items()}
    return Search(name="s", trials=trials, engine=engine, seed=seed, space=space)


def values(found: Search, name: str) -> list:
    return [trial[name] for trial in found.values()[1:]]


@settings(max_examples=40)
@given(ENGINES, st.integers(0, 40), st.integers(0, 40), st.integers(0, 9), st.text(max_size=8))
def test_more_trials_go_on_where_fewer_end(engine, few, more, seed, name):
    few, more = sorted((few, more))
    one, two = uniforms(engine, few, seed, name), uniforms(engine, more, seed, name)
    assert one.tolist() == two[:few].tolist()
    assert ((two >= 0) & (two < 1)).all()
    assert len(two) == more


@pytest.mark.parametrize("engine", ["sobol", "random"])
def test_another_name_in_the_space_moves_no_value_and_names_and_seeds_differ(engine):
    alone = search(9, engine, a=LOG)
    both = search(9, engine, b=LOG, a=LOG)
    assert values(alone, "a") == values(both, "a")
    assert values(both, "a") != values(both, "b")
    assert values(alone, "a") != values(search(9, engine, seed=1, a=LOG), "a")


@pytest.mark.parametrize("name", ["method.weight", "optim.lr", "x"])
def test_sobol_points_stand_one_in_each_equal_part(name):
    points = uniforms("sobol", 64, 3, name)
    for n in (1, 2, 4, 8, 16, 32, 64):
        assert sorted(int(u * n) for u in points[:n]) == list(range(n))
    random = uniforms("random", 64, 3, name)
    assert sorted(int(u * 64) for u in random) != list(range(64))


def test_two_names_do_not_rise_and_fall_together():
    """Scrambled points of one Sobol dimension, place by place, would share their halves: correlation 1 or -1."""
    halves = np.array([uniforms("sobol", 16, 0, f"name {i}") > 0.5 for i in range(40)], dtype=float)
    correlation = np.corrcoef(halves)[np.triu_indices(40, 1)]
    assert np.abs(correlation).mean() < 0.3  # about 0.2 for independent orders
    assert abs(correlation.mean()) < 0.05


def test_a_known_search_has_these_values():
    # a change here makes users' searches be run again: say so under "Changes numbers"
    space = {"method__weight": LOG, "method__gamma": {"low": 1.0, "high": 100.0, "scale": "log"}}
    found = search(4, **space).values()
    assert found == [
        {},
        {"method.weight": 4.588, "method.gamma": 95.14},
        {"method.weight": 0.0563, "method.gamma": 1.077},
        {"method.weight": 0.02556, "method.gamma": 30.09},
    ]


def test_scales_by_hand():
    assert Range(**LOG).at(0.0) == 0.01
    assert Range(**LOG).at(0.5) == pytest.approx(math.sqrt(0.01 * 10), rel=1e-3)
    assert Range(**LOG).at(1 / 3) == pytest.approx(0.1)
    assert Range(low=-1, high=3, scale="linear").at(0.25) == 0.0
    assert [Range(low=3, high=6, scale="int").at(u) for u in (0, 0.24, 0.25, 0.5, 0.75, 0.999)] == [3, 3, 4, 5, 6, 6]
    assert [Range(choices=["a", [1], None]).at(u) for u in (0, 0.33, 0.34, 0.66, 0.67)] == ["a", "a", [1], [1], None]


def test_values_are_short_and_within_the_range():
    third = Range(low=0, high=1, scale="linear").at(1 / 3)
    assert third == 0.3333
    assert Range(low=0.012344, high=1, scale="linear").at(0.0) == 0.012344  # not 0.01234, which lies outside
    assert Range(low=0, high=0.99999, scale="linear").at(0.999999) == 0.99999
    assert isinstance(Range(low=1, high=99999, scale="int").at(0.5), int)
    assert Range(low=3, high=6, scale="int").at(math.nextafter(1, 0)) == 6


@given(st.floats(1e-6, 1e6), st.floats(1.5, 1e6), st.sampled_from(["linear", "log"]), st.floats(0, 1, exclude_max=True))
def test_any_value_has_four_digits_or_is_an_end(low, factor, scale, u):
    found = Range(low=low, high=low * factor, scale=scale)
    value = found.at(u)
    assert found.holds(value)
    assert value in (found.low, found.high) or value == float(f"{value:.3e}")


def test_integers_and_choices_come_equally_often():
    found = search(17, a={"low": 3, "high": 6, "scale": "int"}, b={"choices": ["x", "y"]})
    assert sorted(values(found, "a")) == [3] * 4 + [4] * 4 + [5] * 4 + [6] * 4
    assert sorted(values(found, "b")) == ["x"] * 8 + ["y"] * 8


def test_what_a_range_holds():
    assert [Range(low=1, high=2, scale="linear").holds(x) for x in (0.9, 1, 2, 2.1)] == [False, True, True, False]
    assert [Range(choices=["a", 2]).holds(x) for x in ("a", 2, "b")] == [True, True, False]


@pytest.mark.parametrize(
    ("allowed", "wrong", "message"),
    [
        (LOG, {**LOG, "low": 0.0}, "log needs low above 0"),
        (LOG, {**LOG, "high": 0.01}, "low < high"),
        (LOG, {**LOG, "scale": None}, "low < high and scale"),
        (LOG, {**LOG, "scale": "lin"}, "'linear', 'log' or 'int'"),
        (LOG, {**LOG, "low": None}, "low < high"),
        (LOG, {**LOG, "hihg": 3}, "not permitted"),
        (LOG, {**LOG, "high": math.inf}, "finite"),
        ({"low": 1, "high": 3, "scale": "int"}, {"low": 1, "high": 3.5, "scale": "int"}, "whole numbers"),
        ({"low": 1, "high": 3, "scale": "int"}, {"low": 0.5, "high": 3, "scale": "int"}, "whole numbers"),
        ({"choices": [1, 2]}, {"choices": [1, 1]}, "two or more different"),
        ({"choices": [1, 2]}, {"choices": [1, 2], "low": 0}, "stand alone"),
    ],
)  # fmt: skip
def test_ranges_that_are_none_are_refused(allowed, wrong, message):
    Range(**allowed)
    with pytest.raises(ValidationError, match=message):
        Range(**wrong)


PLAIN = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.characters(min_codepoint=32, max_codepoint=126, exclude_characters="$"), max_size=12),
)  # fmt: skip
VALUES = (
    PLAIN | st.lists(PLAIN, max_size=3) | st.dictionaries(st.from_regex(r"k[a-z_]*", fullmatch=True), PLAIN, max_size=2)
)


@given(VALUES)
def test_what_is_written_is_what_hydra_reads(value):
    (override,) = OverridesParser.create().parse_overrides([f"key={written(value)}"])
    read = override.value()
    assert not override.is_sweep_override()
    assert (unquoted(read), type(unquoted(read))) == (value, type(value))


def unquoted(value):
    """Hydra's values with its quoted strings as plain ones."""
    if isinstance(value, list):
        return [unquoted(v) for v in value]
    if isinstance(value, dict):
        return {key: unquoted(v) for key, v in value.items()}
    return getattr(value, "text", value)


def test_words_that_mean_something_else_are_quoted():
    assert [written(x) for x in ("lenet", "true", "Null", "two words", 0.01, None, True, [1, "a"])] == [
        "lenet", "'true'", "'Null'", "'two words'", "0.01", "null", "true", "[1,a]"
    ]  # fmt: skip


def test_a_grid_is_every_combination_of_choices_after_the_config_as_it_is():
    found = search(engine="grid", a={"choices": [1, 2]}, b={"choices": ["x", "y", "z"]}).values()
    assert found[0] == {}
    assert [(trial["a"], trial["b"]) for trial in found[1:]] == [(a, b) for a in (1, 2) for b in "xyz"]
    with pytest.raises(ValueError, match="engine=grid needs choices for each name, and b has a range"):
        search(engine="grid", a={"choices": [1, 2]}, b=LOG)
