import pytest

from tlbench.training.schedules import LEARNING_RATE, learning_rate


@pytest.mark.parametrize(
    ("name", "start", "middle", "end"),
    [("constant", 1, 1, 1), ("annealed", 1, 6**-0.75, 11**-0.75), ("cosine", 1, 0.5, 0), ("quarters", 1, 0.01, 1e-4)],
)
def test_values(name, start, middle, end):
    factor = LEARNING_RATE[name]
    assert [factor(0), factor(0.5), factor(1)] == pytest.approx([start, middle, end])


def test_quarters_change_at_the_quarters():
    factor = LEARNING_RATE["quarters"]
    assert [factor(step / 2000) for step in (499, 500, 1499, 1500, 1999)] == pytest.approx([1, 0.1, 0.01, 0.001, 0.001])


def test_annealing_is_a_rate_by_step_times_the_steps():
    gamma, steps = 0.0003, 2500
    factor = learning_rate("annealed", gamma * steps)
    assert [factor(i / steps) for i in (0, 1, 2000)] == pytest.approx([1, 1.0003**-0.75, 1.6**-0.75])
    assert learning_rate("annealed", None)(1.0) == pytest.approx(11**-0.75)
    assert learning_rate("cosine", None)(1.0) == pytest.approx(0)
