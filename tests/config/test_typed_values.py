"""Numbers for floats are floats, so that one run has one key; true is no number, and infinity none that can be used."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import pytest

from tests.support import config_of, settled
from tlbench.config.keys import cell_key, run_key
from tlbench.config.typed_values import typed
from tlbench.errors import TlbenchError


class Base:
    def __init__(self, *, ridge: float | None, **more: Any) -> None: ...


class Thing(Base):
    def __init__(
        self,
        *,
        weight: float,
        width: int = 1,
        flag: bool = False,
        name: str | None = None,
        kind: Literal["a", "b"] = "a",
        scales: Sequence[float] = (),
        files: Mapping[str, str] | None = None,
        function: Callable[..., int] = len,
        **base: Any,
    ) -> None: ...


TARGET = f"{__name__}.Thing"


def taken(**values: Any) -> dict[str, Any]:
    return typed("method", {"_target_": TARGET, **values})


def test_whole_numbers_for_floats_become_floats_and_nothing_else_changes():
    got = taken(weight=1, ridge=2, width=3, flag=True, name="x", scales=[1, 0.5], files={"a": "b"}, other=4)
    assert got["weight"] == 1.0
    assert {key: type(value) for key, value in got.items() if key in ("weight", "ridge", "width", "other")} == {
        "weight": float, "ridge": float, "width": int, "other": int
    }  # fmt: skip
    assert [type(scale) for scale in got["scales"]] == [int, float]  # published tables have such lists in their keys
    inner = typed("dataset", {"_target_": TARGET, "transforms": [{"_target_": TARGET, "weight": 1}]})
    assert type(inner["transforms"][0]["weight"]) is float


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("weight", True, r"method\.weight: Input should be a valid number, got True\. Set by method\.weight="),
        ("weight", "1", "should be a valid number, got '1'"),
        ("weight", float("inf"), "finite number, got inf"),
        ("weight", float("nan"), "finite number, got nan"),
        ("ridge", False, "ridge: .*got False"),
        ("width", 1.5, "valid integer, got 1.5"),
        ("width", True, "valid integer, got True"),
        ("flag", 1, "valid boolean, got 1"),
        ("kind", "c", "should be 'a' or 'b', got 'c'"),
        ("scales", 3, "must be a list such as"),
        ("scales", "abc", "must be a list such as"),
        ("scales", [1.0, float("inf")], "finite number"),
        ("scales", [True], "valid number"),
        ("files", ["a"], "must be names with their values"),
    ],
)
def test_a_value_of_another_kind_is_told(key, value, message):
    taken(**{"weight": 1.0, "ridge": None, "name": None, "function": "anything"})
    with pytest.raises(TlbenchError, match=message):
        taken(**{key: value})


@pytest.mark.parametrize(
    ("method", "one", "same"),
    [
        ("coral_linear", "method.ridge=1", "method.ridge=1.0"),
        ("tca", "method.ridge=2", "method.ridge=2.0"),
        ("dann", "classifier.dropout=0", "classifier.dropout=0.0"),
        ("dann", "protocol.source_val=0", "protocol.source_val=0.0"),
        ("dann", "optim.lr=1", "optim.lr=1.0"),
    ],
)
def test_a_number_written_in_two_ways_is_one_run_and_one_cell(method, one, same):
    first, second = (config_of("pair=H-P", f"method={method}", value) for value in (one, same))
    assert run_key(first, "f", 1) == run_key(second, "f", 1)
    assert cell_key(first, "f", 1) == cell_key(second, "f", 1)


def test_references_are_taken_likewise():
    words = ["pair=H-P", "backbone=lenet", "classifier=head", "method@references.methods.source_only=coral"]
    config = settled(*words, "references.methods.source_only.weight=3")
    assert type(config.as_reference("source_only").method["weight"]) is float
