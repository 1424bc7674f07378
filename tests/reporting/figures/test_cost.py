import numpy as np
import pytest

from tests.reporting.figures.drawn import places
from tests.reporting.figures.many import RULE, costs
from tlbench.findings.costs import pareto
from tlbench.reporting.figures.cost import gain_over_cost

SECONDS, GAIN = np.array([1.0, 10.0, 20.0]), np.array([0.0, 5.0, 4.0])
TABLE = costs(3).assign(
    method=["source_only", "dann", "mmd"], gain=GAIN, train_seconds=SECONDS, peak_memory_mb=[300.0, 200.0, 100.0],
    front_train_seconds=pareto(SECONDS, GAIN), front_peak_memory_mb=[False, True, True],
)  # fmt: skip


def test_fronts_are_filled_and_joined_and_every_method_of_few_is_named():
    seconds, memory = gain_over_cost(TABLE, RULE).axes
    by_name = {bars.get_label(): places(bars.lines[0]) for bars in seconds.containers}
    assert by_name == {"beaten": [(20, 4)], "front": [(1, 0), (10, 5)]}
    assert {bars.get_label(): places(bars.lines[0]) for bars in memory.containers}["front"] == [(100, 4), (200, 5)]
    (step,) = (line for line in seconds.lines if line.get_label() == "_step")
    assert places(step) == [(1, 0), (10, 5)]
    assert [t.get_text() for t in seconds.texts] == ["source_only", "mmd", "dann"]  # by gain, from below
    assert seconds.get_xscale() == memory.get_xscale() == "log"
    assert "(s, log scale)" in seconds.get_xlabel()
    assert "(MB, log scale)" in memory.get_xlabel()


def test_of_many_methods_the_front_alone_is_named():
    many = costs(12).assign(front_train_seconds=[True] + [False] * 11, front_peak_memory_mb=True)
    seconds, memory = gain_over_cost(many, RULE).axes
    assert (len(seconds.texts), len(memory.texts)) == (1, 12)


def test_a_log_axis_takes_no_zero():
    with pytest.raises(ValueError, match="above zero"):
        gain_over_cost(TABLE.assign(train_seconds=[0.0, 1, 2]), RULE)
